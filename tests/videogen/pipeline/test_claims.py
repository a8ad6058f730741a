from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.support.beside import beside
from tests.support.factories import (
    make_lane,
    make_render,
    make_shot,
    make_story,
    make_submission,
    shots_of,
)
from videogen.billing.budgets import lock_budgets
from videogen.lanes.pauses import pause_by_person, resume_at_once
from videogen.models import RenderBatch, Submission, VideoRender
from videogen.pipeline.claims import claim_renders
from videogen.pipeline.results import apply_submit_error
from videogen.providers.errors import stop

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
Outcome = Submission.Outcome

OWNER = "host|boot|1|1.0"


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def queued(count, **values):
    """That many queued renders, oldest first."""
    story = make_story(shots=count)
    return [
        make_render(shot, State.QUEUED, queued_at=ago(100 - number), **values)
        for number, shot in enumerate(shots_of(story).select_related("scenelet__story"))
    ]


def claim(limit=99, **options):
    return [each.render for each in claim_renders(make_lane(), owner=OWNER, limit=limit, **options)]


def history(count, outcome=Outcome.ACCEPTED, state=State.DONE, lane=None, **submission):
    """Submissions of earlier renders."""
    for number in range(count):
        shot = make_shot(story_id=f"old-{outcome}-{number}")
        render = make_render(shot, state, submission=False, lane=lane or make_lane())
        make_submission(render, outcome, **submission)


# -- what a claim is -------------------------------------------------------------------------------


def test_a_claim_writes_the_intent_before_the_call_leaves():
    (render,) = queued(1, price_estimate_usd="3.20")

    (claimed,) = claim()

    submission = Submission.objects.get()
    claimed.refresh_from_db()
    assert claimed == render
    assert claimed.state == State.SUBMITTING
    assert claimed.claimed_at == submission.claimed_at
    assert (submission.render, submission.lane, submission.owner) == (render, make_lane(), OWNER)
    assert (submission.outcome, submission.price_usd) == (Outcome.CLAIMED, Decimal("3.20"))
    assert submission.answered_at is None


def test_what_is_claimed_is_not_claimed_again():
    queued(2)

    assert len(claim()) == 2
    assert claim() == []
    assert Submission.objects.count() == 2


def test_the_oldest_go_first():
    renders = queued(4)

    assert claim(limit=3) == renders[:3]
    assert claim(limit=3) == renders[3:]


@pytest.mark.parametrize("limit", [0, -1])
def test_no_room_no_claim(limit):
    queued(1)

    assert claim(limit=limit) == []


def test_only_the_scope_is_claimed():
    renders = queued(3)

    assert claim(scope=[renders[2].pk]) == [renders[2]]
    assert claim(scope=[]) == []


@pytest.mark.parametrize("state", [state for state in State.values if state != "queued"])
def test_only_queued_renders_are_claimed(state):
    make_render(make_shot(), state, take=1, video_file="a.mp4")

    assert claim() == []


def test_rehearsals_and_other_lanes_are_never_claimed():
    shot = make_shot()
    make_render(shot, State.QUEUED, kind="rehearsal")
    make_render(shot, State.QUEUED, backend="gemini")

    assert claim() == []


@pytest.mark.parametrize(
    ("queued_ago", "waits"),
    [(0, True), (-30, True), (-3600, False)],
    ids=["now", "skew", "set back"],
)
def test_a_render_that_was_queued_before_the_clock_was_set_back_does_not_wait(queued_ago, waits):
    [render] = queued(1, state_since=ago(queued_ago), not_before=ago(queued_ago - 8))

    assert claim() == ([] if waits else [render])


def test_a_render_waits_for_its_time():
    early, late, due = queued(3)
    VideoRender.objects.filter(pk=late.pk).update(not_before=ago(-60))
    VideoRender.objects.filter(pk=due.pk).update(not_before=ago(1))

    assert claim() == [early, due]


@pytest.mark.parametrize(
    ("seconds_ago", "is_open"),
    [
        ({"paused_at": 1}, False),
        ({"not_before": -60}, False),
        ({"not_before": 1}, True),
        ({"paused_at": 1, "not_before": 1}, False),
    ],
    ids=["paused", "waits", "has waited", "paused, has waited"],
)
def test_a_lane_that_is_paused_or_waits_claims_nothing(seconds_ago, is_open):
    queued(1)
    stale = make_lane()
    make_lane(**{name: ago(seconds) for name, seconds in seconds_ago.items()})

    claims = claim_renders(stale, owner=OWNER, limit=1)

    assert bool(claims) is is_open, "the row counts, not what the caller holds"


# -- windows and caps ------------------------------------------------------------------------------

# Submissions of the past: seconds since the claim and since the answer → how many of 3 are left.
WINDOW = {
    "none": ([], 3),
    "one just now": ([(1, 0)], 2),
    "answered 50 s ago": ([(65, 50)], 2),
    "answered 61 s ago": ([(62, 61)], 3),
    "claimed long ago, answered just now": ([(100, 1)], 2),
    "not answered yet": ([(5, None)], 2),
    "not answered within a minute": ([(65, None)], 2),
    "never answered, its time is over": ([(71, None)], 3),
    "as many as are allowed": ([(30, 29), (20, 19), (10, 9)], 0),
    "more than are allowed now": ([(30, 29)] * 5, 0),
    "one leaves the window": ([(61.5, 60.5), (20, 19), (10, 9)], 1),
}


