from __future__ import annotations

import json
import re

import pytest
from django.utils import timezone

from storybook.models import KeyFrame, Scenelet, Shot, Story
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.factories import State, force, make_render, make_story, shots_of
from videogen.models import RenderBatch, VideoRender
from videogen.views.board import in_tree_order
from videogen.views.components.badges import GONE

pytestmark = pytest.mark.django_db

LIST = "/admin/storybook/shot/"


def board_of(story, rest=""):
    return f"/admin/storybook/story/{story.pk}/board/{rest}"


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def codes(response):
    """Return the shots that the page shows, in its order."""
    return [
        int(pk) for pk in re.findall(r'<article class="st-shot" data-shot="(\d+)"', response.text)
    ]


def drafted(batch):
    return set(batch.shots.values_list("pk", flat=True))


# -- what the board shows ------------------------------------------------------------------------


def test_scenelets_come_in_the_order_of_the_tree_with_the_choice_that_leads_there():
    story = make_story(scenelets=("start", "left", "right", "left-end"))
    start, left, right, end = story.scenelets.order_by("sequence")
    for scenelet, parent, choice in (
        (left, start, "Go left"),
        (right, start, "Go right"),
        (end, left, "Knock"),
    ):
        scenelet.parent, scenelet.choice_label = parent, choice
        scenelet.save()

    page = viewer().get(board_of(story)).text

    named = re.findall(r'<h2 id="scenelet-name-\d+"><bdi>([^<]+)</bdi>', page)
    assert named == ["start", "left", "left-end", "right"]
    assert '<bdi class="st-choice">Knock</bdi>' in page


def test_scenelets_whose_parents_form_a_circle_are_all_there():
    story = make_story(scenelets=("a", "b", "c"))
    a, b, c = story.scenelets.order_by("sequence")
    Scenelet.objects.filter(pk=a.pk).update(parent=b)
    Scenelet.objects.filter(pk=b.pk).update(parent=a)

    ordered = in_tree_order(list(story.scenelets.all()))

    assert sorted(each.scenelet_id for each in ordered) == ["a", "b", "c"]


def test_a_shot_without_a_video_shows_its_first_key_frame():
    story = make_story()
    file = KeyFrame.objects.get().picture.file

    page = viewer().get(board_of(story)).text

    assert f'data-still="/media/{story.story_id}/thumbnails/{file.split("/")[2]}.jpg"' in page
    assert "data-video" not in page
    assert 'class="st-badge st-badge--grey">to do<' in page


def test_the_take_that_the_story_uses_is_shown_else_the_newest():
    first, second = all_shots(make_story(shots=2))
    for shot in (first, second):
        for name in ("one", "two"):
            file = f"{shot.pk}-{name}"
            make_render(shot, State.DONE, video_file=f"{file}.mp4", poster_file=f"{file}.jpg")
    force(VideoRender.objects.filter(video_file=f"{first.pk}-one.mp4"), review="selected")

    page = viewer().get(board_of(first.scenelet.story)).text

    assert re.findall(r'data-video="/media/([^"]+)" data-still="/media/([^"]+)"', page) == [
        (f"{first.pk}-one.mp4", f"{first.pk}-one.jpg"),
        (f"{second.pk}-two.mp4", f"{second.pk}-two.jpg"),
    ]
    assert page.count("2 takes") == 2


def test_the_player_gets_selected_takes_and_stills_where_none_is():
    story = make_story(shots=4)
    reviews = ("unreviewed", "selected", "approved", "rejected")
    for shot, review in zip(all_shots(story), reviews, strict=True):
        name = f"{shot.pk}-{review}"
        make_render(
            shot,
            State.DONE,
            review=review,
            video_file=f"{name}.mp4",
            poster_file=f"{name}.jpg",
        )
        make_render(shot, State.DONE, video_file=f"{name}-newer.mp4")

    page = viewer().get(board_of(story)).text

    frames = re.findall(r'<span class="st-frame"[^>]*>', page)
    selected = [re.findall(r'data-selected="/media/\d+-([^"]+)"', each) for each in frames]
    assert selected == [[], ["selected.mp4"], ["approved.mp4"], []]
    assert all('data-still="' in each for each in frames)


def test_the_board_has_the_whole_width(admin_client):
    page = admin_client.get(board_of(make_story())).text

    assert 'id="nav-sidebar"' not in page and 'id="toggle-nav-sidebar"' not in page
    assert 'class="breadcrumbs"' in page


