"""Puts tasks on the queue of django-q; no other module does.

A task only wakes the workers up: the rows are the jobs, so a lost or repeated task is harmless.
With the database as broker, the task becomes part of the caller's transaction; with Redis it waits
for the commit.
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

# A slice of the pump has to end well before the queue's time-out of a task, submissions included.
SLICE_SECONDS = 25.0

logger = logging.getLogger(__name__)

PUMP = "videogen.tasks.pump"
DOWNLOAD = "videogen.tasks.download"
RECONCILE = "videogen.tasks.reconcile"
SEND_NOTICES = "videogen.tasks.send_notices"
STOP = "videogen.tasks.stop"
MAKE_FILMS = "videogen.tasks.make_films"

# A clip over a slow line takes longer than the queue's usual time-out. If the queue delivers the
# task a second time meanwhile, that one finds the rows taken.
DOWNLOAD_SECONDS = 1800


def wake_pump() -> None:
    _enqueue(PUMP)


def wake_downloads(count: int) -> None:
    """Wake up to `count` workers, but leave one free for the pump."""
    for _ in range(min(count, max(1, settings.VIDEO_WORKERS - 1))):
        _enqueue(DOWNLOAD, timeout=DOWNLOAD_SECONDS)


def wake_reconciling() -> None:
    """Have the API asked about all unresolved renders."""
    _enqueue(RECONCILE, timeout=DOWNLOAD_SECONDS)


def wake_films() -> None:
    """Wake a worker for films. Encoding takes the processor, so one at a time is enough."""
    _enqueue(MAKE_FILMS, timeout=DOWNLOAD_SECONDS)


def wake_sender() -> None:
    _enqueue(SEND_NOTICES)


def wake_stop(render_pk: int) -> None:
    """Have the API asked to stop this render. If the task is lost, a person has to ask again."""
    _enqueue(STOP, render_pk)


def wake_at_start() -> None:
    """Wake the workers when one starts, because it may replace one that was killed in the middle of
    something. Anything else that was lost is found by the schedule of every minute (migration
    0002).
    """
    try:
        wake_pump()
        wake_downloads(1)
    except DatabaseError as error:
        # The worker has to start all the same.
        logger.warning("The tasks at the start could not be queued: %s", error)


@dataclass(frozen=True)
class Cluster:
    """What a cluster reports about itself."""

    host: str
    workers: int
    # The cluster's own word, at most three seconds old.
    status: str


def is_cluster_running() -> bool:
    """Whether a cluster reports that it works for this database."""
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
    """Return since when the oldest task has been waiting, or None if none is waiting. With Redis
    nobody can tell, which gives None, too."""
    from django_q.models import OrmQ

    if "redis" in settings.Q_CLUSTER:
        return None
    # The `lock` of a waiting task is the time when it was queued; that of a taken one is in the
    # future.
    waiting = OrmQ.objects.filter(lock__lte=timezone.now()).order_by("lock")
    came_at: datetime | None = waiting.values_list("lock", flat=True).first()
    return came_at


def _enqueue(name: str, *arguments: int, **options: int) -> None:
    # django-q2 is imported only here, because its import is too slow for a dry run.
    from django_q.tasks import async_task

    if "redis" in settings.Q_CLUSTER:
        transaction.on_commit(partial(async_task, name, *arguments, **options), robust=True)
    else:
        async_task(name, *arguments, **options)
