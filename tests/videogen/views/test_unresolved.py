from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.factories import make_lane, make_render, make_shot, make_story, shots_of
from tests.support.pages import levels, page_of, told
from videogen.models import Candidate, VideoRender
from videogen.recovery.unresolved import note_asked
from videogen.views.components.urls import decide_url

pytestmark = pytest.mark.django_db

State = VideoRender.State
PAGE = "/admin/videogen/videorender/unresolved/"
STATE = f"{PAGE}state/"
ASK = f"{PAGE}ask/"


def decide(candidate, verb):
    return f"{PAGE}candidates/{candidate.pk}/{verb}/"


def ago(**values):
    return timezone.now() - timedelta(**values)


def unknown(shot=None, **values):
    at = values.pop("claimed_at", ago(minutes=5))
    return make_render(
        shot or make_shot(),
        State.UNKNOWN,
        claimed_at=at,
        error_message="The submission's outcome is unknown.",
        submission={"claimed_at": at, "operation_name": ""},
        **values,
    )


def candidate(number=1, **values):
    return Candidate.objects.create(
        **{
            "lane": make_lane(),
            "source": "operations",
            "name": f"models/veo-3.1-generate-preview/operations/found{number}",
            "made_at": ago(minutes=5),
            "is_done": True,
        }
        | values
    )


def test_nothing_is_unresolved():
    page = page_of(producer().get(PAGE))

    assert "nothing" in page
    assert "live-url" not in page and ASK not in page.actions


def test_the_page_says_what_is_unresolved_and_what_can_be_done():
    assert "Nothing is unresolved." in told(viewer().get(PAGE))
    shots = list(shots_of(make_story(shots=5)).select_related("scenelet__story"))
    render = unknown(shots[0], claimed_at=ago(hours=20, minutes=-1))
    make_render(
        shots[1], State.NOT_DOWNLOADED, claimed_at=ago(hours=46), rendered_at=ago(hours=45.99)
    )
    for shot in shots[2:4]:
        make_render(shot, State.INTERRUPTED, claimed_at=ago(hours=50))
    given_up = make_render(shots[4], State.INTERRUPTED)
    browser = producer()
    browser.post(f"{PAGE}decide/give-up/", {"render": given_up.pk})
    asking = browser.post(ASK).url

    page = told(browser.get(asking))
    note_asked(render, ("list of operations: The API does not offer it.",), next_at=ago(hours=0))
    asked = told(browser.get(PAGE))

    for words in (
        "4 unresolved.",
        "may be gone from the server",
        "2 h left",
        "at least 28 h left",
        "allow a new one",
        "Attach a download link",
        "Resume",
        "Given up lately",
        "Take it back",
        "Ask the API again",
        "Asking the API since",
        "No worker is running",
    ):
        assert words in page, words
    assert "List of operations: The API does not offer it." in asked and "Asked last" in asked


def test_the_most_urgent_comes_first_with_what_is_left():
    shots = list(shots_of(make_story(shots=5)).select_related("scenelet__story"))
    renders = [
        unknown(shots[0], claimed_at=ago(hours=20, minutes=-1)),
        make_render(
            shots[1], State.NOT_DOWNLOADED, claimed_at=ago(hours=46), rendered_at=ago(hours=45.99)
        ),
        make_render(shots[2], State.INTERRUPTED, claimed_at=ago(hours=50)),
        make_render(shots[3], State.RUNNING, touched_ago=31, claimed_at=ago(minutes=1)),
    ]
    make_render(shots[4], State.RUNNING, claimed_at=ago(minutes=1))

    page = page_of(producer().get(PAGE))

    # By kind, and the most urgent kind first: the two interrupted ones stand together. Somebody
    # works on the last one.
    order = [renders[place] for place in (2, 3, 1, 0)]
    assert page.values("render") == [str(each.pk) for each in order]
    assert page.values("group") == ["interrupted", "not_downloaded", "unknown"]
    left = [each.text for each in page.hooks("badge") if each["badge"] in ("kept", "expired")]
    assert [re.findall(r"\d+", each) for each in left] == [[], ["47"], ["2"], ["28"]]
    assert ASK in page.actions
    allow = decide_url("allow-new", [renders[0].pk], PAGE).replace("%2F", "/")
    assert allow in page.links
    attach = [each for each in page.actions if each.endswith("/attach-link/")]
    assert len(attach) == 4
    assert page.hook("unresolved")["unresolved"] == "4" and "trouble" in page


def test_what_the_api_said_is_shown():
    render = unknown()
    note_asked(render, ("list of operations: The API does not offer it.",), next_at=ago(hours=0))

    page = page_of(viewer().get(PAGE))

    assert page.hook("render", str(render.pk)).texts("answer") == [
        "List of operations: The API does not offer it."
    ]
    assert "asked" in page and "asking" not in page


