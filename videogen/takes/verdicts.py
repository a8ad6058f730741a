"""Verdicts on what the reviewer saw, and taking them back: for the review room, for the board and
the list of shots, which judge several shots at once, and for the API.

The rows are written by reviews.py. The page of a shot's takes and a retake call that directly.

Of two reviewers one gives the verdict, and the other is told whose it is. A verdict can be taken
back for as long as it is the person's own and no render was queued since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from videogen.common.errors import ReviewError
from videogen.models import VideoRender

from . import reviews

Kind = VideoRender.Kind
Review = VideoRender.Review

# Codes of the refusals that a reviewer is told of as somebody else's doing.
DECIDED = "decided"
NOT_YOURS = "not_yours"
BUILT_ON = "built_on"


_CHANGED = (
    "state",
    "take",
    "review",
    "review_reason",
    "review_reasons",
    "reviewed_at",
    "reviewed_by",
    "reviewed_by_name",
)


@dataclass(frozen=True)
class Before:
    """How a take stood before a verdict: all that taking it back needs."""

    review: str
    words: str = ""
    reasons: str = ""
    # The take that the shot used, if the verdict made it use another one.
    selected: int | None = None
    # The approved take whose place this one took, and who had approved that take, and when.
    approved: int | None = None
    approved_at: str = ""
    approved_by: int | None = None
    approved_by_name: str = ""


def give_verdict(
    render: VideoRender,
    user: User,
    review: str,
    *,
    seen: str,
    words: str = "",
    reasons: Iterable[str] = (),
    instead_of: int | None = None,
) -> tuple[Before, int]:
    """Approve, reject or select the take. Return how it stood before, and how many other renders of
    the shot were cancelled before they were sent.

    seen: the review that the person saw. instead_of: the approved take that the person saw, if an
    approval is to take its place, as that of a final takes the place of its draft's. Raises
    ReviewError, with the code `decided` if somebody else has decided meanwhile.
    """
    with transaction.atomic():
        reviews.lock_shot(render.shot_id)
        # The whole story waits for this lock: only what a verdict can change is read.
        render.refresh_from_db(fields=_CHANGED)
        approved = reviews.find_approved_take(render.shot_id)
        if render.review != seen:
            raise ReviewError(_told(render), code=DECIDED)
        is_replaced = approved and review == Review.APPROVED and approved.pk == instead_of
        if approved and review != Review.REJECTED and not is_replaced:
            raise ReviewError(_told(approved), code=DECIDED)
        in_use = VideoRender.objects.filter(shot=render.shot_id, review=Review.SELECTED)
        others = in_use.exclude(pk=render.pk).values_list("pk", flat=True)
        before = Before(
            render.review,
            render.review_reason,
            render.review_reasons,
            None if review == Review.REJECTED else others.first(),
            **(_approval_of(approved) if approved and is_replaced else {}),
        )
        stopped = 0
        match review:
            case Review.APPROVED:
                stopped = reviews.approve_take(render, user, instead_of=instead_of, is_locked=True)
            case Review.SELECTED:
                reviews.select_take(render, user, is_locked=True)
            case _:
                reviews.reject_take(render, user, words, reasons, is_locked=True)
    return before, stopped


def take_back(render: VideoRender, user: User, before: Before) -> None:
    """Undo the person's verdict. Raises ReviewError if it is not theirs any more, or if a render of
    the shot was queued since."""
    with transaction.atomic():
        reviews.lock_shot(render.shot_id)
        render.refresh_from_db()
        if render.review == Review.UNREVIEWED or render.reviewed_by_id != user.pk:
            raise ReviewError(f"Nothing was taken back. {_told(render)}", code=NOT_YOURS)
        newer = VideoRender.objects.filter(
            shot=render.shot_id, queued_at__gte=render.reviewed_at
        ).exclude(kind=Kind.REHEARSAL)
        if newer.exists():
            raise ReviewError(
                f"The verdict on take {render.take} stays: a render of the shot was queued since.",
                code=BUILT_ON,
            )
        if render.review == Review.APPROVED:
            reviews.unlock_take(render, user)
        match before.review:
            case Review.SELECTED:
                reviews.select_take(render, user)
            case Review.REJECTED:
                reasons = VideoRender.RejectReason.read(before.reasons)
                reviews.reject_take(render, user, before.words, reasons)
            case _:
                reviews.clear_review(render, user)
        if before.selected:
            former = VideoRender.objects.get(pk=before.selected)
            if former.review == Review.UNREVIEWED:
                reviews.select_take(former, user)
        if before.approved:
            replaced = VideoRender.objects.get(pk=before.approved)
            at = datetime.fromisoformat(before.approved_at)
            reviews.restore_approval(replaced, at, before.approved_by, before.approved_by_name)


def _approval_of(render: VideoRender) -> dict[str, Any]:
    at = render.reviewed_at or render.state_since
    return {
        "approved": render.pk,
        "approved_at": at.isoformat(),
        "approved_by": render.reviewed_by_id,
        "approved_by_name": render.reviewed_by_name,
    }


def _told(render: VideoRender) -> str:
    """Whose verdict a take has now."""
    who = render.reviewed_by_name or "Somebody"
    if render.review == Review.UNREVIEWED:
        return f"The verdict on take {render.take} was taken back meanwhile."
    return f"{who} has {render.get_review_display()} take {render.take} meanwhile."
