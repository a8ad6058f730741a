"""What an answer means for its rows, beyond the endings of test_pump.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import make_lane, make_render, make_shot, make_submission
from videogen.common.errors import VeoError
from videogen.lanes.quota import rate_limit_headroom
from videogen.models import Submission, VideoRender
from videogen.pipeline.results import apply_accepted, apply_poll_error

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