def test_candidates_are_offered_where_they_fit_and_nowhere_else():
    shots = list(shots_of(make_story(shots=2)).select_related("scenelet__story"))
    old, new = unknown(shots[0], claimed_at=ago(hours=2)), unknown(shots[1])
    fits = candidate(1)
    candidate(2, made_at=ago(hours=9))
    candidate(3, status=Candidate.Status.TAKEN)
    not_ours = candidate(4, status=Candidate.Status.DISMISSED)

    page = page_of(producer().get(PAGE))

    first, second = (page.hook("render", str(each.pk)) for each in (old, new))
    assert page.values("render") == [str(old.pk), str(new.pk)]
    assert "candidate" not in first and "dismissed" not in first
    assert second.values("candidate") == [str(fits.pk)]
    assert {decide(fits, "take"), decide(fits, "dismiss")} <= second.actions
    assert second.values("dismissed") == [str(not_ours.pk)]
    assert decide(not_ours, "restore") in second.actions


def test_what_one_may_not_do_is_not_offered():
    unknown()
    fits = candidate()
    browser = viewer()

    page = page_of(browser.get(PAGE))

    assert page.values("candidate") == [str(fits.pk)]
    content = next(each for each in page if each.attributes.get("id") == "content-main")
    assert not content.actions
    assert not any("allow-new" in link for link in content.links)
    for url in (ASK, decide(fits, "take"), decide(fits, "dismiss"), decide(fits, "restore")):
        assert browser.post(url).status_code == 403
    fits.refresh_from_db()
    assert fits.status == Candidate.Status.PROPOSED


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_who_may_not_see_renders_sees_nothing(missing):
    browser = browser_of(*(each for each in VIEWS if each != missing))

    assert browser.get(PAGE).status_code == 403
    assert browser.get(STATE).status_code == 403


@pytest.mark.parametrize("url", [ASK, f"{PAGE}candidates/1/take/"])
def test_decisions_are_posted(url):
    assert producer().get(url).status_code == 405


def test_one_takes_a_candidate():
    render, fits = unknown(), candidate()
    browser = producer(username="mira")

    answer = browser.post(decide(fits, "take"), {"render": render.pk}, follow=True)

    assert levels(answer) == ["success"]
    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, fits.name)
    assert "taken by mira" in render.warnings[0]
    assert LogEntry.objects.get().change_message == f"Took {fits.name} for it."
    again = browser.post(decide(fits, "take"), {"render": render.pk}, follow=True)
    assert levels(again) == ["warning"]
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("render", ["", "x", "0", "999999"])
def test_a_render_that_does_not_exist_is_not_found(render):
    fits = candidate()

    assert producer().post(decide(fits, "take"), {"render": render}).status_code == 404
    assert producer().post(decide(fits, "burn")).status_code == 404


def test_not_ours_and_back_again():
    unknown()
    fits = candidate()
    browser = producer()

    browser.post(decide(fits, "dismiss"))
    fits.refresh_from_db()
    assert fits.status == Candidate.Status.DISMISSED
    browser.post(decide(fits, "restore"))
    fits.refresh_from_db()
    assert fits.status == Candidate.Status.PROPOSED
    assert LogEntry.objects.count() == 2


def test_asking_is_put_on_the_queue_and_the_page_says_so():
    render = unknown()
    browser = producer()

    answer = browser.post(ASK)

    assert OrmQ.objects.count() == 1
    assert LogEntry.objects.get().change_message == "Asked the API about what is unresolved."
    page = page_of(browser.get(answer.url))
    assert "asking" in page and "no-worker" in page
    note_asked(render, ("It was read.",), next_at=timezone.now())
    page = page_of(browser.get(answer.url))
    assert "asked" in page and "asking" not in page


@pytest.mark.parametrize("asked", ["x", "-1", "9" * 30, "٣"])
def test_a_moment_that_is_none_is_ignored(asked):
    unknown()

    page = page_of(viewer().get(PAGE, {"asked": asked}))
    assert "unresolved" in page and "asked" not in page and "asking" not in page


def test_only_what_changed_is_sent():
    render = unknown()
    browser = producer()
    first = browser.get(STATE).json()
    assert (first["active"], set(first["parts"])) == (True, {"head", "rows"})

    same = browser.get(STATE, {"since": first["since"]}).json()
    assert same["parts"] == {}

    render.move(State.UNKNOWN, State.CANCELLED)
    after = browser.get(STATE, {"since": same["since"]}).json()
    assert after["active"] is False
    assert "nothing" in page_of(after["parts"]["rows"])


def test_a_decision_comes_back_to_the_page():
    render = unknown()
    browser = producer()
    url = decide_url("allow-new", [render.pk], PAGE)
    assert url.replace("%2F", "/") in page_of(browser.get(PAGE)).links

    following = [
        each.attributes["value"]
        for each in page_of(browser.get(url)).tags("input")
        if each.attributes.get("name") == "next"
    ]
    # The form of the theme has such a field, too.
    assert PAGE in following
    answer = browser.post(url, {"next": PAGE, "render": render.pk})

    assert answer.url == PAGE
    render.refresh_from_db()
    assert render.state == State.CANCELLED