def test_trouble_is_told_to_the_title_and_goes_when_it_is_over():
    story = make_story(shots=4)
    shots = all_shots(story)
    stuck = [make_render(shots[0], State.UNKNOWN)]
    stuck += [make_render(shot, State.FAILED) for shot in shots[1:3]]
    browser = viewer()

    page = browser.get(board_of(story)).text
    force(VideoRender.objects.filter(pk__in=[each.pk for each in stuck]), state="cancelled")
    calm = browser.get(board_of(story)).text

    assert 'data-trouble="2 failed, 1 needs a decision"' in page
    icon = re.search(r'<link rel="icon" href="([^"]+)"[^>]* data-trouble-icon="([^"]+)"', page)
    assert icon[1].endswith("favicon.svg") and icon[2].endswith("favicon-trouble.svg")
    assert "data-trouble=" not in calm


def test_nothing_is_loaded_before_somebody_looks():
    shot = all_shots(make_story())[0]
    make_render(shot, State.DONE, poster_file="poster.jpg")

    page = viewer().get(board_of(shot.scenelet.story)).text

    assert re.findall(r"<video[^>]*>", page) == ['<video controls playsinline preload="none">']
    assert '<img src="/media/poster.jpg" alt="" loading="lazy"' in page


def test_chips_count_and_filter():
    shots = all_shots(make_story(shots=4))
    make_render(shots[0], State.DONE)
    make_render(shots[1], State.FAILED)
    address = board_of(shots[0].scenelet.story)
    browser = viewer()

    everything = browser.get(address)
    failed = browser.get(address, {"status": "failed"})
    unknown = browser.get(address, {"status": "<b>"})

    chips = re.findall(r'class="st-chip" href="([^"]+)".*?st-chip-number">(\d+)<', everything.text)
    assert chips == [
        (address, "4"),
        (f"{address}?status=needs+review", "1"),
        (f"{address}?status=failed", "1"),
        (f"{address}?status=ready", "2"),
    ]
    assert codes(everything) == codes(unknown) == [shot.pk for shot in shots]
    assert codes(failed) == [shots[1].pk]
    assert re.search(
        rf'href="{re.escape(address)}\?status=failed" aria-current="true"', failed.text
    )


def test_a_filter_that_nothing_fits_says_so():
    story = make_story()

    page = viewer().get(board_of(story), {"status": "approved"}).text

    assert "No shot has the status “approved” now." in page


def test_a_story_without_scenelets_says_what_to_do():
    story = Story.objects.create(story_id="empty", title="Empty")

    assert "manage.py import_story" in viewer().get(board_of(story)).text


def test_hostile_names_are_escaped_and_kept_apart():
    story = make_story(
        scenelets=("<script>alert(1)</script>",),
        payload={"compositionAndContent": '"><img src=x onerror=alert(2)> שלום'},
    )
    Story.objects.update(title='<b>مصباح</b>"')
    Scenelet.objects.update(choice_label="<i>go</i>")

    page = viewer().get(board_of(story)).text

    for hostile in ("<script>alert", "<img src=x", "<b>مصباح", "<i>go"):
        assert hostile not in page
    assert "<bdi>&lt;b&gt;مصباح&lt;/b&gt;&quot;</bdi>" in page
    assert "onerror=alert(2)&gt; שלום</bdi>" in page


def test_no_script_and_no_style_is_written_into_the_pages():
    shot = all_shots(make_story())[0]
    make_render(shot, State.DONE)
    browser = producer()

    pages = [
        browser.get(address).text
        for address in (board_of(shot.scenelet.story), LIST, "/admin/storybook/story/")
    ]

    for page in pages:
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


# -- selecting -----------------------------------------------------------------------------------


def test_a_selection_becomes_a_draft_and_leads_to_its_plan():
    story = make_story(shots=3)
    first, second, _ = all_shots(story)

    response = producer(username="ann").post(board_of(story), {"shot": [first.pk, second.pk]})

    batch = RenderBatch.objects.get()
    assert (response.status_code, response.url) == (
        302,
        f"/admin/videogen/renderbatch/{batch.pk}/plan/",
    )
    assert (batch.status, batch.mode, batch.door) == ("draft", "default", "admin")
    assert batch.requested_by_name == "ann"
    assert drafted(batch) == {first.pk, second.pk}
    assert not VideoRender.objects.exists()


def test_many_ids_fit_into_one_field():
    story = make_story(shots=1200, key_frames=False)
    ids = [shot.pk for shot in all_shots(story)]

    response = producer().post(board_of(story), {"shots": ",".join(map(str, ids))})

    assert response.status_code == 302
    assert drafted(RenderBatch.objects.get()) == set(ids)


