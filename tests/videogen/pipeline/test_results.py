"""What an answer means for its rows, beyond the endings of test_pump.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from tests.support.factories import make_lane, make_render, make_shot, make_submission
from videogen.common.errors import VeoError
from videogen.lanes.quota import rate_limit_headroom
from videogen.models import Submission, VideoRender
from videogen.pipeline import journal
from videogen.pipeline.results import (
    apply_accepted,
    apply_poll,
    apply_poll_error,
    apply_submit_error,
)
from videogen.providers.messages import Blocked

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("told", "waits"), [(7, 7), (60, 60), (3600, 60), (48 * 3600, 60)], ids=str
)
def test_a_poll_is_never_put_off_for_long(time_machine, told, waits):
    """Whatever the API says: polling is free, and the clip is kept for two days only."""
    time_machine.move_to(timezone.now(), tick=False)
    render = make_render(make_shot(), State.RUNNING)

    apply_poll_error(render, VeoError("Busy.", code="http_503", permanent=False, retry_after=told))

    render.refresh_from_db()
    assert render.next_poll_at == timezone.now() + timedelta(seconds=waits)


def test_an_answer_that_is_read_again_is_as_old_as_it_was(settings):
    """A journal that a dead process left is read after its row has the answer: for the quota, the
    submission stays where it was."""
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 3
    render = make_render(make_shot(), State.RUNNING, submission=False)
    submission = make_submission(
        render, "accepted", claimed_at=ago(310), answered_at=(answered := ago(300))
    )

    assert apply_accepted(submission.token, render.operation_name)

    assert Submission.objects.get().answered_at == answered
    assert rate_limit_headroom(make_lane(), timezone.now()).renders == 3


def test_an_answer_leaves_the_journal_when_its_row_has_it():
    """Not a moment earlier: a process that is killed in between would lose it."""
    render = make_render(make_shot(), State.SUBMITTING, submission=False)
    submission = make_submission(render)
    journal.write_answer(submission.token, "models/x/operations/y")

    def locked(execute, sql, params, many, context):
        if sql.startswith('UPDATE "videogen_videorender"'):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(locked), pytest.raises(OperationalError):
        apply_accepted(submission.token, "models/x/operations/y")
    kept = dict(journal.read_answers())
    apply_accepted(submission.token, "models/x/operations/y")

    assert kept == {submission.token: "models/x/operations/y"}
    assert dict(journal.read_answers()) == {}
    assert VideoRender.objects.get().state == State.RUNNING


@pytest.mark.parametrize("maybe_accepted", [True, False])
@pytest.mark.parametrize(
    ("outcome", "state"),
    [("accepted", State.RUNNING), ("accepted", State.DONE), ("unknown", State.UNKNOWN)],
)
def test_an_error_changes_nothing_that_somebody_else_has_settled(outcome, state, maybe_accepted):
    """The answer was in the journal, or the wait for it was given up."""
    render = make_render(make_shot(), state, submission={"outcome": outcome})
    before = VideoRender.objects.values().get(), Submission.objects.values().get()

    apply_submit_error(
        render.submissions.get(),
        VeoError("No.", code="x", permanent=False, maybe_accepted=maybe_accepted),
    )

    assert (VideoRender.objects.values().get(), Submission.objects.values().get()) == before


def test_only_refusals_in_a_row_are_believed():
    """A lost connection in between says nothing about the operation."""
    render = make_render(make_shot(), State.RUNNING)
    forgotten = VeoError("No.", code="operation_forgotten", permanent=True)
    lost = VeoError("Cut.", code="no_answer", permanent=False)
    states = []

    for error in (forgotten, forgotten, lost, forgotten, forgotten, forgotten):
        with transaction.atomic():
            apply_poll_error(render, error)
        render.refresh_from_db()
        states.append(render.state)

    assert states == [State.RUNNING] * 5 + [State.UNKNOWN]


def test_an_ending_settles_the_submission_that_was_accepted_and_no_other():
    render = make_render(make_shot(), State.RUNNING)
    make_submission(render, "rejected", operation_name="")

    with transaction.atomic():
        apply_poll(render, Blocked(("A reason.",), ()))

    assert sorted(render.submissions.values_list("outcome", flat=True)) == [
        "not_charged",
        "rejected",
    ]
