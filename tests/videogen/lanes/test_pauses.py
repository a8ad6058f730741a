"""When a wait for quota ends, and who pauses a lane."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import make_lane, make_render, make_shot, make_submission
from videogen.common.errors import VeoError
from videogen.lanes.pauses import (
    end_wait_after,
    pause_by_person,
    pause_lane,
    resume_after_refusal,
    wait_for_quota,
)
from videogen.models import Lane, VideoRender
from videogen.pipeline.claims import claim_renders

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


# -- refusals --------------------------------------------------------------------------------------


def refused(lane, *, claimed, retry_after=None):
    """A submission that was claimed so many seconds ago, and what comes of its refusal."""
    shot = make_shot(story_id=f"story-{VideoRender.objects.count()}")
    render = make_render(shot, State.SUBMITTING, submission=False, lane=lane)
    submission = make_submission(render, claimed_at=ago(claimed))
    error = VeoError(
        "Full.",
        code="quota_minute",
        permanent=False,
        waits_for_quota=True,
        retry_after=retry_after,
    )
    return wait_for_quota(submission, error, timezone.now())


def test_what_was_under_way_at_once_is_refused_once(time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    lane = make_lane()

    ends = [refused(lane, claimed=1) for _ in range(8)]

    after = Lane.objects.get()
    assert after.quota_refusals == 1
    assert set(ends) == {after.not_before} == {timezone.now() + timedelta(seconds=5)}


def test_a_refusal_after_the_wait_makes_the_next_one_longer(time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    lane = make_lane()
    waits = []

    for _ in range(8):
        until = refused(lane, claimed=0)
        waits.append((until - timezone.now()).total_seconds())
        time_machine.move_to(until, tick=False)

    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


def test_of_a_burst_the_longest_wait_counts(time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    lane = make_lane()

    for seconds in (30, 7, 60, 12):
        refused(lane, claimed=1, retry_after=seconds)

    assert Lane.objects.get().not_before == timezone.now() + timedelta(seconds=60)


@pytest.mark.parametrize(("hours", "longest"), [(47, 47), (49, 0)], ids=["told", "set back"])
def test_a_wait_that_nobody_can_have_told_is_over(time_machine, hours, longest):
    """The clock was ahead by years when the API asked us to wait."""
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    lane = make_lane(not_before=now + timedelta(hours=hours), quota_refusals=1)
    queued = make_render(make_shot(), State.QUEUED, lane=lane)

    claims = claim_renders(lane, owner="host|boot|1|1.0", limit=9)
    until = refused(lane, claimed=0)

    assert [each.render for each in claims] == ([] if longest else [queued])
    assert until <= now + timedelta(hours=longest or 1)


# -- pauses ----------------------------------------------------------------------------------------


def test_who_asks_for_a_video_lifts_a_pause_of_the_apis_and_none_of_a_persons():
    of_api, of_person = make_lane("gemini"), make_lane("vertex")
    pause_lane(of_api, VeoError("No.", code="key_refused", permanent=True, stops_queue=True))
    pause_by_person(of_person, "mira", "wait for the new design")

    for lane in (of_api, of_person):
        resume_after_refusal(lane)

    assert {lane.name: lane.pause_code for lane in Lane.objects.all()} == {
        "gemini": "",
        "vertex": "person",
    }
    assert Lane.objects.get(name="vertex").paused_at


def test_the_first_pause_stays_and_a_persons_comes_over_it():
    lane = make_lane()
    for code in ("key_refused", "credits_depleted"):
        pause_lane(lane, VeoError(code, code=code, permanent=True, stops_queue=True))
    first = Lane.objects.get().pause_code

    paused = [pause_by_person(lane, name, "wait") for name in ("mira", "otto")]

    assert first == "key_refused"
    assert paused == [True, False]
    assert Lane.objects.get().pause_reason == "mira paused it: wait"
