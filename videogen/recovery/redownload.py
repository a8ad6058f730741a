"""Download clips again that were paid for but could not be downloaded, before the server deletes
them. Nothing is submitted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from videogen.common.task_queue import wake_downloads
from videogen.models import VideoRender
from videogen.models.renders import CLIP_KEPT_FOR
from videogen.models.routes import served_backends
from videogen.takes.fetch import is_refused_for_good

from .unresolved import most_urgent_first

State = VideoRender.State

SHORTEST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=2)
# The server's clock may differ from ours, and a try that comes too late costs nothing.
GRACE = timedelta(hours=2)


def download_again() -> int:
    """Start the downloads that are due, first of the clips that expire first. Return how many."""
    now = timezone.now()
    rows = VideoRender.objects.filter(
        ended_at__gte=now - CLIP_KEPT_FOR - GRACE,
        state=State.NOT_DOWNLOADED,
        backend__in=served_backends(),
    ).without_heavy_columns()
    started = sum(_start(each) for each in most_urgent_first(rows) if _is_due(each, now))
    wake_downloads(started)
    return started


def _is_due(render: VideoRender, now: datetime) -> bool:
    at = next_try(render)
    # No pause is longer, unless the clock was set back since it began.
    return at <= now or now + LONGEST_PAUSE < at < _never(at)


def next_try(render: VideoRender) -> datetime:
    """Return when a clip that was not downloaded is tried again, or the far future if that cannot
    help. The pause doubles with every try that failed, but never takes more than a quarter of the
    time that was left."""
    expires = render.clip_expires_at + GRACE
    failed_at = render.state_since
    if is_refused_for_good(render.error_code) or expires <= failed_at:
        return _never(failed_at)
    in_vain = max(0, render.download_attempts - settings.VIDEO_DOWNLOAD_ATTEMPTS)
    pause = min(SHORTEST_PAUSE * 2 ** min(in_vain, 10), LONGEST_PAUSE)
    return failed_at + max(SHORTEST_PAUSE, min(pause, (expires - failed_at) / 4))


def _never(moment: datetime) -> datetime:
    return datetime.max.replace(tzinfo=moment.tzinfo)


def _start(render: VideoRender) -> bool:
    # The attempts are kept, because their number decides how long the next one waits.
    try:
        with transaction.atomic():
            return render.restart_download(State.NOT_DOWNLOADED, keeps_attempts=True)
    except IntegrityError:
        # The shot has another open render. This one is tried again later.
        return False
