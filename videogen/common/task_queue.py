"""Waking the cluster: the one place that puts tasks on the queue.

Losing or doubling a wake-up is harmless, for the rows are the jobs. With the database broker the
enqueueing joins the caller's transaction; with Redis it waits for the commit.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import psutil
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

PUMP = "videogen.tasks.pump"
DOWNLOAD = "videogen.tasks.download"
RECONCILE = "videogen.tasks.reconcile"
SEND_NOTICES = "videogen.tasks.send_notices"
STOP = "videogen.tasks.stop"

# A slice of the pump has to end well before the queue's time-out of a task, submissions included.
SLICE_SECONDS = 25.0
# A clip over a slow line takes longer than the queue's time-out. The queue may deliver the task a
# second time meanwhile: it finds the rows taken.
DOWNLOAD_SECONDS = 1800


def wake_pump() -> None:
    _enqueue(PUMP)


def wake_downloads(count: int) -> None:
    """Up to `count` workers, but one stays free for the pump."""
    for _ in range(min(count, max(1, settings.VIDEO_WORKERS - 1))):
        _enqueue(DOWNLOAD, timeout=DOWNLOAD_SECONDS)


def wake_reconciling() -> None:
    """The API is asked about everything that is not settled."""
    _enqueue(RECONCILE, timeout=DOWNLOAD_SECONDS)


def wake_sender() -> None:
    _enqueue(SEND_NOTICES)


def wake_stop(render_pk: int) -> None:
    """The API is asked to stop this render. Where it is lost, a person asks again."""
    _enqueue(STOP, render_pk)


def wake_at_start() -> None:
    """When a worker starts: it may take the place of one that was killed in the middle of
    something. (Whatever else is lost, the schedule of migration 0002 wakes every minute.)"""
    try:
        wake_pump()
        wake_downloads(1)
    except DatabaseError as error:
        # The worker has to live.
        logger.warning("No wake-up at the start: %s", error)


@dataclass(frozen=True)
class Cluster:
    """As it tells of itself: `status` is its own word, at most three seconds old."""

    host: str
    workers: int
    status: str


def is_cluster_running() -> bool:
    """Whether a cluster on this database beats."""
    return bool(running_clusters())


def running_clusters() -> list[Cluster]:
    from django_q.status import Stat

    here = socket.gethostname()
    return [
        Cluster(stat.host, len(stat.workers), str(stat.status))
        for stat in Stat.get_all()
        if stat.host != here or psutil.pid_exists(stat.sentinel)
    ]


def oldest_waiting_task() -> datetime | None:
    """Since when; None where none waits, or where Redis has them. One query."""
    from django_q.models import OrmQ

    if "redis" in settings.Q_CLUSTER:
        return None
    # The lock of a waiting task is the moment when it came, of a taken one it lies ahead.
    waiting = OrmQ.objects.filter(lock__lte=timezone.now()).order_by("lock")
    came_at: datetime | None = waiting.values_list("lock", flat=True).first()
    return came_at


def _enqueue(name: str, *arguments: int, **options: int) -> None:
    # django-q2 is imported here: it takes time that dry runs do not have.
    from django_q.tasks import async_task

    if "redis" in settings.Q_CLUSTER:
        transaction.on_commit(partial(async_task, name, *arguments, **options), robust=True)
    else:
        async_task(name, *arguments, **options)
