"""What the pages tell of a queue that sends nothing: who or what has stopped it, or until when it
waits for quota. Never a failure: what is queued stays queued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from videogen.errors import RequestError
from videogen.lanes import BY_PERSON, pause_by_person, resume_at_once, served_lanes
from videogen.models import Lane
from videogen.quota import Slot, next_slot, queued_in, slot_of_next, window_problem


@dataclass(frozen=True)
class QueueNotice:
    """Of a lane that is stopped or (with a slot) waits."""

    lane: Lane
    slot: Slot | None = None
    problem: str = ""

    @property
    def is_stopped(self) -> bool:
        return bool(self.lane.paused_at)

    @property
    def is_by_person(self) -> bool:
        return self.lane.pause_code == BY_PERSON

    @property
    def until(self) -> datetime | None:
        return self.slot.at if self.slot else None

    @property
    def is_another_day(self) -> bool:
        return timezone.localdate(self.until) != timezone.localdate()

    @property
    def look(self) -> tuple[object, ...]:
        """Any value that the notice's HTML follows from: see live.py."""
        until = self.until and self.until.replace(second=0, microsecond=0)
        return (self.lane.pk, self.lane.pause_code, self.lane.pause_reason, until, self.problem)


def notice_of(lane: Lane) -> QueueNotice | None:
    """As it is for what the lane has queued. At most four queries."""
    if lane.paused_at:
        return QueueNotice(lane)
    slot = slot_of_next(lane)
    return QueueNotice(lane, slot) if _waits(slot) else None


def notice_of_backend() -> QueueNotice | None:
    """Of the lanes that are worked, the first that stands still. At most four queries a lane, and
    one."""
    return next(filter(None, map(notice_of, served_lanes())), None)


def notice_for_price(backend: str, price: Decimal | None) -> QueueNotice | None:
    """As it would be for one more render of that price. At most five queries."""
    lane = Lane.objects.filter(name=backend).first()
    if price and (problem := window_problem(price)):
        return QueueNotice(lane or Lane(name=backend), problem=problem)
    if lane is None or lane.paused_at:
        return QueueNotice(lane) if lane else None
    slot = next_slot(lane, price or Decimal(0))
    return QueueNotice(lane, slot) if _waits(slot) else None


def _waits(slot: Slot | None) -> bool:
    return bool(slot and slot.at and slot.code and slot.at > timezone.now())


# -- what a person may do about it -----------------------------------------------------------------


def pause(model_admin: ModelAdmin, request: HttpRequest, lane: Lane) -> None:
    reason = request.POST.get("reason", "")
    try:
        with transaction.atomic():
            paused = pause_by_person(lane, request.user.get_username(), reason)
            if paused:
                words = " ".join(reason.split())
                model_admin.log_change(request, lane, f"Paused the queue. {words}")
    except RequestError as error:
        messages.error(request, error.sentence)
        return
    if not paused:
        messages.info(request, "The queue was paused already.")
        return
    waiting = queued_in(lane).count()
    messages.success(
        request,
        f"The queue is paused. {waiting or 'Nothing'} {'wait' if waiting > 1 else 'waits'} in it; "
        "what was sent goes on.",
    )


def resume(model_admin: ModelAdmin, request: HttpRequest, lane: Lane) -> None:
    with transaction.atomic():
        resume_at_once(lane)
        model_admin.log_change(request, lane, "Resumed the queue.")
