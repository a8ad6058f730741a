"""How long renders take, judged by the recent times of their model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from videogen.models import VideoRender
from videogen.models.states import OPEN

State = VideoRender.State

# So many of the last videos tell how long one takes.
MOST_TIMED = 30


def usual_times(model: str = "") -> dict[str, timedelta]:
    """By model, or of one model only: the median of what its last renders took, from the claim to
    the video. One query."""
    timed = VideoRender.objects.filter(state=State.DONE, rendered_at__gt=F("claimed_at"))
    if model:
        timed = timed.filter(model=model)
    seconds: dict[str, list[float]] = {}
    for render in timed.only("model", "claimed_at", "rendered_at").order_by("-pk")[:MOST_TIMED]:
        if render.claimed_at and render.rendered_at:
            taken = (render.rendered_at - render.claimed_at).total_seconds()
            seconds.setdefault(render.model, []).append(taken)
    return {model: timedelta(seconds=median(times)) for model, times in seconds.items()}


def time_left(
    counts: Mapping[str, int], usual: timedelta | None, newest_sent: datetime | None
) -> str:
    """About how long renders still take, such as "4 min"; empty where nobody can know.

    counts: how many there are in each state. usual: the time of one of them. newest_sent: when the
    newest of those that run was claimed.
    """
    waiting = counts.get(State.QUEUED, 0)
    running = sum(counts.get(state, 0) for state in OPEN) - waiting
    if usual is None or not waiting + running:
        return ""
    left = -(-waiting // max(1, settings.VIDEO_MAX_IN_FLIGHT)) * usual
    if newest_sent and running:
        left += max(usual - (timezone.now() - newest_sent), timedelta(0))
    minutes = -(-left // timedelta(minutes=1))
    return f"{max(minutes, 1)} min"
