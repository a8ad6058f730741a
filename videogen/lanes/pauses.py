"""When a lane submits nothing.

The API may have refused something that a person has to fix (a pause), it may have asked us to wait
(a wait ends by itself), or a person has paused the lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from videogen.common.errors import RequestError, VeoError
from videogen.common.moments import is_over
from videogen.common.task_queue import wake_pump
from videogen.common.untrusted_text import LONGEST_RETRY_SECONDS
from videogen.models import Lane, Submission, VideoRender
from videogen.models.routes import served_backends

State = VideoRender.State

LONGEST_WAIT = timedelta(seconds=60)
LONGEST_QUOTA_WAIT = timedelta(minutes=5)
# The longest wait that the API can tell us.
LONGEST_TOLD = timedelta(seconds=LONGEST_RETRY_SECONDS)

# The pause code if a person paused the lane; every other code is a refusal of the API's.
BY_PERSON = "person"
_NOT_PAUSED: dict[str, Any] = {
    "paused_at": None,
    "pause_code": "",
    "pause_reason": "",
    "pause_details": {},
}
_NOT_WAITING: dict[str, Any] = {
    "not_before": None,
    "wait_code": "",
    "wait_reason": "",
    "quota_refusals": 0,
}


def get_lane(backend: str) -> Lane:
    """Return the lane of the account, made if it is the first time that somebody asks for it."""
    return Lane.objects.get_or_create(name=backend)[0]


def served_lanes() -> list[Lane]:
    """Return the lanes of the accounts that can be used with the current settings."""
    return list(Lane.objects.filter(name__in=served_backends()).order_by("name"))


def pause_lane(
    lane: Lane, error: VeoError, advice: str = "", facts: Mapping[str, Any] | None = None
) -> None:
    """Pause the lane: no other submission can succeed until a person fixes something. A lane that
    is paused already stays as it is.

    advice: a sentence for people, after the error's own. facts: for programs, kept with the
    details of the error.
    """
    Lane.objects.filter(pk=lane.pk, paused_at=None).update(
        paused_at=timezone.now(),
        pause_code=error.code,
        pause_reason=f"{error.sentence} {advice}".strip(),
        pause_details=error.details | dict(facts or {}),
    )


def pause_by_person(lane: Lane, name: str, reason: str) -> bool:
    """Pause the lane until somebody resumes it; renders that were submitted go on. Return False if
    a person has paused it already. Raises RequestError without a reason."""
    words = " ".join(reason.split())[:500]
    if not words:
        raise RequestError(
            "The queue was not paused: say why, for those who wait for it.", code="no_reason"
        )
    return bool(
        Lane.objects.filter(pk=lane.pk)
        .exclude(pause_code=BY_PERSON)
        .update(
            paused_at=timezone.now(),
            pause_code=BY_PERSON,
            pause_reason=f"{name} paused it: {words}",
            pause_details={},
        )
    )


def resume_lane(lane: Lane) -> None:
    """Lift the pause, whoever paused the lane."""
    Lane.objects.filter(pk=lane.pk).update(**_NOT_PAUSED)


def resume_after_refusal(lane: Lane) -> None:
    """Lift a pause of the API's because a new render was requested: either the cause is fixed, or
    the API refuses once more. A pause by a person stays."""
    Lane.objects.filter(pk=lane.pk).exclude(pause_code=BY_PERSON).update(**_NOT_PAUSED)


def is_waiting(lane: Lane, now: datetime) -> bool:
    """Whether the API has asked us to wait, and the wait is not over."""
    return not is_over(lane.not_before, now, longest=LONGEST_TOLD)


def end_wait(lane: Lane) -> None:
    """End the lane's wait and that of its queued renders, because a person knows that there is
    quota again."""
    with transaction.atomic():
        Lane.objects.filter(pk=lane.pk).update(**_NOT_WAITING)
        waiting = VideoRender.objects.open().filter(lane=lane, state=State.QUEUED)
        # By primary key, as everywhere: see the lock order in __init__.py.
        VideoRender.objects.filter(pk__in=waiting.lock()).update(not_before=None)


def resume_at_once(lane: Lane) -> None:
    """End the lane's pause and its wait, and wake the workers."""
    with transaction.atomic():
        resume_lane(lane)
        end_wait(lane)
        wake_pump()


def end_wait_after(submission: Submission) -> None:
    """End the lane's wait because the API accepted this submission. Only one that was sent after
    the wait shows that the wait is over."""
    Lane.objects.filter(
        pk=submission.lane_id, quota_refusals__gt=0, not_before__lte=submission.claimed_at
    ).update(**_NOT_WAITING)


def wait_for_quota(submission: Submission, error: VeoError, now: datetime) -> datetime:
    """Let the submission's lane wait as long as the API's refusal says. Return until when. Call it
    inside a transaction."""
    lane = Lane.objects.select_for_update(no_key=True).get(pk=submission.lane_id)
    # Submissions that were in flight at once are refused at once: that is one refusal.
    before = lane.not_before if is_waiting(lane, now) else None
    is_same_burst = before is not None and submission.claimed_at < before
    refusals = max(1, lane.quota_refusals + (not is_same_burst))
    until = now + wait_after(error.retry_after, refusals, 5.0, LONGEST_QUOTA_WAIT)
    if before is not None and is_same_burst and until <= before:
        return before
    Lane.objects.filter(pk=lane.pk).update(
        not_before=until,
        wait_code=error.code,
        wait_reason=error.sentence,
        quota_refusals=refusals,
    )
    return until


def wait_after(told: float | None, failures: int, first: float, longest: timedelta) -> timedelta:
    """Return how long to wait: the seconds that the API told us, or else a wait that begins with
    `first` seconds and doubles with every failure in a row up to `longest`."""
    if told is not None:
        return timedelta(seconds=max(told, 0.1))
    doubled = first * 2 ** min(failures - 1, 20)
    return min(timedelta(seconds=doubled), max(longest, timedelta(seconds=first)))