@pytest.mark.parametrize(("past", "left"), WINDOW.values(), ids=WINDOW.keys())
def test_at_most_n_submissions_in_any_minute(settings, past, left):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 3
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10
    for number, (claimed, answered) in enumerate(past):
        render = make_render(make_shot(story_id=f"old-{number}"), State.FAILED, submission=False)
        make_submission(
            render,
            Outcome.ACCEPTED,
            claimed_at=ago(claimed),
            answered_at=None if answered is None else ago(answered),
        )
    queued(5)

    assert len(claim()) == left
    assert claim() == []


@pytest.mark.parametrize("outcome", Outcome.values)
def test_every_submission_counts_whatever_came_of_it(settings, outcome):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 3
    history(2, outcome, claimed_at=ago(5), answered_at=ago(4))
    queued(5)

    assert len(claim()) == 1


def test_other_lanes_have_windows_of_their_own(settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 3
    history(3, lane=make_lane("gemini"))
    queued(5)

    assert len(claim()) == 3


def test_without_a_limit_a_minute_there_is_none():
    history(20)
    queued(5)

    assert len(claim()) == 5


@pytest.mark.parametrize(
    ("states", "left"),
    [
        ([], 3),
        ([State.SUBMITTING], 2),
        ([State.RUNNING, State.SUBMITTING], 1),
        ([State.RUNNING] * 3, 0),
        ([State.RUNNING] * 5, 0),
        ([State.DOWNLOADING, State.DONE, State.INTERRUPTED, State.UNKNOWN], 3),
    ],
)
def test_at_most_so_many_are_in_flight(settings, states, left):
    settings.VIDEO_MAX_IN_FLIGHT = 3
    for number, state in enumerate(states):
        make_render(make_shot(story_id=f"other-{number}"), state)
    queued(5)

    assert len(claim()) == left


# -- money -----------------------------------------------------------------------------------------


def test_what_the_budget_has_no_room_for_is_not_sent_and_says_so(settings):
    settings.VIDEO_BUDGET_USD = Decimal("7.00")
    renders = queued(3, price_estimate_usd=Decimal("3.20"))

    assert claim() == renders[:2]
    renders[2].refresh_from_db()
    assert (renders[2].state, renders[2].error_code) == (State.FAILED, "over_budget")
    assert renders[2].error_message == (
        "Not sent: it costs $3.20 and $0.60 is left of VIDEO_BUDGET_USD."
    )
    assert not renders[2].submissions.exists()


@pytest.mark.parametrize(
    ("outcome", "is_claimed"),
    [("claimed", False), ("accepted", False), ("unknown", False)]
    + [("rejected", True), ("not_charged", True)],
)
def test_whatever_may_have_cost_counts_towards_the_budget(settings, outcome, is_claimed):
    settings.VIDEO_BUDGET_USD = Decimal("5.00")
    history(1, outcome, price_usd=Decimal("3.20"))
    queued(1, price_estimate_usd=Decimal("3.20"))

    assert bool(claim()) is is_claimed


def test_what_costs_nothing_fits_every_budget(settings):
    settings.VIDEO_BUDGET_USD = Decimal("0.00")
    queued(2)

    assert len(claim()) == 2


# -- what others do meanwhile ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_claim_waits_for_whoever_pauses_the_lane():
    queued(1)
    lane = make_lane()

    with transaction.atomic():
        pause_by_person(lane, "mira", "the storm is wrong")
        worker = beside(lambda: claim_renders(lane, owner=OWNER, limit=1))
        waits = worker.waits_for_a_lock()

    assert waits
    assert worker.result() == []


@pytest.mark.django_db(transaction=True)
def test_a_claim_waits_for_whoever_reserves_money():
    queued(1)

    with transaction.atomic():
        lock_budgets()
        worker = beside(claim)
        waits = worker.waits_for_a_lock()

    assert waits
    assert len(worker.result()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_render_that_is_cancelled_meanwhile_is_not_sent():
    """And neither of the two is a deadlock's victim: the claim has the lane, to which the render
    that was cancelled refers, and waits for the render."""
    renders = queued(2)

    with transaction.atomic():
        VideoRender.objects.filter(pk=renders[0].pk).transition(state=State.CANCELLED)
        worker = beside(claim)
        waits = worker.waits_for_a_lock()

    assert waits
    assert worker.result() == renders[1:]
    assert Submission.objects.get().render == renders[1]


# -- the database's own word -----------------------------------------------------------------------


@pytest.mark.parametrize("second", Outcome.values)
@pytest.mark.parametrize("first", Outcome.values)
def test_a_render_has_one_possible_charge(first, second):
    render = make_render(make_shot(), State.FAILED, submission=False)
    make_submission(render, first)

    try:
        with transaction.atomic():
            make_submission(render, second)
        is_taken = True
    except IntegrityError:
        is_taken = False

    assert is_taken is ("rejected" in (first, second))


def test_an_old_refusal_does_not_become_a_second_charge():
    render = make_render(make_shot(), State.FAILED, submission=False)
    rejected = make_submission(render, Outcome.REJECTED)
    make_submission(render, Outcome.ACCEPTED)

    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=rejected.pk).update(outcome=Outcome.UNKNOWN)


def test_one_that_is_refused_as_the_accounts_fault_does_not_stay_before_all_others():
    renders = queued(3)
    RenderBatch.objects.filter(pk=renders[0].batch_id).update(priority=RenderBatch.Priority.FIRST)
    lane = renders[0].lane
    claimed = []
    for _ in renders:
        [claim] = claim_renders(lane, owner=OWNER, limit=1)
        apply_submit_error(claim.submission, stop("account_refused", "The account may not."))
        claimed.append(claim.render.pk)
        resume_at_once(lane)

    assert claimed == [each.pk for each in renders]
    assert set(VideoRender.objects.values_list("state", flat=True)) == {"queued"}