def test_a_whole_scenelet_is_selected_as_it_was_shown():
    story = make_story(scenelets=("one", "two"), shots=2)
    shots = all_shots(story)
    make_render(shots[0], State.FAILED)
    form = {"scenelet": [shots[0].scenelet_id]}
    browser = producer()

    browser.post(board_of(story), form)
    browser.post(board_of(story, "?status=failed"), form | {"shot": [shots[3].pk]})

    filtered, whole = RenderBatch.objects.filter(status="draft").order_by("-pk")
    assert drafted(whole) == {shots[0].pk, shots[1].pk}
    assert drafted(filtered) == {shots[0].pk, shots[3].pk}


def test_shots_of_another_story_are_left_out():
    story, other = make_story("one"), make_story("two")
    ids = [all_shots(each)[0].pk for each in (story, other)]

    producer().post(board_of(story), {"shot": ids, "scenelet": ["x", "٣", "9" * 30]})

    assert drafted(RenderBatch.objects.get()) == {ids[0]}


def test_nothing_selected_stores_nothing():
    story = make_story()

    response = producer().post(board_of(story, "?status=ready"), {}, follow=True)

    assert response.redirect_chain == [(board_of(story, "?status=ready"), 302)]
    assert "Nothing was selected" in response.text
    assert not RenderBatch.objects.exists()


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_board_needs_both_views(missing):
    story = make_story()
    browser = browser_of(*(set(VIEWS) - {missing}), "videogen.generate_video")

    assert browser.get(board_of(story)).status_code == 403
    assert browser.get(board_of(story, "state/")).status_code == 403
    assert browser.post(board_of(story), {"shot": [1]}).status_code == 403


def test_who_may_only_look_is_not_offered_to_generate_and_stores_nothing():
    story = make_story()
    browser = viewer()

    page = browser.get(board_of(story)).text
    response = browser.post(board_of(story), {"shot": [all_shots(story)[0].pk]})

    assert "data-generate" not in page
    assert response.status_code == 403
    assert not RenderBatch.objects.exists()


def test_board_of_no_story_leads_home():
    browser = viewer()

    assert browser.get("/admin/storybook/story/99/board/").status_code == 302
    assert browser.get("/admin/storybook/story/99/board/state/").status_code == 404


def test_stories_and_their_pages_lead_to_the_board(admin_client):
    story = make_story()

    for address in ("/admin/storybook/story/", f"/admin/storybook/story/{story.pk}/change/"):
        assert f'href="{board_of(story)}"' in admin_client.get(address).text
    without = browser_of("storybook.view_story").get("/admin/storybook/story/").text
    assert "/board/" not in without


# -- what changes meanwhile ------------------------------------------------------------------------


def test_state_has_a_part_for_each_card_the_chips_and_the_queue():
    story = make_story(shots=2)
    first, second = all_shots(story)
    render = make_render(first, State.QUEUED)
    browser = viewer()

    running = browser.get(board_of(story, "state/")).json()
    force(render, state="failed", state_since=timezone.now())
    ended = browser.get(board_of(story, "state/")).json()

    assert running["active"] and not ended["active"]
    assert set(running["parts"]) == {
        "chips",
        "queue",
        f"card-{first.pk}",
        f"card-{second.pk}",
    }
    assert "generating" in running["parts"][f"card-{first.pk}"]
    assert "failed" in ended["parts"][f"card-{first.pk}"]
    assert running["parts"][f"card-{second.pk}"] == ended["parts"][f"card-{second.pk}"]


def test_state_sends_only_what_changed_since():
    story = make_story(shots=300, key_frames=False)
    shots = all_shots(story)
    render = make_render(shots[7], State.RUNNING)
    browser = viewer()
    page = browser.get(board_of(story)).text
    known = re.search(r'data-live-since="([\w-]+)"', page)[1]

    def ask(since):
        response = browser.get(board_of(story, "state/"), {"since": since})
        return response.json(), len(response.content)

    (everything, all_bytes) = ask("")
    (nothing, no_bytes) = ask(known)
    force(render, state="failed", state_since=timezone.now())
    (ended, one_bytes) = ask(known)
    (after, _) = ask(ended["since"])

    assert len(everything["parts"]) == 302 and everything["since"] == known
    assert (nothing["active"], nothing["parts"], nothing["since"]) == (True, {}, known)
    # A card that changed brings along the other cards of its group.
    assert {f"card-{shots[7].pk}", "chips"} <= ended["parts"].keys()
    assert len(ended["parts"]) <= 30
    assert "failed" in ended["parts"][f"card-{shots[7].pk}"]
    assert not ended["active"] and after["parts"] == {}
    assert no_bytes < 500 and one_bytes < all_bytes / 8


