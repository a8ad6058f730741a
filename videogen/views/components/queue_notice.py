"""Why a queue sends nothing: who or what stopped it, or until when it waits for quota.

That is never a failure, for queued renders stay queued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from videogen.catalog.missing_models import missing_model
from videogen.common.errors import RequestError
from videogen.common.task_queue import broker_problem, is_cluster_running
from videogen.lanes.pauses import BY_PERSON, pause_by_person, resume_at_once, served_lanes
from videogen.lanes.quota import SendTime, find_next_send_time, find_send_time, window_problem
from videogen.models import Lane, VideoRender

MOVE = ("videogen.generate_video", "videogen.view_lane", "videogen.view_videorender")


@dataclass(frozen=True)
class QueueNotice:
    """The notice of a lane that is stopped, or that waits until it may send again."""

    lane: Lane
    send_time: SendTime | None = None
    # Why no wait would help: the price of a single render is more than the quota allows.
    problem: str = ""
    # What becomes of queued work while the broker of the tasks is away.
    broker: str = ""
    # The number of renders that are queued for a model that the account no longer has.
    to_move: int = 0
    # Whether the person may move them to another model.
    may_move: bool = False

    @property
    def is_stopped(self) -> bool:
        return bool(self.lane.paused_at)

    @property
    def is_by_person(self) -> bool:
        return self.lane.pause_code == BY_PERSON

    @property
    def offered_moves(self) -> int:
        """How many renders the notice offers the person to move to another model."""
        return self.to_move if self.may_move else 0

    @property
    def until(self) -> datetime | None:
        return self.send_time.at if self.send_time else None

    @property
    def is_another_day(self) -> bool:
        return self.until is not None and timezone.localdate(self.until) != timezone.localdate()

    @property
    def content(self) -> tuple[object, ...]:
        """A value that the notice's HTML follows from; see live.py."""
        until = self.until and self.until.replace(second=0, microsecond=0)
        lane, moves = self.lane, self.offered_moves
        problems = (self.problem, self.broker)
        return (lane.pk, lane.pause_code, lane.pause_reason, until, problems, moves)


def notice_of(lane: Lane, user: AbstractUser | None = None) -> QueueNotice | None:
    """Return why the lane sends nothing of what it has queued, and what the person may do.

    None if nothing holds it up. At most four queries, beside those for the person's permissions.
    """
    if lane.paused_at:
        missing = missing_model(lane)
        to_move = (
            VideoRender.objects.queued_in(lane).filter(model=missing).count() if missing else 0
        )
        return QueueNotice(lane, to_move=to_move, may_move=bool(user and may_move(user)))
    send_time = find_next_send_time(lane)
    if send_time and (broken := broker_problem()):
        return QueueNotice(lane, broker=broken)
    return QueueNotice(lane, send_time) if _waits(send_time) else None


def notice_of_backend(user: AbstractUser) -> QueueNotice | None:
    """Return the notice of the first lane in use that sends nothing.

    One query, and at most four more for each lane.
    """
    return next(filter(None, (notice_of(lane, user) for lane in served_lanes())), None)


def may_move(user: AbstractUser) -> bool:
    """Return whether the person may open the page that moves renders to another model."""
    return user.has_perms(MOVE)


def notice_for_price(backend: str, price: Decimal | None) -> QueueNotice | None:
    """Return the notice for one more render of that price. At most five queries."""
    lane = Lane.objects.filter(name=backend).first()
    if price and (problem := window_problem(backend, price)):
        return QueueNotice(lane or Lane(name=backend), problem=problem.sentence)
    if lane and lane.paused_at:
        return QueueNotice(lane)
    if broken := broker_problem():
        return QueueNotice(lane or Lane(name=backend), broker=broken)
    if lane is None:
        return None
    send_time = find_send_time(lane, price or Decimal(0))
    return QueueNotice(lane, send_time) if _waits(send_time) else None


def is_nobody_working() -> bool:
    """Whether no cluster is running. While the broker is away nobody can tell, and the notice says
    that instead."""
    return not is_cluster_running() and not broker_problem()


def _waits(send_time: SendTime | None) -> bool:
    return bool(send_time and send_time.at and send_time.code and send_time.at > timezone.now())


# -- pausing and resuming --------------------------------------------------------------------------


def pause(model_admin: ModelAdmin[Any], request: HttpRequest, lanes: Sequence[Lane]) -> None:
    """Pause all of these lanes, or none of them if the person gave no reason."""
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
        f"{which} is paused. {_waiting(waiting)} What was sent before continues.",
    )


def _waiting(number: int) -> str:
    if not number:
        return "Nothing waits in it."
    return ngettext("%d render waits in it.", "%d renders wait in it.", number) % number


def resume(model_admin: ModelAdmin[Any], request: HttpRequest, lane: Lane) -> None:
    with transaction.atomic():
        resume_at_once(lane)
        model_admin.log_change(request, lane, "Resumed the queue.")
