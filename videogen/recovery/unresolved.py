"""Unresolved renders: the outcome of the submission is unknown, the operation is no longer polled,
or the clip was not downloaded.

reconcile.py asks the API about them, decisions.py does what a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from videogen.models import STALE_AFTER, VideoRender, counts_simulated
from videogen.models.states import STUCK, BadgeWord
from videogen.planning.shot_status import current_standings

State = VideoRender.State

# A download that has waited so long counts as unresolved.
LONG_DOWNLOAD = timedelta(minutes=10)


def unresolved_renders() -> QuerySet[VideoRender]:
    """Return the unresolved renders with their shots, lanes and submissions. Simulated renders
    count only while the simulator is used."""
    now = timezone.now()
    beats = Q(beat_at=None) | Q(beat_at__lt=now - STALE_AFTER)
    silent = beats & Q(state_since__lt=now - STALE_AFTER)
    waits = Q(
        Q(download_lease_until=None) | Q(download_lease_until__lt=now),
        state=State.DOWNLOADING,
        state_since__lt=now - LONG_DOWNLOAD,
    )
    live = Q(ended_at=None) & (Q(silent, state__in=[State.RUNNING, State.DOWNLOADING]) | waits)
    # By the index of the shots' stored status, because renders are wide rows and most of them have
    # ended well.
    shots = current_standings(badge__in=[BadgeWord.GENERATING, BadgeWord.NEEDS_DECISION])
    renders = (
        VideoRender.objects.filter(Q(state__in=STUCK) | live, shot__in=shots.values("shot"))
        .exclude(kind=VideoRender.Kind.REHEARSAL)
        .select_related("shot__scenelet__story", "lane")
        .prefetch_related("submissions")
        .without_heavy_columns(keep=("warnings", "error_details"))
        .defer("shot__storyboard_payload")
    )
    if not counts_simulated():
        renders = renders.exclude(is_simulated=True, ended_at__isnull=False)
    return renders


def most_urgent_first(renders: QuerySet[VideoRender] | list[VideoRender]) -> list[VideoRender]:
    """Sort the renders by when the server may delete their clips."""
    return sorted(renders, key=lambda each: (each.clip_expires_at, each.pk))


@dataclass(frozen=True)
class LastAnswers:
    """What the API said when it was asked last: one sentence for each way of asking."""

    at: datetime
    sentences: tuple[str, ...]


def asked_last(render: VideoRender) -> LastAnswers | None:
    """Return what was stored when the API was asked last; None if it was not asked."""
    details = render.error_details
    record = details.get("asked") if isinstance(details, Mapping) else None
    if not isinstance(record, Mapping):
        return None
    try:
        at = datetime.fromisoformat(record["at"])
    except (KeyError, TypeError, ValueError):
        return None
    return LastAnswers(at, tuple(str(each) for each in record.get("sentences", ())))


def note_asked(render: VideoRender, sentences: tuple[str, ...], *, next_at: datetime) -> None:
    """Store with the render what the API said, and when it is asked again."""
    now = timezone.now()
    details: dict[str, Any] = {
        **(render.error_details or {}),
        "asked": {"at": now.isoformat(), "sentences": list(sentences)},
    }
    VideoRender.objects.filter(pk=render.pk, state=render.state, state__in=STUCK).update(
        error_details=details, next_poll_at=next_at, poll_failures=render.poll_failures + 1
    )
