from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from storybook.models import Scenelet, Shot, Story
from tests.support.admin_clients import BAR_QUERIES, VIEWS, browser_of, producer, viewer
from tests.support.factories import State, force, make_render, make_story, shots_of
from tests.support.pages import levels, page_of, told

pytestmark = pytest.mark.django_db

# Text that must not become markup, and text that could reorder what a browser shows.
NASTY = "<script>alert(1)</script>\u2028\u202e\"'&{{ 7 }}"


def takes_url(shot):
    return reverse("admin:storybook_shot_takes", args=[shot.pk])


@pytest.fixture
def shots():
    story = make_story(scenelets=("opening", "cellar"), shots=2)
    return list(shots_of(story).select_related("scenelet__story"))


def card(page, render):
    """The card of a render on the page."""
    return page.hook("render", str(render.pk))


def test_shot_without_renders_shows_its_storyboard_and_can_be_generated(shots):
    page = page_of(producer().get(takes_url(shots[0])))

    assert "no-render" in page and "render" not in page
    storyboard = page.hook("storyboard").text
    assert "wide, low" in storyboard and "Who lit the lamp?" in storyboard
    actions = [each.attributes.get("value") for each in page.tags("input")]
    assert "generate_videos" in actions


def test_viewer_is_not_offered_to_generate(shots):
    page = page_of(viewer().get(takes_url(shots[0])))

    assert "no-render" in page
    assert "action" not in page.fields


def test_the_page_says_what_was_made_and_what_waits(shots):
    empty = told(producer().get(takes_url(shots[0])))
    make_render(
        shots[0], State.DONE, review="rejected", review_reason="Too dark.", reviewed_by_name="Ida"
    )
    make_render(shots[0], State.DONE)
    make_render(shots[0], State.RUNNING)
    make_render(shots[0], State.UNKNOWN)
    make_render(shots[0], State.REHEARSED)
    make_render(shots[1], State.DONE, review="approved")
    reviewer = browser_of(*VIEWS, "videogen.generate_video", "videogen.review_video")

    page = told(reviewer.get(takes_url(shots[0])))
    locked = told(reviewer.get(takes_url(shots[1])))

    assert "No video yet." in empty and "Generate a video…" in empty
    for words in (
        "Rejected by Ida : Too dark.",
        "The same request as take 1: nothing was changed in between.",
        "Load the page again to see its progress.",
        "Needs a decision.",
        "Rehearsals Dry runs made these.",
    ):
        assert words in page, words
    assert "approved · locked" in locked and "Unlock it before you upload" in locked


def test_takes_come_newest_first_and_rehearsals_apart(shots):
    first = make_render(shots[0], State.DONE, video_file="a/take 1.mp4", poster_file="a/take-1.jpg")
    failed = make_render(shots[0], State.FAILED, error_message="The API was tired.")
    rehearsal = make_render(shots[0], State.REHEARSED)
    second = make_render(shots[0], State.DONE, operation_name="operations/two")
    make_render(shots[1], State.FAILED, error_message="Another shot's trouble.")

    page = page_of(viewer().get(takes_url(shots[0])))

    shown = [
        each["render" if "data-render" in each.attributes else "rehearsals"]
        for each in page
        if {"data-render", "data-rehearsals"} & each.attributes.keys()
    ]
    assert shown == [str(second.pk), str(failed.pk), str(first.pk), "", str(rehearsal.pk)]
    assert page.values("take") == ["2", "1"]
    assert card(page, failed).texts("error") == ["The API was tired."]
    [video] = card(page, first).tags("video")
    assert video.attributes["src"] == "/media/a/take%201.mp4"
    assert video.attributes["poster"] == "/media/a/take-1.jpg"
    assert "/media/a/take%201.mp4?download=S01-01" in card(page, first).links
    assert card(page, second).hook("operation").text == "operations/two"
    for render in (first, second):
        record = reverse("admin:videogen_videorender_change", args=[render.pk])
        assert record in card(page, render).links


def test_what_was_sent_is_shown(shots):
    sent = [{"kind": "character", "id": "ada", "path": "the-lamp/pictures/ada.png"}]
    dropped = [{"kind": "key_frame", "id": "2", "path": "the-lamp/f.png", "reason": "only 3"}]
    make_render(
        shots[0],
        State.BLOCKED,
        references=sent,
        dropped_references=dropped,
        prompt_text='{"a":{"b":1}}',
        price_estimate_usd="3.20",
    )

    response = viewer().get(takes_url(shots[0]))

    page = page_of(response)
    [image] = page.hook("picture", "ada").tags("img")
    assert image.attributes["src"] == "/media/the-lamp/pictures/ada.png"
    assert page.hook("picture", "2").hook("reason").text == "only 3"
    assert "{\n  &quot;a&quot;: {\n    &quot;b&quot;: 1\n  }\n}" in response.text
    assert page.hook("cost").sums == ["$3.20"]


