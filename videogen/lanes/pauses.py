"""When a lane submits nothing: the API's word (a pause that a person has to mend, a wait that ends
by itself) or a person's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from videogen.common.errors import RequestError, VeoError
from videogen.common.task_queue import wake_pump
from videogen.models import Lane, Submission, VideoRender
from videogen.models.routes import served_backends

State = VideoRender.State

LONGEST_WAIT = timedelta(seconds=60)
LONGEST_QUOTA_WAIT = timedelta(minutes=5)

# The pause code of what a person has stopped; every other one is the API's refusal.
BY_PERSON = "person"
_NOT_PAUSED = {"paused_at": None, "pause_code": "", "pause_reason": "", "pause_details": {}}


def lane_of(backend: str) -> Lane:
    return Lane.objects.get_or_create(name=backend)[0]


def served_lanes() -> list[Lane]:
    """Those that are worked with the settings as they are, where anything was ever asked for."""
    return list(Lane.objects.filter(name__in=served_backends()).order_by("name"))


def pause_lane(
    lane: Lane, error: VeoError, advice: str = "", facts: Mapping[str, Any] | None = None
) -> None:
    """No other submission can succeed until a person mends something. `facts`: kept with the
    details of the error."""
    Lane.objects.filter(pk=lane.pk, paused_at=None).update(
        paused_at=timezone.now(),
        pause_code=error.code,
        pause_reason=f"{error.sentence} {advice}".strip(),
        pause_details=error.details | dict(facts or {}),
    )


def pause_by_person(lane: Lane, name: str, reason: str) -> bool:
    """Nothing more is submitted until somebody resumes the lane; what was submitted goes on. False
    where a person has paused it already. RequestError without a reason."""
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
    """A person has mended what the queue was stopped for, or takes their own word back."""
    Lane.objects.filter(pk=lane.pk).update(**_NOT_PAUSED)


def resume_after_refusal(lane: Lane) -> None:
    """Somebody asks for a render: they have mended what the API refused, or are told once more.
    What a person has paused stays so."""
    Lane.objects.filter(pk=lane.pk).exclude(pause_code=BY_PERSON).update(**_NOT_PAUSED)


def end_wait(lane: Lane) -> None:
    """A person knows better than the API's last word that there is quota again."""
    with transaction.atomic():
        Lane.objects.filter(pk=lane.pk).update(
            not_before=None, wait_code="", wait_reason="", quota_refusals=0
        )
        waiting = VideoRender.objects.open().filter(lane=lane, state=State.QUEUED)
        # In the order in which others lock several renders.
        locked = waiting.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)
        VideoRender.objects.filter(pk__in=list(locked)).update(not_before=None)


def resume_at_once(lane: Lane) -> None:
    """The one click: no pause and no wait any more, and the workers know."""
    with transaction.atomic():
        resume_lane(lane)
        end_wait(lane)
        wake_pump()


def wait_for_quota(submission: Submission, error: VeoError, now: datetime) -> datetime:
    """Let the submission's lane wait as the API's refusal says; until when. Call it inside a
    transaction."""
    lane = Lane.objects.select_for_update().get(pk=submission.lane_id)
    # Several that were under way at once are refused at once: that is one refusal.
    is_same_burst = lane.not_before is not None and submission.claimed_at < lane.not_before
    refusals = max(1, lane.quota_refusals + (not is_same_burst))
    until = now + wait_after(error.retry_after, refusals, 5.0, LONGEST_QUOTA_WAIT)
    if is_same_burst and until <= lane.not_before:
        return lane.not_before
    Lane.objects.filter(pk=lane.pk).update(
        not_before=until,
        wait_code=error.code,
        wait_reason=error.sentence,
        quota_refusals=refusals,
    )
    return until


def wait_after(told: float | None, failures: int, first: float, longest: timedelta) -> timedelta:
    """What the API told us to wait, else a wait that doubles with every failure in a row."""
    if told is not None:
        return timedelta(seconds=max(told, 0.1))
    doubled = first * 2 ** min(failures - 1, 20)
    return min(timedelta(seconds=doubled), max(longest, timedelta(seconds=first)))
