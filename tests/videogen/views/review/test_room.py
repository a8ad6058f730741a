"""The review room: which takes wait, the verdicts of two reviewers, and taking one back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from storybook.models import Shot
from tests.support.admin_clients import VIEWS, browser_of, viewer
from tests.support.factories import State, force, make_render, make_story, shots_of
from tests.support.pages import messages, page_of
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db

REVIEW = "videogen.review_video"
JSON = {"headers": {"accept": "application/json"}}


@pytest.fixture
def shots():
    """Three shots of one story, a take of each."""
    shots = list(shots_of(make_story(shots=3)).select_related("scenelet__story"))
    for shot in shots:
        make_render(shot, State.DONE)
    return shots


@pytest.fixture
def browser():
    return browser_of(*VIEWS, REVIEW, username="ines")


def take_of(shot):
    return shot.renders.order_by("take").last()


def room(browser, **query):
    return browser.get(reverse("admin:videogen_review"), query)


def queue(browser, **query):
    return browser.get(reverse("admin:videogen_review_queue"), query).json()


def judge(browser, take, verb, *, seen="unreviewed", as_script=True, query=None, **values):
    url = reverse("admin:videogen_review_judge", args=[take.pk, verb], query=query)
    options = JSON if as_script else {}
    return browser.post(url, {"seen": seen, **values}, **options)


def review_of(take):
    return VideoRender.objects.get(pk=take.pk).review


# -- which takes wait ------------------------------------------------------------------------------


def test_takes_wait_in_story_order_across_stories(shots, browser):
    other = list(shots_of(make_story("another")).select_related("scenelet__story"))
    second = make_render(shots[1], State.DONE)
    make_render(other[0], State.DONE)
    waiting = [each["render"] for each in queue(browser)["entries"]]

    in_order = [take_of(shots[0]), second, shots[1].renders.get(take=1), take_of(shots[2])]
    # Stories of one title come in the order in which they were brought.
    assert waiting == [each.pk for each in (*in_order, take_of(other[0]))]


def test_what_was_decided_does_not_wait(shots, browser):
    force(take_of(shots[0]), review="rejected")
    assert judge(browser, take_of(shots[1]), "approve").status_code == 200

    assert [each["render"] for each in queue(browser)["entries"]] == [take_of(shots[2]).pk]


def test_what_the_simulator_made_does_not_wait_where_videos_are_paid(shots, browser, settings):
    settings.VIDEO_BACKEND = "gemini"
    paid = make_render(shots[2], State.DONE, backend="gemini")

    assert [each["render"] for each in queue(browser)["entries"]] == [paid.pk]


def test_filters_of_the_address(shots, browser):
    other = shots_of(make_story("another", scenelets=("one", "two"))).select_related("scenelet")
    for shot in other:
        make_render(shot, State.DONE)
    payload = {"referencedDesigns": {"characters": ["heron"]}}
    Shot.objects.filter(pk=other[1].pk).update(storyboard_payload=payload)
    force(take_of(shots[0]), review="rejected")

    def found(**query):
        return [each["shot"] for each in queue(browser, **query)["entries"]]

    assert found(story=shots[0].scenelet.story_id) == [shots[1].pk, shots[2].pk]
    assert found(scenelet=other[0].scenelet_id) == [other[0].pk]
    assert found(character="heron") == [other[1].pk]
    payload |= {"compositionAndContent": "A lantern on the Pier", "props": [{"name": "rope"}]}
    payload["referencedDesigns"]["environments"] = ["pier"]
    Shot.objects.filter(pk=other[0].pk).update(storyboard_payload=payload)
    force(take_of(other[0]), requested_by_name="ann")
    assert found(environment="pier") == found(person="ann") == [other[0].pk]
    assert found(q="ROPE  lantern", character="heron") == [other[0].pk]
    assert found(q="lantern whale") == found(person="bob") == []
    assert found(status="retake") == [shots[0].pk]
    assert found(story="none", status="no such") == found()


# By shot, the verdicts on its takes from the oldest to the newest; "simulated: …" on one that the
# simulator made.
VERDICTS = [
    ["unreviewed"],
    ["selected", "unreviewed"],
    ["rejected", "unreviewed", "unreviewed"],
    ["approved", "unreviewed"],
    ["unreviewed", "approved"],
    ["rejected", "rejected"],
    ["simulated: unreviewed"],
    ["unreviewed", "simulated: approved"],
]


@pytest.mark.parametrize(
    ("backend", "status", "number"),
    [
        ("simulator", "needs review", 1 + 2 + 2 + 1 + 1),
        ("simulator", "approved", 2),
        ("simulator", "retake", 2),
        ("gemini", "needs review", 1 + 2 + 2 + 1 + 1),
        ("gemini", "approved", 1),
        ("gemini", "retake", 2),
    ],
)
def test_as_many_wait_as_are_shown(browser, settings, backend, status, number):
    """How many there are comes from the stored status of each shot, and which from the takes."""
    settings.VIDEO_BACKEND = backend
    begin = timezone.now() - timedelta(hours=1)
    shots = shots_of(make_story(shots=len(VERDICTS))).select_related("scenelet__story")
    for shot, verdicts in zip(shots, VERDICTS, strict=True):
        for minute, verdict in enumerate(verdicts):
            simulated, _, review = verdict.rpartition(": ")
            at = begin + timedelta(minutes=minute)
            made_by = "simulator" if simulated else "gemini"
            take = make_render(shot, State.DONE, backend=made_by, state_since=at)
            decided = None if review == "unreviewed" else at + timedelta(seconds=30)
            force(take, review=review, reviewed_at=decided)

    found = queue(browser, status=status)

    assert found["total"] == len(found["entries"]) == number


def test_an_empty_queue_says_so(browser):
    page = page_of(room(browser))

    assert "data-room-empty" in str(room(browser).content)
    assert page.tags("h1")[0].text == "Nothing waits for a verdict"


def test_the_queue_comes_in_parts(browser):
    shots = list(shots_of(make_story(shots=30)).select_related("scenelet__story"))
    for shot in shots:
        make_render(shot, State.DONE)

    part = queue(browser)
    rest = queue(browser, start=25)
    around = queue(browser, take=take_of(shots[20]).pk)

    assert part["total"] == rest["total"] == 30
    got = [each["shot"] for each in part["entries"] + rest["entries"]]
    assert got == [shot.pk for shot in shots]
    assert around["entries"][20 - around["start"]]["shot"] == shots[20].pk


def test_the_queue_goes_on_from_story_to_story(browser):
    takes = []
    for number in range(3):
        story = make_story(f"story-{number}", shots=12)
        for shot in shots_of(story).select_related("scenelet__story"):
            takes.append(make_render(shot, State.DONE))
    keys = [take.pk for take in takes]

    got = [each["render"] for each in queue(browser)["entries"]]
    rest = [each["render"] for each in queue(browser, start=25)["entries"]]
    last_of_first = room(browser, take=keys[11]).context
    first_of_second = room(browser, after=keys[11]).context

    assert got + rest == keys
    assert queue(browser, start=36)["entries"] == []
    assert (last_of_first["place"], last_of_first["waits"]) == (12, 36)
    assert f"take={keys[10]}" in last_of_first["previous"]
    assert f"take={keys[12]}" in last_of_first["following"]
    assert first_of_second["entry"].render.pk == keys[12]
    assert f"take={keys[11]}" in first_of_second["previous"]
    assert not room(browser, take=keys[35]).context["following"]
    assert room(browser, after=keys[35]).context["entry"].render.pk == keys[0]
    # What is judged leaves the queue, and still has its place between the others.
    force(takes[12], review="rejected")
    judged = room(browser, take=keys[12]).context
    assert judged["place"] is None
    assert f"take={keys[11]}" in judged["previous"]
    assert f"take={keys[13]}" in judged["following"]


@pytest.mark.parametrize("name", ["videogen_review", "videogen_review_queue"])
def test_as_many_queries_for_many_takes_as_for_few(
    browser, name, django_assert_max_num_queries, django_assert_num_queries
):
    def make(story_id, number):
        for shot in shots_of(make_story(story_id, shots=number)).select_related("scenelet__story"):
            make_render(shot, State.DONE)
            make_render(shot, State.DONE)

    make("few", 3)
    browser.get(reverse(f"admin:{name}"))  # what is looked up once
    with django_assert_max_num_queries(40) as few:
        browser.get(reverse(f"admin:{name}"))
    make("many", 30)
    with django_assert_num_queries(len(few)):
        browser.get(reverse(f"admin:{name}"))


# -- verdicts --------------------------------------------------------------------------------------


def test_the_page_without_scripts_leads_from_verdict_to_next_take(shots, browser):
    page = page_of(room(browser))
    approve = reverse("admin:videogen_review_judge", args=[take_of(shots[0]).pk, "approve"])
    assert approve in page.actions

    response = judge(browser, take_of(shots[0]), "approve", as_script=False)
    following = browser.get(response.url)

    assert following.context["entry"].shot == shots[1]
    assert messages(following) == ["S01-01, take 1, is approved."]
    assert review_of(take_of(shots[0])) == "approved"


def test_the_filters_stay_after_a_verdict(shots, browser):
    query = {"story": shots[0].scenelet.story_id}
    response = judge(browser, take_of(shots[0]), "approve", as_script=False, query=query)

    assert response.url.partition("?")[2].startswith(urlencode(query))


def test_after_the_last_take_comes_what_was_passed_over(shots, browser):
    response = judge(browser, take_of(shots[2]), "approve", as_script=False)

    assert browser.get(response.url).context["entry"].shot == shots[0]


def test_a_rejection_keeps_words_and_reasons(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "reject", reason="The hat is gone.", reasons=["sound", "face"])

    take.refresh_from_db()
    assert (take.review, take.review_reason) == ("rejected", "The hat is gone.")
    assert take.review_reasons == "face,sound"


def test_a_selected_take_still_waits(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "select")

    assert review_of(take) == "selected"
    assert queue(browser)["entries"][0]["review"] == "selected"


def test_a_verdict_is_in_the_log(shots, browser):
    judge(browser, take_of(shots[0]), "approve")

    assert LogEntry.objects.get().get_change_message() == "S01-01, take 1, is approved."


def test_the_answer_says_how_many_still_wait(shots, browser):
    assert judge(browser, take_of(shots[0]), "approve").json()["waiting"] == 2


def test_of_two_reviewers_the_second_is_told(shots, browser):
    take = take_of(shots[0])
    other = browser_of(*VIEWS, REVIEW, username="max")
    judge(other, take, "reject")

    answer = judge(browser, take, "approve")

    assert answer.status_code == 409
    assert answer.json()["code"] == "decided"
    assert answer.json()["words"] == "max has rejected take 1 meanwhile."
    assert review_of(take) == "rejected"


def test_who_approves_another_take_meanwhile_is_named(shots, browser):
    first, second = take_of(shots[0]), make_render(shots[0], State.DONE)
    judge(browser_of(*VIEWS, REVIEW, username="max"), first, "approve")

    answer = judge(browser, second, "approve")

    assert (answer.status_code, answer.json()["code"]) == (409, "decided")
    assert review_of(second) == "unreviewed"


def approved_draft_and_final(shot, browser):
    """The final was promoted from the approved draft, which is still in the cut."""
    draft = take_of(shot)
    judge(browser, draft, "approve")
    return draft, make_render(shot, State.DONE)


def test_the_final_of_an_approved_draft_is_approved_without_unlocking(shots, browser):
    draft, final = approved_draft_and_final(shots[0], browser)
    assert queue(browser)["entries"][0]["render"] == final.pk
    page = page_of(room(browser, take=final.pk))
    assert page.values("locked") == [str(draft.pk)]

    answer = judge(browser, final, "approve", instead_of=draft.pk)

    assert answer.status_code == 200
    assert (review_of(draft), review_of(final)) == ("unreviewed", "approved")
    # The draft is settled: it does not wait once more.
    assert shots[0].pk not in [each["shot"] for each in queue(browser)["entries"]]


def test_the_draft_has_its_approval_back_when_that_of_the_final_is_undone(shots, browser):
    max_ = browser_of(*VIEWS, REVIEW, username="max")
    draft, final = approved_draft_and_final(shots[0], max_)
    before = VideoRender.objects.get(pk=draft.pk)
    judge(browser, final, "approve", instead_of=draft.pk)

    assert judge(browser, final, "undo").status_code == 200

    after = VideoRender.objects.get(pk=draft.pk)
    for name in ("review", "reviewed_at", "reviewed_by", "reviewed_by_name"):
        assert getattr(after, name) == getattr(before, name), name
    assert review_of(final) == "unreviewed"
    assert queue(browser)["entries"][0]["render"] == final.pk


def test_only_the_approved_take_that_was_seen_is_replaced(shots, browser):
    draft, final = approved_draft_and_final(shots[0], browser)
    third = make_render(shots[0], State.DONE)
    judge(browser_of(*VIEWS, REVIEW, username="max"), final, "approve", instead_of=draft.pk)

    answer = judge(browser, third, "approve", instead_of=draft.pk)

    assert (answer.status_code, answer.json()["code"]) == (409, "decided")
    assert (review_of(final), review_of(third)) == ("approved", "unreviewed")


def test_an_unknown_reason_is_refused(shots, browser):
    answer = judge(browser, take_of(shots[0]), "reject", reasons=["the moon"])

    assert (answer.status_code, answer.json()["code"]) == (422, "no_reason")


def test_who_may_only_look_gets_no_form(shots):
    page = page_of(room(viewer()))

    assert page.hooks("may-not") and not page.hooks("verdict")
    assert judge(viewer(), take_of(shots[0]), "approve").status_code == 403


# -- taking it back --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "reject", "select"])
def test_a_verdict_is_taken_back(shots, browser, verb):
    take = take_of(shots[0])
    judge(browser, take, verb)

    assert judge(browser, take, "undo").status_code == 200
    assert review_of(take) == "unreviewed"
    assert judge(browser, take, "undo").json()["code"] == "not_yours"


def test_what_the_verdict_displaced_comes_back(shots, browser):
    first, second = take_of(shots[0]), make_render(shots[0], State.DONE)
    judge(browser, first, "select")
    judge(browser, second, "approve")

    judge(browser, second, "undo")

    assert (review_of(first), review_of(second)) == ("selected", "unreviewed")


def test_a_selected_take_that_was_rejected_is_selected_again(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "select")
    judge(browser, take, "reject", seen="selected")

    judge(browser, take, "undo")

    assert review_of(take) == "selected"


def test_a_verdict_stays_once_something_was_built_on_it(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "reject")
    make_render(shots[0], State.QUEUED)

    answer = judge(browser, take, "undo")

    assert (answer.status_code, answer.json()["code"]) == (409, "built_on")
    assert review_of(take) == "rejected"


def test_a_rehearsal_builds_on_nothing(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "reject")
    make_render(shots[0], State.REHEARSED)

    assert judge(browser, take, "undo").status_code == 200


def test_nobody_takes_back_what_somebody_else_decided_since(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "approve")
    max_ = browser_of(*VIEWS, REVIEW, username="max")
    act = [shots[0].pk, take.pk]
    max_.post(reverse("admin:videogen_takes_act", args=[*act, "unlock"]))
    judge(max_, take, "approve", seen="selected")

    answer = judge(browser, take, "undo")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_yours")
    assert review_of(take) == "approved"


def test_the_page_offers_to_take_the_last_verdict_back(shots, browser):
    take = take_of(shots[0])
    judge(browser, take, "approve")

    page = page_of(room(browser))
    undo = reverse("admin:videogen_review_judge", args=[take.pk, "undo"])
    assert undo in page.actions

    response = judge(browser, take, "undo", as_script=False)
    assert browser.get(response.url).context["entry"].render == take