@pytest.mark.parametrize(
    ("place", "before", "after"), [(0, None, 1), (1, 0, 2), (2, 1, 3), (3, 2, None)]
)
def test_neighbours_follow_the_story(shots, place, before, after):
    response = viewer().get(takes_url(shots[place]))

    def named(index):
        return None if index is None else (shots[index].pk, shots[index].code)

    assert (response.context["before"], response.context["after"]) == (named(before), named(after))


@pytest.mark.parametrize(
    "permissions",
    [(), ("storybook.view_shot",), ("videogen.view_videorender",), ("videogen.generate_video",)],
)
def test_history_takes_both_permissions(shots, permissions):
    assert browser_of(*permissions).get(takes_url(shots[0])).status_code == 403


def test_strangers_are_sent_to_the_login(client, shots):
    assert client.get(takes_url(shots[0])).url.startswith("/admin/login/")


def test_missing_shot_leads_back_to_the_admin():
    response = viewer().get("/admin/storybook/shot/999/takes/")

    assert response.status_code == 302
    assert levels(response) == ["warning"]


def test_shot_and_list_lead_to_the_history(shots):
    make_render(shots[0], State.DONE)
    browser = producer()

    listed = page_of(browser.get("/admin/storybook/shot/"))
    takes = {each.attributes["href"]: each.numbers for each in listed.tags("a") if each.text}
    assert (takes[takes_url(shots[0])], takes[takes_url(shots[1])]) == (["1"], [])
    shown = page_of(browser.get(reverse("admin:storybook_shot_change", args=[shots[0].pk])))
    assert takes_url(shots[0]) in shown.links


@pytest.mark.parametrize(
    ("states", "reviews", "word"),
    [
        ([], [], "to do"),
        ([State.REHEARSED], [], "to do"),
        ([State.CANCELLED], [], "cancelled"),
        ([State.DONE], [], "needs review"),
        ([State.FAILED, State.DONE], [], "needs review"),
        ([State.DONE, State.FAILED], [], "failed"),
        ([State.BLOCKED], [], "failed"),
        ([State.UNKNOWN, State.DONE], [], "needs a decision"),
        ([State.INTERRUPTED], [], "needs a decision"),
        ([State.NOT_DOWNLOADED, State.QUEUED], [], "generating"),
        ([State.DONE, State.RUNNING], [], "generating"),
        ([State.DONE, State.DONE], ["unreviewed", "approved"], "approved"),
        ([State.DONE, State.DONE], ["approved", "unreviewed"], "needs review"),
        ([State.DONE], ["rejected"], "retake"),
    ],
)
def test_badge_of_a_shot(shots, states, reviews, word):
    for number, state in enumerate(states):
        review = reviews[number] if reviews else "unreviewed"
        make_render(shots[0], state, review=review)

    response = viewer().get(takes_url(shots[0]))

    assert response.context["badge"].word == word


def test_forgotten_render_is_shown_as_interrupted(shots):
    make_render(shots[0], State.RUNNING, touched_ago=31)

    page = page_of(viewer().get(takes_url(shots[0])))
    assert page.hook("render").values("badge") == ["interrupted"]


def test_everything_is_escaped(shots):
    Story.objects.update(title=NASTY)
    Scenelet.objects.filter(scenelet_id="opening").update(scenelet_id=NASTY, title=NASTY)
    Shot.objects.update(
        storyboard_payload={
            NASTY: NASTY,
            "audioAndNarrative": [{"source": NASTY, "line": NASTY}],
            "referencedDesigns": {"characters": [NASTY]},
        }
    )
    nasty = {"kind": NASTY, "id": NASTY, "path": NASTY, "reason": NASTY}
    render = make_render(
        shots[0],
        State.FAILED,
        error_message=NASTY,
        error_details={NASTY: NASTY},
        operation_name=NASTY,
        download_uri=NASTY,
        prompt_text=NASTY,
        warnings=[NASTY],
        references=[nasty],
        dropped_references=[nasty],
        requested_by_name=NASTY,
    )
    take = make_render(
        shots[0],
        State.DONE,
        review="rejected",
        review_reason=NASTY,
        reviewed_by_name=NASTY,
        prompt_text=NASTY,
        references=[nasty | {"sha256": "a"}],
    )
    other = make_render(
        shots[0],
        State.DONE,
        model=NASTY,
        prompt_text=f"{NASTY}{NASTY}",
        references=[nasty | {"sha256": "b"}],
    )
    browser = browser_of(*VIEWS, "videogen.generate_video", "videogen.review_video")
    action = {"action": "generate_videos", "_selected_action": [shots[0].pk]}
    responses = [
        browser.get(takes_url(shots[0])),
        browser.get(
            reverse("admin:videogen_takes_compare", args=[shots[0].pk]),
            {"a": take.pk, "b": other.pk},
        ),
        browser.get(reverse("admin:videogen_takes_generate", args=[shots[0].pk, take.pk])),
        browser.get("/admin/storybook/shot/"),
        browser.get("/admin/videogen/videorender/"),
        browser.get(reverse("admin:videogen_videorender_change", args=[render.pk])),
        browser.get(reverse("admin:videogen_renderbatch_change", args=[render.batch_id])),
        browser.get("/admin/videogen/renderbatch/"),
        browser.get("/admin/videogen/submission/"),
        browser.post("/admin/storybook/shot/", action, follow=True),
    ]

    for response in responses:
        assert "<script>alert" not in response.text
        assert response.status_code == 200
    for response in responses[:3]:
        assert "&lt;script&gt;" in response.text
        assert " style=" not in response.text


