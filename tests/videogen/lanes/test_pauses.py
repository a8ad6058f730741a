"""When a wait for quota ends, and who pauses a lane."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import make_lane, make_render, make_shot, make_submission
from videogen.lanes.pauses import end_wait_after
from videogen.models import Lane, VideoRender

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("claimed", "waits"),
    [(60, True), (11, True), (9, False), (0, False)],
    ids=["before the refusal", "while it waited", "after the wait", "now"],
)
def test_only_what_was_sent_after_the_wait_shows_that_it_is_over(claimed, waits):
    """It was refused 30 s ago and waited until 10 s ago."""
    lane = make_lane(
        not_before=ago(10), quota_refusals=3, wait_code="quota_minute", wait_reason="Full."
    )
    render = make_render(make_shot(), State.SUBMITTING, submission=False, lane=lane)

    end_wait_after(make_submission(render, "accepted", claimed_at=ago(claimed)))

    after = Lane.objects.get()
    assert (after.quota_refusals, after.wait_code) == ((3, "quota_minute") if waits else (0, ""))
    assert (after.not_before is not None) is waits