@pytest.mark.parametrize("change", ["selected", "poster", "take", "badge"])
def test_whatever_a_card_shows_is_noticed(change):
    story = make_story()
    [shot] = all_shots(story)
    render = make_render(shot, State.DONE, review="rejected")
    browser = viewer()
    before = browser.get(board_of(story, "state/")).json()
    changes = {
        "selected": {"review": "selected"},
        "poster": {"poster_file": "another.jpg"},
        "badge": {"review": "unreviewed"},
    }

    if change == "take":
        make_render(shot, State.DONE, review="rejected")
    else:
        force(render, **changes[change])
    after = browser.get(board_of(story, "state/"), {"since": before["since"]}).json()

    assert f"card-{shot.pk}" in after["parts"]
    assert after["parts"][f"card-{shot.pk}"] != before["parts"][f"card-{shot.pk}"]


@pytest.mark.parametrize("since", ["x", "<script>", "A" * 256, "%00"])
def test_marks_that_are_none_of_ours_bring_everything(since):
    story = make_story(shots=2)

    answer = viewer().get(board_of(story, "state/"), {"since": since}).json()

    assert len(answer["parts"]) == 4


def test_a_card_that_a_filter_does_not_fit_any_more_is_told_all_the_same():
    story = make_story()
    [shot] = all_shots(story)
    render = make_render(shot, State.RUNNING)
    browser = viewer()
    page = browser.get(board_of(story), {"status": "generating"}).text
    known = re.search(r'data-live-since="([\w-]+)"', page)[1]

    force(render, state="failed", state_since=timezone.now())
    state = board_of(story, "state/")
    answer = browser.get(state, {"status": "generating", "since": known}).json()

    assert "failed" in answer["parts"][f"card-{shot.pk}"]


def test_state_shows_what_the_page_shows():
    story = make_story(shots=2)
    make_render(all_shots(story)[0], State.RUNNING)
    browser = viewer()

    page = browser.get(board_of(story), {"status": "generating"}).text
    address = re.search(r'data-live-url="([^"]+)"', page)[1]
    parts = browser.get(address).json()["parts"]
    shown = re.findall(r'data-live-key="([^"]+)"', page)

    assert address == board_of(story, "state/?status=generating")
    assert len(shown) == 3
    assert all(parts[key].strip() in page for key in shown)


@pytest.mark.parametrize("rest", ["", "state/"])
def test_number_of_queries_does_not_grow(rest, django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 20):
        story = make_story(f"story-{number}", scenelets=[f"s{each}" for each in range(number)])
        for shot in all_shots(story):
            make_render(shot, State.DONE)
            make_render(shot, State.FAILED)
        with django_assert_max_num_queries(12) as captured:
            assert browser.get(board_of(story, rest)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_json_of_the_state_is_plain():
    story = make_story(scenelets=("<b>",))

    response = viewer().get(board_of(story, "state/"))

    assert response["Content-Type"] == "application/json"
    assert "<b>" not in json.dumps(response.json()["parts"])


def test_a_card_says_why_in_one_line():
    story = make_story(shots=5)
    shots = all_shots(story)
    make_render(shots[0], State.FAILED, error_message="The model was busy for too long.")
    make_render(shots[1], State.NOT_DOWNLOADED, error_message="The server said 503.")
    make_render(shots[2], State.DONE, review="rejected", review_reason="The hat is gone.")
    Shot.objects.filter(pk=shots[3].pk).update(storyboard_payload=None)

    response = viewer().get(board_of(story))

    cards = response.context["board"].cards
    assert [(card.badge.word, card.reason) for card in cards] == [
        ("failed", "The model was busy for too long."),
        ("needs a decision", "Not downloaded. The server said 503."),
        ("retake", "The hat is gone."),
        ("blocked: no storyboard", ""),
        ("to do", ""),
    ]
    assert re.findall(r"data-reason[^>]*>([^<]*)</bdi>", response.text) == [
        card.reason for card in cards[:3]
    ]
    assert list(response.context["board"].progress.counts) == [
        "failed",
        "needs a decision",
        "retake",
        "blocked",
        "ready",
    ]


def test_a_shot_that_is_no_longer_in_the_bundle_is_marked():
    story = make_story(shots=2)
    gone = shots_of(story)[0]
    shots_of(story).filter(pk=gone.pk).update(gone_since=timezone.now())

    cards = viewer().get(board_of(story)).context["board"].cards

    marks = {card.shot.pk: card.second_badge for card in cards}
    assert marks[gone.pk] == GONE
    assert [badge for pk, badge in marks.items() if pk != gone.pk] == [None]
