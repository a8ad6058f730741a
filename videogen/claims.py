"""The one guard of every paid call, whoever asked for it.

A claim is a short transaction under the lane's lock that counts windows, caps and the budget,
writes a Submission and moves the render to SUBMITTING. Only after its commit may the request
leave.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import Lane, Submission, VideoRender
from .money import budget_left_usd

State = VideoRender.State

WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class Claim:
    render: VideoRender
    submission: Submission


def claim_renders(
    lane: Lane, *, owner: str, limit: int, scope: Collection[int] | None = None
) -> list[Claim]:
    """At most `limit` queued renders of the lane that may be submitted now, oldest first.

    owner: the process that will send them. scope: only these renders.
    """
    if limit <= 0 or not queued_renders(lane, scope).exists():
        return []
    now = timezone.now()
    with transaction.atomic():
        lane = Lane.objects.select_for_update().get(pk=lane.pk)
        if lane.paused_at or (lane.not_before and lane.not_before > now):
            return []
        limit = min(limit, _free_slots(lane, now))
        if limit <= 0:
            return []
        claims = []
        left = budget_left_usd(with_queued=False)
        renders = queued_renders(lane, scope).select_related("shot__scenelet__story")
        for render in renders.order_by("queued_at", "pk")[:limit]:
            price = render.price_estimate_usd
            if left is not None and price > left:
                _refuse_for_budget(render, left)
                continue
            if render.move(State.QUEUED, State.SUBMITTING, claimed_at=now, beat_at=now):
                submission = Submission.objects.create(
                    render=render, lane=lane, owner=owner, price_usd=price, claimed_at=now
                )
                claims.append(Claim(render, submission))
                left = None if left is None else left - price
    return claims


def queued_renders(lane: Lane, scope: Collection[int] | None = None) -> QuerySet[VideoRender]:
    """The lane's renders that wait for a submission and may have it now."""
    now = timezone.now()
    renders = VideoRender.objects.open().filter(
        Q(not_before=None) | Q(not_before__lte=now),
        lane=lane,
        kind=VideoRender.Kind.GENERATION,
        state=State.QUEUED,
    )
    return renders if scope is None else renders.filter(pk__in=scope)


def _free_slots(lane: Lane, now: datetime) -> int:
    in_flight = (
        VideoRender.objects.open()
        .filter(lane=lane, state__in=[State.SUBMITTING, State.RUNNING])
        .count()
    )
    free = settings.VIDEO_MAX_IN_FLIGHT - in_flight
    per_minute = settings.VIDEO_SUBMISSIONS_PER_MINUTE
    if per_minute is not None:
        # The API counts arrivals, and a request arrives some time between claim and answer. Until
        # a minute after its answer it may therefore be in the API's window.
        answered = Q(answered_at__gt=now - WINDOW)
        time_out = timedelta(seconds=settings.VIDEO_SUBMIT_TIMEOUT_SECONDS)
        unanswered = Q(answered_at=None, claimed_at__gt=now - WINDOW - time_out)
        recent = Submission.objects.filter(answered | unanswered, lane=lane).count()
        free = min(free, per_minute - recent)
    return free


def _refuse_for_budget(render: VideoRender, left: Decimal) -> None:
    render.move(
        State.QUEUED,
        State.FAILED,
        error_code="over_budget",
        error_message=(
            f"Not sent: it costs ${render.price_estimate_usd} and ${max(left, Decimal(0))} is left "
            "of VIDEO_BUDGET_USD."
        ),
    )
