"""A block of the audio filter is sent once more, once, where that is configured; nothing else."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.support.factories import (
    force,
    make_lane,
    make_render,
    make_shot,
    make_story,
    make_submission,
)
from tests.support.far_end import LATENCY
from tests.support.pipeline import GONE, queue, run, work
from videogen.common.errors import VeoError
from videogen.common.processes import this_process
from videogen.models import Submission, VideoRender
from videogen.pipeline import journal
from videogen.pipeline.claims import claim_renders
from videogen.pipeline.orphans import reap
from videogen.pipeline.results import (
    apply_accepted,
    apply_poll,
    apply_poll_error,
    apply_submit_error,
)
from videogen.providers.messages import Blocked, Failed, Finished, Nothing
from videogen.safety.codes import is_audio_block
from videogen.simulator.operations import AUDIO

pytestmark = pytest.mark.django_db

State = VideoRender.State
Outcome = Submission.Outcome
BLOCK = Blocked((AUDIO,), ())


@pytest.fixture(autouse=True)
def configured(settings):
    settings.VIDEO_RETRY_AUDIO_BLOCK = True


def outcomes(render):
    rows = render.submissions.order_by("claimed_at")
    return [(str(each.outcome), each.error_code) for each in rows]


def running(**values):
    return make_render(make_shot(), State.RUNNING, **values)


def blocked_once():
    """A render that waits for its second submission."""
    render = running()
    with transaction.atomic():
        apply_poll(render, BLOCK)
    render.refresh_from_db()
    return render


# -- the whole way ---------------------------------------------------------------------------------


def test_it_is_sent_once_more_and_becomes_a_take(fail, log):
    fail("done", "blocked_audio")

    render = run(make_story())

    assert (render.state, render.take, render.audio_retries) == (State.DONE, 1, 1)
    assert (render.error_code, render.error_message) == ("", "")
    first, second = log()["submissions"]
    assert first["prompt"] == second["prompt"]
    assert render.operation_name == second["operation"] != first["operation"]
    assert outcomes(render) == [("not_charged", "blocked_audio"), ("accepted", "")]
    assert VideoRender.objects.count() == 1


def test_a_second_audio_block_ends_as_blocked(fail, log):
    fail("done", "blocked_audio", times=9)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.BLOCKED, "blocked")
    assert "not been charged" in render.error_message
    assert len(log()["submissions"]) == 2
    assert outcomes(render) == [("not_charged", "blocked_audio"), ("not_charged", "")]


def test_it_is_off_unless_configured(settings, fail, log):
    settings.VIDEO_RETRY_AUDIO_BLOCK = False
    fail("done", "blocked_audio")

    render = run(make_story())

    assert (render.state, render.audio_retries) == (State.BLOCKED, 0)
    assert len(log()["submissions"]) == 1


@pytest.mark.parametrize(
    ("fault", "params", "state"),
    [
        ("blocked", {}, State.BLOCKED),
        ("blocked", {"message": f"{AUDIO} Support codes: 58061214"}, State.BLOCKED),
        ("blocked_audio", {"message": "We encountered an issue with the audio."}, State.BLOCKED),
        ("blocked_audio", {"message": "You have not been charged."}, State.BLOCKED),
        ("error", {}, State.FAILED),
        ("nothing", {}, State.UNKNOWN),
    ],
)
def test_nothing_else_is_sent_again(fail, log, fault, params, state):
    fail("done", fault, **params)

    render = run(make_story())

    assert (render.state, render.audio_retries) == (state, 0)
    assert len(log()["submissions"]) == 1


def test_another_error_of_the_second_is_the_end(fail, log):
    fail("done", "blocked_audio")
    fail("done", "error")

    render = run(make_story())

    assert (render.state, render.error_code) == (State.FAILED, "operation_13")
    assert len(log()["submissions"]) == 2


def test_a_second_submission_of_unknown_outcome_waits_for_a_person(settings, fail, log):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 1
    fail("done", "blocked_audio")
    fail("submit", "hang", after=1, seconds=3)

    render = run(make_story())

    assert render.state == State.UNKNOWN
    assert render.operation_name == "", "the first operation says nothing of the second call"
    assert [outcome for outcome, _ in outcomes(render)] == ["not_charged", "unknown"]
    assert len(log()["submissions"]) == 2


# -- between the two -------------------------------------------------------------------------------


def test_what_waits_for_its_second_claim_says_so():
    render = blocked_once()

    assert (render.state, render.audio_retries, render.ended_at) == (State.QUEUED, 1, None)
    assert (render.operation_name, render.submitted_at) == ("", None)
    assert render.error_message.startswith("Blocked by the safety filter, not charged:")
    assert render.error_message.endswith("It is sent once more.")
    assert outcomes(render) == [("not_charged", "blocked_audio")]


def test_killed_between_the_two_it_is_claimed_by_the_next_pump_once(simulator, log):
    render = blocked_once()

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, len(log()["submissions"])) == (State.DONE, 1)
    assert [outcome for outcome, _ in outcomes(render)] == ["not_charged", "accepted"]


def test_killed_before_the_answer_is_written_it_is_polled_again():
    render = running()
    with pytest.raises(RuntimeError), transaction.atomic():
        apply_poll(render, BLOCK)
        raise RuntimeError("killed")

    render.refresh_from_db()

    assert (render.state, render.audio_retries) == (State.RUNNING, 0)
    assert outcomes(render) == [("accepted", "")]


def test_killed_when_the_second_call_may_have_left_it_waits_for_a_person(simulator, log):
    render = blocked_once()
    (claim,) = claim_renders(render.lane, owner=GONE, limit=1)
    journal.reserve(claim.submission.token)
    assert claim.render == render

    reap(render.lane)

    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    assert claim_renders(render.lane, owner=this_process(), limit=1) == []
    assert log()["submissions"] == []


def test_the_second_goes_through_the_guard(settings):
    render = blocked_once()
    make_lane(paused_at="2026-01-01T00:00:00Z")

    assert claim_renders(render.lane, owner=this_process(), limit=1) == []

    make_lane(paused_at=None)
    settings.VIDEO_MAX_IN_FLIGHT = 0
    assert claim_renders(render.lane, owner=this_process(), limit=1) == []


def test_the_second_takes_its_price_of_the_budget_again(settings):
    render = blocked_once()
    VideoRender.objects.update(price_estimate_usd="3.20")
    settings.VIDEO_BUDGET_USD = 3

    assert claim_renders(render.lane, owner=this_process(), limit=1) == []

    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.FAILED, "over_budget")


def test_a_late_answer_to_the_first_is_nothing_to_the_second():
    render = blocked_once()
    first = render.submissions.get()
    (claim,) = claim_renders(render.lane, owner=this_process(), limit=1)
    journal.write_answer(first.token, first.operation_name)

    assert apply_accepted(first.token, first.operation_name)

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.SUBMITTING, "")
    assert list(journal.read_answers()) == []
    apply_accepted(claim.submission.token, "models/m/operations/second")
    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, "models/m/operations/second")


LATE = {
    "blocked": lambda render: apply_poll(render, BLOCK),
    "failed": lambda render: apply_poll(render, Failed("13", "No.")),
    "nothing": lambda render: apply_poll(render, Nothing()),
    "finished": lambda render: apply_poll(render, Finished("http://127.0.0.1:9/first")),
    "refused": lambda render: apply_poll_error(
        render, VeoError("Gone.", code="operation_forgotten", permanent=True)
    ),
}


@pytest.mark.parametrize("answer", LATE.values(), ids=LATE)
def test_a_late_poll_of_the_first_operation_is_nothing_to_the_second(answer):
    seen = running(poll_failures=5, error_code="operation_forgotten")
    other = VideoRender.objects.get(pk=seen.pk)
    with transaction.atomic():
        apply_poll(other, BLOCK)
    (claim,) = claim_renders(other.lane, owner=this_process(), limit=1)
    apply_accepted(claim.submission.token, "models/m/operations/second")

    with transaction.atomic():
        answer(seen)

    render = VideoRender.objects.get(pk=seen.pk)
    assert (render.state, render.operation_name) == (State.RUNNING, "models/m/operations/second")
    assert [outcome for outcome, _ in outcomes(render)] == ["not_charged", "accepted"]


def test_two_who_poll_at_once_queue_it_once():
    seen = running()
    other = VideoRender.objects.get(pk=seen.pk)
    for each in (seen, other):
        with transaction.atomic():
            apply_poll(each, BLOCK)

    render = VideoRender.objects.get()
    assert (render.state, render.audio_retries) == (State.QUEUED, 1)


def test_a_refused_second_is_tried_again_like_any_other():
    render = blocked_once()
    (claim,) = claim_renders(render.lane, owner=this_process(), limit=1)
    busy = VeoError("Busy.", code="http_503", permanent=False)
    apply_submit_error(claim.submission, busy)

    render.refresh_from_db()
    assert (render.state, render.refusals) == (State.QUEUED, 1)
    assert [outcome for outcome, _ in outcomes(render)] == ["not_charged", "rejected"]


def test_without_a_submission_that_was_accepted_nothing_is_sent():
    render = running(submission=False)

    with transaction.atomic():
        apply_poll(render, BLOCK)

    render.refresh_from_db()
    assert render.state == State.BLOCKED


# -- the command that only asks --------------------------------------------------------------------


def submitted(story):
    """The render, as soon as the API has it; nobody works on it any more."""
    render, *_ = queue(story)
    work(render.lane, until=lambda found: found[0].state == State.RUNNING)
    render.refresh_from_db()
    return render


def reconciled(render):
    out = StringIO()
    call_command("reconcile", "--json", stdout=out)
    render.refresh_from_db()
    return json.loads(out.getvalue().splitlines()[0])


def test_reconcile_books_the_block_of_an_interrupted_render_and_sends_nothing(fail, log):
    fail("done", "blocked_audio", times=9)
    render = submitted(make_story())
    render.move(State.RUNNING, State.INTERRUPTED)
    time.sleep(2 * LATENCY)

    row = reconciled(render)

    assert row["done"] == "It is booked as not charged."
    assert (render.state, render.audio_retries) == (State.BLOCKED, 0)
    assert outcomes(render) == [("not_charged", "")]
    assert len(log()["submissions"]) == 1


def test_reconcile_that_polls_on_until_the_block_sends_nothing(simulator, fail, log):
    simulator.change_settings({"latency": 2.0})
    fail("done", "blocked_audio", times=9)
    render = submitted(make_story())
    long_ago = timezone.now() - timedelta(minutes=5)
    force(VideoRender.objects.all(), state_since=long_ago, beat_at=long_ago)

    row = reconciled(render)

    # On a slow machine it may have ended before it is asked: "It is booked as not charged."
    assert row["done"] in ("It is polled on.", "It is booked as not charged.")
    assert (row["status_now"], render.audio_retries) == ("blocked", 0)
    assert len(log()["submissions"]) == 1


def test_reconcile_leaves_what_waits_for_its_second_submission_in_the_queue(simulator, log):
    render = blocked_once()
    other = make_render(make_shot(story_id="other"), State.INTERRUPTED)

    with pytest.raises(SystemExit):
        call_command("reconcile", stdout=StringIO())

    render.refresh_from_db()
    assert render.state == State.QUEUED
    assert VideoRender.objects.get(pk=other.pk).state == State.INTERRUPTED
    assert log()["submissions"] == []


# -- what the database holds -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["claimed", "accepted", "not_charged", "unknown"])
def test_what_may_be_charged_is_never_sent_twice(outcome):
    render = running(submission={"outcome": outcome})

    with pytest.raises(IntegrityError), transaction.atomic():
        make_submission(render, Outcome.CLAIMED)


@pytest.mark.parametrize("outcome", ["claimed", "accepted", "not_charged", "unknown"])
def test_after_an_audio_block_one_more_and_no_third(outcome):
    render = running(submission={"outcome": "not_charged", "error_code": "blocked_audio"})
    make_submission(render, outcome)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_submission(render, Outcome.CLAIMED)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_submission(render, Outcome.NOT_CHARGED, error_code="blocked_audio")


@pytest.mark.parametrize("outcome", ["accepted", "unknown", "claimed"])
def test_the_mark_frees_nothing_that_may_be_charged(outcome):
    render = running(submission={"outcome": outcome, "error_code": "blocked_audio"})

    with pytest.raises(IntegrityError), transaction.atomic():
        make_submission(render, Outcome.CLAIMED)


@pytest.mark.parametrize("only", [None, {}, {"audio_retries": 1}])
def test_no_other_way_leads_back_to_the_queue(only):
    render = running()

    with pytest.raises(ValueError, match="from running to queued once"):
        render.move(State.RUNNING, State.QUEUED, only=only)


@pytest.mark.parametrize(
    ("words", "codes", "expected"),
    [
        (AUDIO, (), True),
        (AUDIO.upper(), (), True),
        (AUDIO, ("58061214",), False),
        ("An issue with the audio.", (), False),
        ("You have not been charged for this attempt.", (), False),
        ("", (), False),
    ],
)
def test_what_an_audio_block_is(words, codes, expected):
    assert is_audio_block((words,), codes) is expected
