"""A person's word on takes: select, approve (which locks), unlock, reject, undo.

A render's state is the machine's, its review a person's. All reviews of a shot stand in line at
the shot's row, and every change is a conditional UPDATE.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from storybook.models import Shot, Story
from videogen.common.errors import ReviewError
from videogen.models import VideoRender

State = VideoRender.State
Review = VideoRender.Review


def approved_take_of(shot_id: int) -> VideoRender | None:
    """The take that locks the shot. One query."""
    return VideoRender.objects.filter(shot=shot_id, review=Review.APPROVED).first()


def lock_shot(shot_id: int) -> None:
    """Until the transaction's end nobody else reviews the shot's takes, and nobody queues renders
    of its story: an approval and a new render do not pass each other unseen."""
    Story.objects.select_for_update(of=("self",)).get(scenelets__shots=shot_id)
    Shot.objects.select_for_update(of=("self",)).get(pk=shot_id)


def refuse_if_locked(shot_id: int) -> None:
    """ReviewError where a take is approved. What is decided by it needs lock_shot() first."""
    if approved := approved_take_of(shot_id):
        raise _locked(approved)


def select_take(render: VideoRender, user: AbstractBaseUser) -> None:
    """Make it the take that the story uses; the one before becomes unreviewed."""
    with _under_lock(render):
        refuse_if_locked(render.shot_id)
        if render.review != Review.SELECTED:
            _choose(render, Review.SELECTED, user)


def approve_take(render: VideoRender, user: AbstractBaseUser) -> None:
    """Select and lock it: the shot gets no new take until somebody unlocks it."""
    with _under_lock(render):
        if render.review == Review.APPROVED:
            return
        refuse_if_locked(render.shot_id)
        _choose(render, Review.APPROVED, user)


def unlock_take(render: VideoRender, user: AbstractBaseUser) -> None:
    """Approved → selected."""
    with _under_lock(render):
        if render.review != Review.APPROVED:
            raise ReviewError(f"{_named(render)} is not approved.", code="not_approved")
        _write(render, Review.SELECTED, user)


def reject_take(render: VideoRender, user: AbstractBaseUser, reason: str) -> None:
    with _under_lock(render):
        _refuse_if_approved(render)
        _write(render, Review.REJECTED, user, reason.strip())


def clear_review(render: VideoRender, user: AbstractBaseUser) -> None:
    """Undo: nobody has reviewed it. An approved take has to be unlocked first."""
    with _under_lock(render):
        _refuse_if_approved(render)
        _write(render, Review.UNREVIEWED, user)


@contextmanager
def _under_lock(render: VideoRender) -> Iterator[None]:
    """One transaction, in which the shot's reviews are nobody else's; `render` as it is now.
    Raises ReviewError where there is no video."""
    with transaction.atomic():
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


def _choose(render: VideoRender, review: str, user: AbstractBaseUser) -> None:
    # The former one first: the shot has one selected take at most.
    VideoRender.objects.filter(shot=render.shot_id, review=Review.SELECTED).exclude(
        pk=render.pk
    ).transition(review=Review.UNREVIEWED, **_NOBODY)
    _write(render, review, user)


_NOBODY = {"review_reason": "", "reviewed_at": None, "reviewed_by": None, "reviewed_by_name": ""}


def _write(render: VideoRender, review: str, user: AbstractBaseUser, reason: str = "") -> None:
    changes = {"review": review, **_NOBODY}
    if review != Review.UNREVIEWED:
        changes |= {
            "review_reason": reason,
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