def test_what_changed_since_the_take_before_is_told(shots):
    sheet = {"kind": "character", "id": "ada", "path": "the-lamp/old.png", "sha256": "a"}
    make_render(shots[0], State.DONE, prompt_text='{"mood": "calm"}', references=[sheet])
    redrawn = sheet | {"path": "the-lamp/new.png", "sha256": "b"}
    second = make_render(
        shots[0],
        State.DONE,
        prompt_text='{"mood": "storm"}',
        references=[redrawn],
        model="veo-3.1-fast-generate-preview",
    )
    rehearsal = make_render(
        shots[0], State.REHEARSED, prompt_text='{"mood": "storm"}', references=[redrawn]
    )

    page = page_of(viewer().get(takes_url(shots[0])))

    changed = card(page, second).hook("changes-since", "1")
    lines = [(each["line"], each.hook("text").text) for each in changed.hooks("line")]
    assert ("removed", '"mood": "calm"') in lines and ("added", '"mood": "storm"') in lines
    images = [each.attributes["src"] for each in changed.hook("change").tags("img")]
    assert images == ["/media/the-lamp/old.png", "/media/the-lamp/new.png"]
    assert "veo-3.1-fast-generate-preview" in changed.hook("setting").text
    assert card(page, rehearsal).values("changes-since") == ["2"]


def test_the_same_request_is_told_to_be_the_same(shots):
    make_render(shots[0], State.DONE)
    make_render(shots[0], State.DONE)

    assert page_of(viewer().get(takes_url(shots[0]))).values("same-as") == ["1"]


def test_chosen_take_stands_out_and_a_rejected_one_says_why(shots):
    rejected = make_render(
        shots[0], State.DONE, review="rejected", review_reason="Too dark.", reviewed_by_name="Ida"
    )
    make_render(shots[0], State.DONE, review="selected")
    make_render(shots[1], State.DONE, review="approved")

    page = page_of(viewer().get(takes_url(shots[0])))
    locked = page_of(viewer().get(takes_url(shots[1])))

    assert page.values("review") == ["selected", "rejected"]
    assert card(page, rejected).hook("reviewed-by").text == "Ida"
    assert card(page, rejected).hook("review-reason").text == "Too dark."
    assert locked.hook("render").values("badge") == ["approved"]


def test_players_load_nothing_but_metadata(shots):
    for _ in range(3):
        make_render(shots[0], State.DONE)

    videos = page_of(viewer().get(takes_url(shots[0]))).tags("video")

    assert [each.attributes["preload"] for each in videos] == ["metadata"] * 3


def test_number_of_queries_does_not_grow_with_the_takes(django_assert_max_num_queries, shots):
    browser = viewer()
    counts = []
    for number in (1, 10):
        for _ in range(number):
            make_render(shots[0], State.DONE)
            make_render(shots[0], State.REHEARSED)
        with django_assert_max_num_queries(16 + BAR_QUERIES) as captured:
            browser.get(takes_url(shots[0]))
        counts.append(len(captured))

    assert counts[0] == counts[1]


# -- what changes meanwhile ------------------------------------------------------------------------


def state_of(browser, shot, **asked):
    return browser.get(reverse("admin:videogen_takes_state", args=[shot.pk]), asked).json()


def live_url_of(page):
    [url] = page.values("live-url") or [None]
    return url


def test_the_page_asks_for_news_while_a_render_is_open(shots):
    render = make_render(shots[0], State.RUNNING)
    browser = viewer()

    page = page_of(browser.get(takes_url(shots[0])))
    force(render, state=State.FAILED)
    ended = page_of(browser.get(takes_url(shots[0])))

    assert live_url_of(page).endswith(f"/shots/{shots[0].pk}/state/?newest={render.pk}")
    assert card(page, render)["live-key"] == f"render-{render.pk}"
    assert "elapsed" in card(page, render) and card(page, render).tags("noscript")
    assert live_url_of(ended) is None


