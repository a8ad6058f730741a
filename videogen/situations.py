"""Where a shot stands, derived from its renders and never stored: its row of the mode table, and
its badge on the screens; the badge once in Python (one shot, renders at hand) and once in SQL
(lists)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from storybook.models import Shot

from .models import STALE_AFTER, VideoRender
from .money import SIMULATOR

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review


class Situation(StrEnum):
    """Rows of the mode table, in the order in which they are read."""

    IN_FLIGHT = "a render is queued or in flight"
    UNKNOWN = "a render's submission has an unknown outcome"
    INTERRUPTED = "a render was interrupted, its operation is known"
    NOT_DOWNLOADED = "a finished video was not downloaded"
    APPROVED = "an approved take"
    VIDEO = "a video"
    WITHOUT_VIDEO = "only failed / blocked / cancelled renders"
    NOTHING = "no render, or only rehearsals"


def find_situations(
    shots: QuerySet[Shot], backend: str
) -> dict[int, tuple[Situation, VideoRender]]:
    """By shot: the row of the mode table that fits first, and the newest render that makes it so.
    Shots without any render but rehearsals are missing. One query.

    What the simulator made is no video to a `backend` that makes real ones.
    """
    found: dict[int, tuple[Situation, VideoRender]] = {}
    renders = (
        VideoRender.objects.filter(shot__in=shots.order_by())
        .exclude(kind=Kind.REHEARSAL)
        .defer("prompt_text", "references", "dropped_references", "warnings", "error_details")
        .order_by("pk")
    )
    rank = {situation: number for number, situation in enumerate(Situation)}
    for render in renders:
        if not _counts(render, backend):
            continue
        situation = situation_of(render)
        if render.shot_id not in found or rank[situation] <= rank[found[render.shot_id][0]]:
            found[render.shot_id] = (situation, render)
    return found


def situation_of(render: VideoRender) -> Situation:
    status = render.status
    if status in VideoRender.OPEN:
        return Situation.IN_FLIGHT
    if status == State.DONE:
        approved = render.review == Review.APPROVED
        return Situation.APPROVED if approved else Situation.VIDEO
    return {
        State.UNKNOWN: Situation.UNKNOWN,
        State.INTERRUPTED: Situation.INTERRUPTED,
        State.NOT_DOWNLOADED: Situation.NOT_DOWNLOADED,
    }.get(status, Situation.WITHOUT_VIDEO)


def _counts(render: VideoRender, backend: str) -> bool:
    if render.kind == Kind.REHEARSAL:
        return False
    return backend == SIMULATOR or not render.is_simulated or render.state in VideoRender.OPEN


# -- the badge -------------------------------------------------------------------------------------


class BadgeWord(StrEnum):
    """In the order in which they are read: what waits for a person comes before what is well."""

    GENERATING = "generating"
    NEEDS_DECISION = "needs a decision"
    FAILED = "failed"
    NEEDS_REVIEW = "needs review"
    APPROVED = "approved"
    READY = "ready"


_STUCK = (State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED)
_WENT_WRONG = (State.FAILED, State.BLOCKED)
_NOT_JUDGED = (Review.UNREVIEWED, Review.SELECTED)
# Live states that count as such only while somebody works on them: VideoRender.is_stale.
_WORKED_ON = (State.RUNNING, State.DOWNLOADING)


def badge_word_of(renders: Iterable[VideoRender]) -> BadgeWord:
    """Of one shot, from all its renders. No query.

    An approval settles what came before it: an older take that nobody judged, or an older failure,
    asks for nothing any more.
    """
    attempts = sorted(
        (each for each in renders if _counts(each, settings.VIDEO_BACKEND)),
        key=lambda render: render.pk,
    )
    statuses = [render.status for render in attempts]
    if VideoRender.OPEN.intersection(statuses):
        return BadgeWord.GENERATING
    if any(status in _STUCK for status in statuses):
        return BadgeWord.NEEDS_DECISION
    takes = [each for each in attempts if each.state == State.DONE]
    approved_at = next(
        (_approved_at(each) for each in takes if each.review == Review.APPROVED), None
    )
    failures = [each for each in attempts if each.state in _WENT_WRONG]
    if failures and failures[-1] is attempts[-1] and _is_any_after(failures, approved_at):
        return BadgeWord.FAILED
    if _is_any_after([each for each in takes if each.review in _NOT_JUDGED], approved_at):
        return BadgeWord.NEEDS_REVIEW
    return BadgeWord.READY if approved_at is None else BadgeWord.APPROVED


def _approved_at(render: VideoRender) -> datetime:
    return render.reviewed_at or render.state_since


def _is_any_after(renders: Iterable[VideoRender], approved_at: datetime | None) -> bool:
    return any(approved_at is None or each.state_since > approved_at for each in renders)


def annotate_badges(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """`badge_word`, `takes` (how many videos), `latest_video` and `latest_poster` (of the newest
    take, "" without one; relative to MEDIA_ROOT). No query of its own and none per row."""
    takes = _attempts().filter(state=State.DONE)
    counted = takes.order_by().values("shot").annotate(number=Count("pk")).values("number")
    newest = takes.order_by("-take")
    return shots.annotate(
        badge_word=_badge_word(),
        takes=Coalesce(Subquery(counted), 0),
        latest_video=Coalesce(Subquery(newest.values("video_file")[:1]), Value("")),
        latest_poster=Coalesce(Subquery(newest.values("poster_file")[:1]), Value("")),
    )


def filter_by_badge(shots: QuerySet[Shot], word: str) -> QuerySet[Shot]:
    return shots.alias(badge_asked_for=_badge_word()).filter(badge_asked_for=word)


def count_badges(shots: QuerySet[Shot]) -> dict[str, int]:
    """How many of the shots have which badge: all six words, in their order. One query."""
    counted = (
        Shot.objects.filter(pk__in=shots.values("pk"))
        .order_by()
        .annotate(word=_badge_word())
        .values("word")
        .annotate(number=Count("pk"))
        .values_list("word", "number")
    )
    return {word.value: 0 for word in BadgeWord} | dict(counted)


def _badge_word() -> Coalesce:
    """badge_word_of as SQL: one pass over the renders of the row's shot."""
    stale_before = timezone.now() - STALE_AFTER
    is_stale = Q(state__in=_WORKED_ON, state_since__lt=stale_before) & (
        Q(beat_at=None) | Q(beat_at__lt=stale_before)
    )
    went_wrong = Q(state__in=_WENT_WRONG)
    facts = {
        "live": Count("pk", filter=Q(state__in=VideoRender.OPEN) & ~is_stale),
        "stuck": Count("pk", filter=Q(state__in=_STUCK) | is_stale),
        "last": Max("pk"),
        "last_failed": Max("pk", filter=went_wrong),
        "failed_since": Max("state_since", filter=went_wrong),
        "unjudged_since": Max("state_since", filter=Q(state=State.DONE, review__in=_NOT_JUDGED)),
        "approved_at": Max(
            Coalesce("reviewed_at", "state_since"),
            filter=Q(state=State.DONE, review=Review.APPROVED),
        ),
    }
    words = {
        BadgeWord.GENERATING: Q(live__gt=0),
        BadgeWord.NEEDS_DECISION: Q(stuck__gt=0),
        BadgeWord.FAILED: Q(last_failed=F("last")) & _is_unsettled("failed_since"),
        BadgeWord.NEEDS_REVIEW: _is_unsettled("unjudged_since"),
        BadgeWord.APPROVED: Q(approved_at__isnull=False),
    }
    word = Case(
        *(When(condition, then=Value(word.value)) for word, condition in words.items()),
        default=Value(BadgeWord.READY.value),
        output_field=CharField(),
    )
    by_shot = _attempts().order_by().values("shot").alias(**facts).annotate(word=word)
    return Coalesce(Subquery(by_shot.values("word")), Value(BadgeWord.READY.value))


def _is_unsettled(since: str) -> Q:
    return Q(**{f"{since}__isnull": False}) & (
        Q(approved_at=None) | Q(**{f"{since}__gt": F("approved_at")})
    )


def _attempts() -> QuerySet[VideoRender]:
    """The renders of the outer row's shot that `_counts`."""
    attempts = VideoRender.objects.filter(shot=OuterRef("pk")).exclude(kind=Kind.REHEARSAL)
    if settings.VIDEO_BACKEND == SIMULATOR:
        return attempts
    return attempts.filter(Q(is_simulated=False) | Q(state__in=VideoRender.OPEN))
