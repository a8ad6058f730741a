"""What a render usually takes, by its model."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from django.db.models import F

from videogen.models import VideoRender

# How many of the last renders are asked.
MOST_TIMED = 30


def usual_times() -> dict[str, timedelta]:
    """By model: the median of what its last renders took, from the claim to the video. One
    query."""
    timed = VideoRender.objects.filter(
        state=VideoRender.State.DONE, rendered_at__gt=F("claimed_at")
    )
    seconds: dict[str, list[float]] = {}
    for render in timed.only("model", "claimed_at", "rendered_at").order_by("-pk")[:MOST_TIMED]:
        if render.claimed_at and render.rendered_at:
            taken = (render.rendered_at - render.claimed_at).total_seconds()
            seconds.setdefault(render.model, []).append(taken)
    return {model: timedelta(seconds=median(times)) for model, times in seconds.items()}