def test_a_finished_clip_comes_without_a_reload(shots):
    old = make_render(shots[0], State.DONE)
    render = make_render(shots[0], State.RUNNING)
    browser = viewer()
    before = browser.get(live_url_of(page_of(browser.get(takes_url(shots[0]))))).json()

    still = state_of(browser, shots[0], newest=render.pk, since=before["since"])
    force(render, state=State.DONE, take=2, video_file="two.mp4", poster_file="two.jpg")
    done = state_of(browser, shots[0], newest=render.pk, since=still["since"])

    assert before["active"] and still["active"] and not done["active"]
    assert still["parts"] == {}
    assert {f"render-{render.pk}", "badge", "strip"} <= done["parts"].keys()
    [video] = page_of(done["parts"][f"render-{render.pk}"]).tags("video")
    assert video.attributes["src"] == "/media/two.mp4"
    assert page_of(done["parts"]["badge"]).values("badge") == ["needs review"]
    strip = page_of(done["parts"]["strip"]).links[:2]
    assert strip == [f"#render-{render.pk}", f"#render-{old.pk}"]


def test_the_parts_have_forms_that_can_be_sent(shots):
    render = make_render(shots[0], State.DONE)
    make_render(shots[0], State.RUNNING)
    browser = browser_of(*VIEWS, "videogen.review_video")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    card = state_of(strict, shots[0])["parts"][f"render-{render.pk}"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', card)[1]
    url = reverse("admin:videogen_takes_act", args=[shots[0].pk, render.pk, "select"])
    strict.post(url, {"csrfmiddlewaretoken": token})

    render.refresh_from_db()
    assert render.review == "selected"


def test_what_was_asked_for_meanwhile_is_told(shots):
    render = make_render(shots[0], State.UNKNOWN)
    browser = viewer()

    calm = state_of(browser, shots[0], newest=render.pk)["parts"]["news"]
    make_render(shots[0], State.RUNNING)
    news = state_of(browser, shots[0], newest=render.pk)["parts"]["news"]

    assert calm.strip() == ""
    assert page_of(news).links == [takes_url(shots[0])]


def test_trouble_is_told_to_the_title(shots):
    make_render(shots[0], State.UNKNOWN)
    browser = viewer()

    assert page_of(browser.get(takes_url(shots[0]))).values("trouble") == ["needs a decision"]
    assert "trouble" not in page_of(browser.get(takes_url(shots[1])))


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_the_state_takes_both_permissions(shots, missing):
    browser = browser_of(*(set(VIEWS) - {missing}))
    url = reverse("admin:videogen_takes_state", args=[shots[0].pk])

    assert browser.get(url).status_code == 403
    assert browser.post(url).status_code == 405
    assert viewer().get(reverse("admin:videogen_takes_state", args=[999])).status_code == 404


def test_queries_of_the_state_do_not_grow(shots, django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (1, 9):
        for _ in range(number):
            make_render(shots[0], State.DONE)
        with django_assert_max_num_queries(14 + BAR_QUERIES) as captured:
            state_of(browser, shots[0])
        counts.append(len(captured))

    assert counts[0] == counts[1]


# -- where it leads, and what a locked shot does not take ------------------------------------------


def test_asked_for_by_leads_to_the_batchs_progress(shots):
    render = make_render(shots[0], State.DONE)
    progress = reverse("admin:videogen_renderbatch_progress", args=[render.batch_id])
    blind = browser_of("storybook.view_shot", "videogen.view_videorender")

    assert progress in page_of(viewer().get(takes_url(shots[0]))).links
    page = page_of(blind.get(takes_url(shots[0])))
    assert not any("/renderbatch/" in link for link in page.links)


def test_a_locked_shot_offers_to_unlock_it_instead_of_an_upload(shots):
    approved = make_render(shots[0], State.DONE, review="approved")
    reviewer = browser_of(*VIEWS, "videogen.review_video")
    upload = reverse("admin:videogen_takes_upload", args=[shots[0].pk])
    unlock = reverse("admin:videogen_takes_act", args=[shots[0].pk, approved.pk, "unlock"])

    locked = page_of(reviewer.get(takes_url(shots[0])))
    refused = reviewer.post(upload, {"video": SimpleUploadedFile("my.mp4", b"no matter")})
    reviewer.post(unlock)
    opened = page_of(reviewer.get(takes_url(shots[0])))

    assert upload not in locked.actions and unlock in locked.actions
    assert locked.values("locked-by") == ["1"]
    [message] = get_messages(refused.wsgi_request)
    assert message.level_tag == "warning"
    assert upload in opened.actions
    assert "locked-by" not in page_of(viewer().get(takes_url(shots[0])))
