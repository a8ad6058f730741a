"""Derive a shot's status from its renders: its situation, which is its row of the mode table, and
its badge on the screens.

The badge is stored in `ShotStanding`, except for what changes with the time alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db import models
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from storybook.models import Shot
from videogen.models import (
    STALE_AFTER,
    ShotStanding,
    VideoRender,
    badge_at_this_moment,
    badge_of_renders,
    counts_simulated,
    is_attempt,
)
from videogen.models.routes import SIMULATOR
from videogen.models.states import OPEN, BadgeWord

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review


class Situation(models.TextChoices):
    """Rows of the mode table, in the order in which they are read. The words are part of the JSON
    contract."""

    IN_FLIGHT = "in_flight", "a render is queued or in flight"
    UNKNOWN = "unknown", "a render's submission has an unknown outcome"
    INTERRUPTED = "interrupted", "a render was interrupted, its operation is known"
    NOT_DOWNLOADED = "not_downloaded", "a finished video was not downloaded"
    APPROVED = "approved", "an approved take"
    VIDEO = "video", "a video"
    REJECTED = "rejected", "only rejected takes"
    WITHOUT_VIDEO = "without_video", "only failed / blocked / cancelled renders"
    NOTHING = "nothing", "no render, or only rehearsals"


def find_situations(
    shots: QuerySet[Shot], backend: str
) -> dict[int, tuple[Situation, VideoRender]]:
    """By shot: the first situation that fits, and the newest render that causes it. Shots that have
    no renders, or only rehearsals, are missing. One query.

    What the simulator made does not count as a video for a `backend` that makes real ones.
    """
    found: dict[int, tuple[Situation, VideoRender]] = {}
    renders = (
        VideoRender.objects.filter(shot__in=shots.order_by())
        .exclude(kind=Kind.REHEARSAL)
        .without_heavy_columns()
        .order_by("pk")
    )
    rank = {situation: number for number, situation in enumerate(Situation)}
    for render in renders:
        if not is_attempt(render, counts_simulated=backend == SIMULATOR):
            continue
        situation = situation_of(render)
        if render.shot_id not in found or rank[situation] <= rank[found[render.shot_id][0]]:
            found[render.shot_id] = (situation, render)
    return found


def situation_of(render: VideoRender) -> Situation:
    status = State(render.status)
    if status in OPEN:
        return Situation.IN_FLIGHT
    if status == State.DONE:
        return _BY_REVIEW.get(Review(render.review), Situation.VIDEO)
    return {
        State.UNKNOWN: Situation.UNKNOWN,
        State.INTERRUPTED: Situation.INTERRUPTED,
        State.NOT_DOWNLOADED: Situation.NOT_DOWNLOADED,
    }.get(status, Situation.WITHOUT_VIDEO)


_BY_REVIEW = {Review.APPROVED: Situation.APPROVED, Review.REJECTED: Situation.REJECTED}


# -- the badge -------------------------------------------------------------------------------------


def badge_word_of(renders: Iterable[VideoRender]) -> BadgeWord:
    """The badge of one shot at this moment, from all its renders. No query."""
    word, render = badge_of_renders(renders, counts_simulated=counts_simulated())
    return badge_at_this_moment(word, render)


def current_standings(**conditions: object) -> QuerySet[ShotStanding]:
    """The stored statuses that hold for VIDEO_BACKEND. Shots without renders have none."""
    # SQLite uses the index for a list, but not for the bare column of a boolean.
    return ShotStanding.objects.filter(counts_simulated__in=[counts_simulated()], **conditions)


def standings_with(word: str) -> QuerySet[ShotStanding]:
    """The stored statuses of the shots that have this badge at this moment."""
    match word:
        case BadgeWord.GENERATING:
            return current_standings(badge=BadgeWord.GENERATING).exclude(_is_stale())
        case BadgeWord.NEEDS_DECISION:
            kept = (BadgeWord.GENERATING, BadgeWord.NEEDS_DECISION)
            return current_standings(badge__in=kept).filter(
                Q(badge=BadgeWord.NEEDS_DECISION) | _is_stale()
            )
    return current_standings(badge=word)


def filter_by_badge(shots: QuerySet[Shot], word: str) -> QuerySet[Shot]:
    if word == BadgeWord.READY:
        others = [each for each in BadgeWord if each != BadgeWord.READY]
        return shots.exclude(pk__in=current_standings(badge__in=others).values("shot"))
    return shots.filter(pk__in=standings_with(word).values("shot"))


def filter_by_video(shots: QuerySet[Shot], *, has_video: bool) -> QuerySet[Shot]:
    with_video = Q(pk__in=current_standings(takes__gt=0).values("shot"))
    return shots.filter(with_video if has_video else ~with_video)


def count_badges(shots: QuerySet[Shot]) -> dict[str, int]:
    """How many of the shots have which badge: all six words, in their order. Three queries."""
    shots, standings = _with_standings(shots)
    counts = dict(standings.values_list("badge").annotate(number=Count("*")))
    return _as_of_now(counts, standings.filter(_is_stale()).count(), shots.count())


def count_videos(shots: QuerySet[Shot]) -> dict[str, int]:
    """How many of the shots have a video: "yes" and "no". Two queries."""
    shots, standings = _with_standings(shots)
    with_video = standings.filter(takes__gt=0).count()
    return {"yes": with_video, "no": shots.count() - with_video}


def count_badges_by_story(stories: Collection[int]) -> dict[int, dict[str, int]]:
    """The same of each story, by its key. Three queries."""
    shots = Shot.objects.filter(scenelet__story__in=stories).values_list("scenelet__story")
    totals = dict(shots.annotate(number=Count("*")).order_by())
    standings = current_standings(shot__scenelet__story__in=stories)
    story = "shot__scenelet__story"
    stale = dict(standings.filter(_is_stale()).values_list(story).annotate(number=Count("*")))
    counts: dict[int, dict[str, int]] = {key: {} for key in stories}
    for key, badge, number in standings.values_list(story, "badge").annotate(number=Count("*")):
        counts[key][badge] = number
    return {
        key: _as_of_now(found, stale.get(key, 0), totals.get(key, 0))
        for key, found in counts.items()
    }


def _with_standings(
    shots: QuerySet[Shot],
) -> tuple[QuerySet[Shot], QuerySet[ShotStanding]]:
    if not shots.query.has_filters():
        return Shot.objects.all(), current_standings()
    # A search may find a shot twice.
    found = shots.order_by().distinct()
    return found, current_standings(shot__in=found.values("pk"))


def _as_of_now(kept: Mapping[str, int], stale: int, shots: int) -> dict[str, int]:
    counts = {word.value: kept.get(word, 0) for word in BadgeWord}
    counts[BadgeWord.GENERATING] -= stale
    counts[BadgeWord.NEEDS_DECISION] += stale
    # Most of them have no renders, and therefore no standing.
    counts[BadgeWord.READY] += shots - sum(counts.values())
    return counts


def _is_stale() -> Q:
    """VideoRender.is_stale as SQL, for the render of a stored status."""
    before = timezone.now() - STALE_AFTER
    return Q(
        Q(render__beat_at=None) | Q(render__beat_at__lt=before),
        badge=BadgeWord.GENERATING,
        render__state__in=[State.RUNNING, State.DOWNLOADING],
        render__state_since__lt=before,
    )
