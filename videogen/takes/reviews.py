"""Reviews of takes by people: select, approve (which locks the shot), unlock, reject, undo.

A render's state is what the program did, its review is what a person decided. All reviews of one
shot wait for the lock of the shot's row, and every change is a conditional UPDATE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from storybook.models import Shot, Story
from videogen.common.errors import ReviewError
from videogen.models import VideoRender
from videogen.models.render_queries import RenderQuerySet
from videogen.models.states import ONE_IS_APPROVED

State = VideoRender.State
Review = VideoRender.Review


def find_approved_take(shot_id: int) -> VideoRender | None:
    """Return the approved take, which locks the shot. Makes one query."""
    approved = VideoRender.objects.filter(shot=shot_id, review=Review.APPROVED)
    return approved.without_heavy_columns().first()


def lock_shot(shot_id: int) -> None:
    """Lock the story's row and the shot's until the transaction ends. Nobody else can review the
    shot's takes or queue renders of its story meanwhile, so an approval and a new render cannot
    miss each other."""
    for row in (Story.objects.filter(scenelets__shots=shot_id), Shot.objects.filter(pk=shot_id)):
        row.only("pk").select_for_update(of=("self",), no_key=True).get()


def refuse_if_locked(shot_id: int) -> None:
    """Raise ReviewError if a take is approved. Call lock_shot() first if something is decided by
    it."""
    if approved := find_approved_take(shot_id):
        raise _locked(approved)


# Below, `is_locked` says that the transaction of the caller holds the lock of the shot, and that it
# has read the render under it.


def select_take(render: VideoRender, user: User, *, is_locked: bool = False) -> None:
    """Make it the take that the story uses. The take that was selected before becomes
    unreviewed."""
    with _under_lock(render, is_locked=is_locked):
        refuse_if_locked(render.shot_id)
        if render.review != Review.SELECTED:
            _choose(render, Review.SELECTED, user)


def approve_take(
    render: VideoRender, user: User, *, instead_of: int | None = None, is_locked: bool = False
) -> int:
    """Select the take and lock the shot: it gets no new take until somebody unlocks it. Returns how
    many others of the shot were cancelled before they were sent, because their batch says so.

    instead_of: the primary key of the approved take whose place this one takes. It becomes
    unreviewed. Where another take is approved, or none is named, raises ReviewError.
    """
    with _under_lock(render, is_locked=is_locked):
        if render.review == Review.APPROVED:
            return 0
        approved = find_approved_take(render.shot_id)
        if approved and approved.pk != instead_of:
            raise _locked(approved)
        rest = VideoRender.objects.filter(
            shot=render.shot_id, state=State.QUEUED, batch__stops_when_approved=True
        )
        # Before the shot's status, as a claim takes them, which may want the same renders now.
        has_rest = bool(rest.lock())
        _choose(render, Review.APPROVED, user)
        return _stop(rest) if has_rest else 0


def _stop(rest: RenderQuerySet) -> int:
    """Cancel these renders, which are still queued. Returns how many."""
    return sum(
        each.move(
            State.QUEUED,
            State.CANCELLED,
            error_code=ONE_IS_APPROVED,
            error_message="It was not sent: another take of the shot was approved.",
        )
        for each in rest.order_by("pk")
    )


def restore_approval(render: VideoRender, at: datetime, by: int | None, by_name: str) -> None:
    """Approve the take again, as it was approved before another one took its place: by the same
    person, at the same time. Does nothing if somebody has decided about it meanwhile."""
    with _under_lock(render):
        refuse_if_locked(render.shot_id)
        former = VideoRender.objects.filter(pk=render.pk, review=Review.UNREVIEWED)
        former.transition(
            review=Review.APPROVED,
            reviewed_at=at,
            reviewed_by=User.objects.filter(pk=by).first() if by else None,
            reviewed_by_name=by_name,
        )


def unlock_take(render: VideoRender, user: User) -> None:
    """Unlock the shot; the take stays selected."""
    with _under_lock(render):
        if render.review != Review.APPROVED:
            raise ReviewError(f"{_named(render)} is not approved.", code="not_approved")
        _write(render, Review.SELECTED, user)


def reject_take(
    render: VideoRender,
    user: User,
    words: str = "",
    reasons: Iterable[str] = (),
    *,
    is_locked: bool = False,
) -> None:
    """Reject the take: its shot counts as having no video. reasons: values of RejectReason; raises
    ReviewError for another one."""
    try:
        codes = VideoRender.RejectReason.stored(reasons)
    except ValueError as error:
        raise ReviewError(
            "Nothing was rejected: one of the reasons does not exist.", code="no_reason"
        ) from error
    with _under_lock(render, is_locked=is_locked):
        _refuse_if_approved(render)
        _write(render, Review.REJECTED, user, words.strip(), codes)


def clear_review(render: VideoRender, user: User) -> None:
    """Undo the review. An approved take has to be unlocked first."""
    with _under_lock(render):
        _refuse_if_approved(render)
        _write(render, Review.UNREVIEWED, user)


@contextmanager
def _under_lock(render: VideoRender, *, is_locked: bool = False) -> Iterator[None]:
    """Hold the shot's lock in a transaction, and read `render` as it is now. Raises ReviewError if
    the render has no video."""
    with nullcontext() if is_locked else transaction.atomic():
        if not is_locked:
            lock_shot(render.shot_id)
            render.refresh_from_db(fields=["state", "review", "take"])
        if render.state != State.DONE:
            raise ReviewError("It has no video: there is nothing to review.", code="no_video")
        yield


def _refuse_if_approved(render: VideoRender) -> None:
    if render.review == Review.APPROVED:
        raise _locked(render)


def _locked(approved: VideoRender) -> ReviewError:
    return ReviewError(f"{_named(approved)} is approved: unlock it first.", code="approved")


def _choose(render: VideoRender, review: str, user: User) -> None:
    # The former one comes first, because a shot has at most one selected or approved take.
    VideoRender.objects.filter(
        shot=render.shot_id, review__in=[Review.SELECTED, Review.APPROVED]
    ).exclude(pk=render.pk).transition(review=Review.UNREVIEWED, **_NOBODY)
    _write(render, review, user)


_NOBODY = {
    "review_reason": "",
    "review_reasons": "",
    "reviewed_at": None,
    "reviewed_by": None,
    "reviewed_by_name": "",
}


def _write(
    render: VideoRender, review: str, user: User, words: str = "", reasons: str = ""
) -> None:
    changes: dict[str, Any] = {"review": review, **_NOBODY}
    if review != Review.UNREVIEWED:
        changes |= {
            "review_reason": words,
            "review_reasons": reasons,
            "reviewed_at": timezone.now(),
            "reviewed_by": user,
            "reviewed_by_name": user.get_username(),
        }
    rows = VideoRender.objects.filter(pk=render.pk, state=State.DONE, review=render.review)
    if not rows.transition(**changes):
        raise ReviewError("Somebody was faster: look at it once more.", code="changed")
    for name, value in changes.items():
        setattr(render, name, value)


def _named(render: VideoRender) -> str:
    return f"Take {render.take}"
