"""The one guard of every paid call, whoever asked for it.

A claim is a short transaction under the lane's lock. It counts the account's limits and the
budgets, writes a Submission for each render that is to be sent now and moves the renders to
SUBMITTING. Only after its commit may their requests leave.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from videogen.billing.budgets import BudgetHeadroom, lock_budgets
from videogen.common.db_retry import again_after_deadlock
from videogen.common.moments import CLOCKS_DIFFER, over
from videogen.lanes.pauses import LONGEST_TOLD, is_waiting
from videogen.lanes.quota import rate_limit_headroom, window_problem
from videogen.models import Lane, Submission, VideoRender
from videogen.models.problems import ProblemCode
from videogen.models.render_queries import RenderQuerySet

from . import journal

State = VideoRender.State

_ARCHIVED = "Not sent: the story is archived. Bring it back, then generate it again."


@dataclass(frozen=True)
class Claim:
    """A render that this process must submit now, and the row that says so."""

    render: VideoRender
    submission: Submission


@again_after_deadlock
def claim_renders(
    lane: Lane, *, owner: str, limit: int, scope: Collection[int] | None = None
) -> list[Claim]:
    """Claim at most `limit` queued renders of the lane, by their batch's priority and then the
    oldest first. Return those that this process must submit now.

    A render that can never be sent (its story is archived, its price is not known, a budget has no
    room, or it costs more than the account's spend window) fails here. owner: the process that
    will send the renders. scope: only these renders.
    """
    if limit <= 0:
        return []
    now = timezone.now()
    with transaction.atomic():
        lock_budgets()
        # NO KEY: a change of a render that is queued in the lane checks at its commit that the lane
        # is there, and must not wait for the claim, which waits for that render.
        lane = Lane.objects.select_for_update(no_key=True).get(pk=lane.pk)
        if lane.paused_at or is_waiting(lane, now):
            return []
        headroom = rate_limit_headroom(lane, now)
        limit = min(limit, headroom.renders)
        if limit <= 0:
            return []
        taken = []
        room = BudgetHeadroom()
        window = headroom.usd
        due = queued_renders(lane, scope)
        keys = list(due.in_claim_order().values_list("pk", flat=True)[:limit])
        # Locked by their keys, as everybody does it, and not in the order in which they are sent.
        locked = due.filter(pk__in=keys).select_related("shot__scenelet__story").locked()
        for render in sorted(locked, key=lambda each: keys.index(each.pk)):
            price = render.price_estimate_usd
            if render.shot.scenelet.story.is_archived:
                _refuse(render, ProblemCode.STORY_ARCHIVED, _ARCHIVED)
                continue
            if problem := _price_problem(render):
                _refuse(render, "unknown_price", problem)
                continue
            if problem := room.refusal(render):
                _refuse(render, "over_budget", problem)
                continue
            if too_dear := window_problem(lane.name, price):
                _refuse(render, "over_spend_window", f"Not sent: {too_dear.sentence}")
                continue
            if window is not None and price and price > window:
                # It is this one's turn: cheaper renders could overtake it for ever.
                break
            taken.append(render)
            room.take(render)
            window = None if window is None else window - price
        return _write(taken, lane, owner, now)


def _write(renders: Sequence[VideoRender], lane: Lane, owner: str, now: datetime) -> list[Claim]:
    """Write the intents of these renders, which the caller has locked. What makes a claim cost time
    is done once for all of them."""
    if not renders:
        return []
    changes: dict[str, Any] = {"claimed_at": now, "beat_at": now, "state": State.SUBMITTING}
    keys = [render.pk for render in renders]
    moved = VideoRender.objects.filter(pk__in=keys, state=State.QUEUED).transition(**changes)
    if moved != len(keys):
        # They were read under their locks. Whatever this is, nothing of it may be sent.
        raise RuntimeError(f"{moved} of {len(keys)} renders were queued when they were claimed.")
    claims = []
    for render in renders:
        for name, value in changes.items():
            setattr(render, name, value)
        submission = Submission(
            render=render,
            lane=lane,
            owner=owner,
            price_usd=render.price_estimate_usd,
            claimed_at=now,
        )
        claims.append(Claim(render, submission))
    Submission.objects.bulk_create(claim.submission for claim in claims)
    # Before the commit: from then on, a process that is killed may leave a claim.
    for claim in claims:
        journal.note_unsent(claim.submission.token)
    return claims


def queued_renders(lane: Lane, scope: Collection[int] | None = None) -> RenderQuerySet:
    """Return the lane's queued renders that do not wait for a later moment."""
    now = timezone.now()
    # What was queued in the future was queued before the clock was set back: its wait is over.
    was_set_back = Q(state_since__gt=now + CLOCKS_DIFFER)
    renders = VideoRender.objects.queued_in(lane).filter(
        Q(not_before=None) | over("not_before", now, longest=LONGEST_TOLD) | was_set_back
    )
    return renders if scope is None else renders.filter(pk__in=scope)


def _price_problem(render: VideoRender) -> str:
    """Return why the render must not be sent: it was queued without a known price, or for nothing,
    which no budget would count."""
    if render.is_simulated or render.price_estimate_usd:
        return ""
    return (
        f"Not sent: no price is known for {render.model} at {render.resolution}. Add it to the "
        "prices, then generate it again."
    )


def _refuse(render: VideoRender, code: str, sentence: str) -> None:
    render.move(State.QUEUED, State.FAILED, error_code=code, error_message=sentence)
