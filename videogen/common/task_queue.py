"""Puts tasks on the queue of django-q; no other module does.

A task only wakes the workers up: the rows are the jobs, so a lost or repeated task is harmless.
With the database as broker, the task becomes part of the caller's transaction; with Redis it waits
for the commit.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from .processes import was_running
from .untrusted_text import clean

# A slice of the pump has to end well before the queue's time-out of a task, submissions included.
SLICE_SECONDS = 25.0

# How long the broker may take to answer when somebody waits for it.
BROKER_SECONDS = 2.0
_PROBE = "videogen:probe"

logger = logging.getLogger(__name__)

PUMP = "videogen.tasks.pump"
DOWNLOAD = "videogen.tasks.download"
RECONCILE = "videogen.tasks.reconcile"
SEND_NOTICES = "videogen.tasks.send_notices"
STOP = "videogen.tasks.stop"
MAKE_FILMS = "videogen.tasks.make_films"
CHECK_TAKES = "videogen.tasks.check_takes"
# The name of its schedule, too: see migration 0002.
SWEEP = "videogen.tasks.sweep"
SWEEP_EVERY = timedelta(minutes=1)

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


def wake_checks() -> None:
    """Wake a worker for technical checks. Decoding takes the processor: one at a time is enough."""
    _enqueue(CHECK_TAKES, timeout=DOWNLOAD_SECONDS)


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


def mend_schedule() -> None:
    """Have the sweep run if it waits for longer than it ever has to: the clock was set back. What a
    lost wake-up left undone would wait as long."""
    from django_q.models import Schedule

    now = timezone.now()
    Schedule.objects.filter(name=SWEEP, next_run__gt=now + 2 * SWEEP_EVERY).update(next_run=now)


@dataclass(frozen=True)
class Cluster:
    """What a cluster reports about itself."""

    host: str
    workers: int
    # The cluster's own word, at most three seconds old.
    status: str
    # When it began.
    since: datetime


def is_cluster_running() -> bool:
    """Whether a cluster reports that it works for this database."""
    return bool(running_clusters())


def running_clusters() -> list[Cluster]:
    """Return the clusters that report themselves. Without the broker nobody can, which gives none:
    see `broker_problem`."""
    from django_q.status import Stat

    here = socket.gethostname()
    try:
        stats = Stat.get_all()
    except Exception as error:
        if not is_on_redis() or not isinstance(error, broker_errors()):
            raise
        return []
    return [
        Cluster(stat.host, len(stat.workers), str(stat.status), stat.tob or stat.timestamp)
        for stat in stats
        # The report of one that was killed outlives it for seconds.
        if stat.host != here or was_running(stat.sentinel, timezone.now() - stat.timestamp)
    ]


def is_on_redis() -> bool:
    """Whether Redis is the broker, instead of the database."""
    return "redis" in settings.Q_CLUSTER


def broker_problem() -> str:
    """Return a sentence on what becomes of queued work if the broker takes no tasks, or ""."""
    if not is_on_redis():
        return ""
    from redis import Redis

    url = settings.Q_CLUSTER["redis"]
    # The second is for an address that is none.
    errors: tuple[type[Exception], ...] = (*broker_errors(), ValueError)
    try:
        with Redis.from_url(
            url, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
        ) as client:
            # A Redis that is full or that wants a password answers a ping, but takes nothing.
            client.set(_PROBE, "1", ex=1)
    except errors as error:
        return (
            f"The broker is away: Redis takes no tasks ({_broker_words(error)}). What was asked "
            "for is queued; workers look within a minute, once it is back."
        )
    return ""


def oldest_waiting_task() -> datetime | None:
    """Return since when the oldest task has been waiting, or None if none is waiting. With Redis
    nobody can tell, which gives None, too."""
    from django_q.models import OrmQ

    if is_on_redis():
        return None
    # The `lock` of a waiting task is the time when it was queued; that of a taken one is in the
    # future.
    waiting = OrmQ.objects.filter(lock__lte=timezone.now()).order_by("lock")
    came_at: datetime | None = waiting.values_list("lock", flat=True).first()
    return came_at


def _enqueue(name: str, *arguments: int, **options: int) -> None:
    # django-q2 is imported only here, because its import is too slow for a dry run.
    from django_q.tasks import async_task

    if not is_on_redis():
        async_task(name, *arguments, **options)
        return

    # Not a `partial`: Django wants the name of a robust function when it fails.
    def wake() -> None:
        try:
            async_task(name, *arguments, **options)
        except broker_errors() as error:
            # The row is the job: it is found when the workers look by themselves.
            logger.warning("%s could not be queued: %s", name, _broker_words(error))

    transaction.on_commit(wake, robust=True)


def broker_errors() -> tuple[type[Exception], ...]:
    """Return what a broker, or the cache that is on it, raises when it is away or takes nothing."""
    from redis import RedisError

    return RedisError, OSError


def _broker_words(error: Exception) -> str:
    return clean(error).rstrip(".")