def test_what_is_at_stake_is_said_before_it_is_decided(settings):
    settings.VIDEO_BACKEND = "gemini"
    shot = make_shot()
    render = unknown(
        shot,
        backend="gemini",
        price_estimate_usd=Decimal("3.20"),
        operation_name="models/veo/operations/7",
    )
    note_asked(render, ("list of operations: It is not there.",), next_at=ago(hours=0))

    response = producer().get(decide_url("allow-new", [render.pk]))

    page = page_of(response)
    assert page.values("render") == [str(render.pk)]
    assert page.hook("money").sums == page.hook("act").sums == ["$3.20"]
    assert page.hook("operation").text == "models/veo/operations/7"
    # The one test of this page's words.
    for words in (
        str(shot.scenelet),
        shot.code,
        "$3.20, if it was charged",
        "at least 47 h left",
        "List of operations: It is not there.",
        "models/veo/operations/7",
        "Allow a new render for 1 render · $3.20 at stake",
        "It can be taken back until the shot is rendered again.",
    ):
        assert words in told(response), words
    render.refresh_from_db()
    assert render.state == State.UNKNOWN, "looking decides nothing"


@pytest.mark.parametrize(
    ("state", "verb"), [(State.INTERRUPTED, "allow-new"), (State.DONE, "give-up")]
)
def test_what_does_not_wait_is_not_asked_about(state, verb):
    render = make_render(make_shot(), state)
    browser = producer()

    assert browser.get(decide_url(verb, [render.pk])).url == PAGE
    browser.post(decide_url(verb, []), {"render": [render.pk, "x", 10**30]})

    render.refresh_from_db()
    assert render.state == state


def test_one_button_acts_on_all_of_a_kind(settings):
    settings.VIDEO_BACKEND = "gemini"
    shots = list(shots_of(make_story(shots=4)).select_related("scenelet__story"))
    price = {"price_estimate_usd": Decimal("3.20"), "backend": "gemini"}
    left = [make_render(shot, State.NOT_DOWNLOADED, **price) for shot in shots[:3]]
    other = unknown(shots[3], **price)
    browser = producer()
    page = page_of(browser.get(PAGE))
    assert page.hook("unresolved")["unresolved"] == "4"
    assert page.hook("unresolved").hook("at-risk").text == "$12.80"
    group = page.hook("group", "not_downloaded")
    assert [each.sums for each in group.hooks("at-risk")] == [["$9.60"]]
    assert f"{PAGE}resume/" in group.actions

    browser.post(f"{PAGE}resume/", {"render": [each.pk for each in left[:2]], "next": PAGE})
    browser.post(f"{PAGE}decide/give-up/", {"render": [left[2].pk, left[0].pk]})

    states = [VideoRender.objects.get(pk=each.pk).state for each in (*left, other)]
    assert states == [State.DOWNLOADING, State.DOWNLOADING, State.CANCELLED, State.UNKNOWN]
    response = browser.get(PAGE)
    assert levels(response) == ["success", "success", "warning"]
    page = page_of(response)
    assert page.values("given-up") == [str(left[2].pk)]
    assert any(each.endswith("/take-back/") for each in page.hook("given-up").actions)


def test_the_field_for_a_link_is_folded():
    for number in range(3):
        unknown(make_shot(story_id=f"story-{number}"))

    page = page_of(producer().get(PAGE))

    folded = [each for each in page.tags("details") if "link" in each.fields]
    assert len(folded) == 3 and not any("open" in each.attributes for each in folded)


def test_the_page_is_found_under_its_former_name():
    assert viewer().get("/admin/videogen/videorender/unsettled/").url == PAGE


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    browser = producer()

    def fill(count, start):
        story = make_story(f"story-{start}", shots=count)
        for number, shot in enumerate(shots_of(story).select_related("scenelet__story"), start):
            unknown(shot, claimed_at=ago(minutes=number))
            candidate(number, made_at=ago(minutes=number))

    fill(2, 1)
    browser.get(PAGE)  # the session and the permissions' cache
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get(PAGE)
    fill(20, 100)
    with django_assert_num_queries(len(few)):
        browser.get(PAGE)


def test_the_dashboard_and_the_list_of_renders_lead_here():
    unknown()
    browser = viewer()

    link = page_of(browser.get("/admin/")).hook("unresolved-count", "1")
    assert link.attributes["href"] == PAGE
    assert PAGE in page_of(browser.get("/admin/videogen/videorender/")).links


def test_what_the_simulator_left_is_nothing_to_a_backend_that_makes_real_videos(settings):
    unknown(is_simulated=True)
    settings.VIDEO_BACKEND = "gemini"

    assert "nothing" in page_of(viewer().get(PAGE))
