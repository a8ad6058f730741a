"""What the pages tell of a queue that sends nothing: who or what has stopped it, or until when it
waits for quota. Never a failure: what is queued stays queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from videogen.catalog.missing_models import missing_model
from videogen.common.errors import RequestError
from videogen.lanes.pauses import BY_PERSON, pause_by_person, resume_at_once, served_lanes
from videogen.lanes.quota import Slot, next_slot, slot_of_next, window_problem
from videogen.models import Lane, VideoRender

MOVE = ("videogen.generate_video", "videogen.view_lane", "videogen.view_videorender")


@dataclass(frozen=True)
class QueueNotice:
    """Of a lane that is stopped or (with a slot) waits."""

    lane: Lane
    slot: Slot | None = None
    problem: str = ""
    to_move: int = 0
    may_move: bool = False

    @property
    def is_stopped(self) -> bool:
        return bool(self.lane.paused_at)

    @property
    def is_by_person(self) -> bool:
        return self.lane.pause_code == BY_PERSON

    @property
    def offered_moves(self) -> int:
        """How many renders the person may move away from a model that is missing."""
        return self.to_move if self.may_move else 0

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
        lane, moves = self.lane, self.offered_moves
        return (lane.pk, lane.pause_code, lane.pause_reason, until, self.problem, moves)


def notice_of(lane: Lane, user: AbstractBaseUser | None = None) -> QueueNotice | None:
    """As it is for what the lane has queued, with what that person may do about it. At most four
    queries, beside the person's rights."""
    if lane.paused_at:
        missing = missing_model(lane)
        to_move = (
            VideoRender.objects.queued_in(lane).filter(model=missing).count() if missing else 0
        )
        return QueueNotice(lane, to_move=to_move, may_move=bool(user and may_move(user)))
    slot = slot_of_next(lane)
    return QueueNotice(lane, slot) if _waits(slot) else None


def notice_of_backend(user: AbstractBaseUser) -> QueueNotice | None:
    """Of the lanes that are worked, the first that stands still. At most four queries a lane, and
    one."""
    return next(filter(None, (notice_of(lane, user) for lane in served_lanes())), None)


def may_move(user: AbstractBaseUser) -> bool:
    """Queued renders to another model: the page is the lane's, and it shows the renders."""
    return user.has_perms(MOVE)


def notice_for_price(backend: str, price: Decimal | None) -> QueueNotice | None:
    """As it would be for one more render of that price. At most five queries."""
    lane = Lane.objects.filter(name=backend).first()
    if price and (problem := window_problem(backend, price)):
        return QueueNotice(lane or Lane(name=backend), problem=problem)
    if lane is None or lane.paused_at:
        return QueueNotice(lane) if lane else None
    slot = next_slot(lane, price or Decimal(0))
    return QueueNotice(lane, slot) if _waits(slot) else None


def _waits(slot: Slot | None) -> bool:
    return bool(slot and slot.at and slot.code and slot.at > timezone.now())


# -- what a person may do about it -----------------------------------------------------------------


def pause(model_admin: ModelAdmin, request: HttpRequest, lanes: Sequence[Lane]) -> None:
    """All of these, or none where the reason is missing."""
    reason = request.POST.get("reason", "")
    try:
        with transaction.atomic():
            paused = [
                lane for lane in lanes if pause_by_person(lane, request.user.get_username(), reason)
            ]
            words = " ".join(reason.split())
            for lane in paused:
                model_admin.log_change(request, lane, f"Paused the queue. {words}")
    except RequestError as error:
        messages.error(request, error.sentence)
        return
    if not paused:
        messages.info(request, "The queue was paused already.")
        return
    others_go = {lane.pk for lane in served_lanes() if not lane.paused_at}
    which = f"The queue of {' and '.join(map(str, paused))}" if others_go else "The queue"
    waiting = sum(VideoRender.objects.queued_in(lane).count() for lane in paused)
    messages.success(
        request,
        f"{which} is paused. {waiting or 'Nothing'} {'wait' if waiting > 1 else 'waits'} in it; "
        "what was sent goes on.",
    )


def resume(model_admin: ModelAdmin, request: HttpRequest, lane: Lane) -> None:
    with transaction.atomic():
        resume_at_once(lane)
        model_admin.log_change(request, lane, "Resumed the queue.")
