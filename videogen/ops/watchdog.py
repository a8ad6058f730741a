"""A django-q2 cluster that notices when it is stuck.

A child that is killed at the wrong moment takes a lock of the cluster's queues with it. Nothing
moves any more then, and the status still reads "idle" (seen with django-q2 1.11.1). So the parent
process of the cluster looks for overdue work, and ends the whole cluster if it finds some. It also
takes care of what a lost host left.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

import psutil
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, connections
from django.db.models import Q
from django.utils import timezone

from videogen.common import shutdown
from videogen.common.task_queue import mend_schedule, wake_downloads, wake_pump
from videogen.lanes.pauses import served_lanes
from videogen.lanes.quota import find_next_send_time
from videogen.models import Lane, VideoRender
from videogen.pipeline.orphans import apply_kept_answers

from .lost_leases import LostLeases

if TYPE_CHECKING:
    from django_q.cluster import Cluster

logger = logging.getLogger(__name__)

STALLED = 70  # EX_SOFTWARE
WATCH_SECONDS = 2.0
# Longer than any pause of a healthy cluster: a slice, the recovery of a killed worker, a poll.
STALL_AFTER = timedelta(seconds=30)
# How often it looks for what a lost host left, which may have been this one.
LOST_SECONDS = 5.0
# So long after they were taken, all tasks but long downloads have been reported as done.
UNREPORTED_AFTER = timedelta(seconds=180)
# Longer than any worker thinks between two statements of a transaction. If several processes of a
# frozen host wait for one lock, each of them gets it in turn and keeps it so long.
IDLE_MILLISECONDS = 10_000
# Tasks end within seconds of a stop, but a submission may take its whole time-out.
STOP_SECONDS = 90.0

_PR_SET_PDEATHSIG = 1


class WatchedCluster:
    """Runs the cluster until it is told to stop (exit code 0) or has stalled (STALLED)."""

    def __init__(self) -> None:
        self._told_to_stop = False
        self._due_since: float | None = None
        self._looked_for_lost: float | None = None
        self._lost_leases = LostLeases()
        self._started_at = timezone.now()

    def run(self) -> int:
        from django_q.cluster import Cluster

        if sys.platform == "linux":
            os.register_at_fork(after_in_child=_die_with_parent)
        cluster = Cluster()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        connections.close_all()
        bound_idle_transactions()
        try:
            cluster.start()
        except RuntimeError as error:
            # The sentinel died before it could report that it runs.
            logger.error("The cluster did not start: %s", error)
            return self._end_children()
        logger.info("Cluster started with %s workers.", settings.Q_CLUSTER["workers"])
        while not self._told_to_stop:
            cluster.sentinel.join(WATCH_SECONDS)
            if self._told_to_stop:
                break
            if not cluster.sentinel.is_alive():
                logger.error("The cluster's sentinel is gone.")
                return self._end_children()
            if reason := self._stalled():
                logger.error("The cluster has stalled: %s. Ending it.", reason)
                return self._end_children()
        return self._stop_cleanly(cluster)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True
        shutdown.request_stop()

    def _stop_cleanly(self, cluster: Cluster) -> int:
        """Let the workers finish. Those that take too long are ended, which loses nothing."""
        # Setting the event can block for ever if a signal to the whole process group has killed the
        # sentinel while it waited on the event. A thread may block; this process must not.
        threading.Thread(target=cluster.stop_event.set, daemon=True).start()
        cluster.sentinel.join(STOP_SECONDS)
        if cluster.sentinel.is_alive():
            logger.warning("The cluster did not stop in time: ending it.")
            self._end_children()
        return 0

    def _stalled(self) -> str:
        """Return what has been overdue for too long, or ""."""
        try:
            close_old_connections()
            self._look_for_lost()
            reason = overdue_work(since=self._started_at)
        except DatabaseError as error:
            # This is not the cluster's fault, and restarting it would not help.
            logger.warning("The watchdog cannot look: %s", error)
            reason = ""
        if not reason:
            self._due_since = None
            return ""
        now = time.monotonic()
        self._due_since = self._due_since or now
        return reason if now - self._due_since > STALL_AFTER.total_seconds() else ""

    def _look_for_lost(self) -> None:
        """Take care of what a lost host left. Its wake-ups were lost with it, and the next sweep
        may be more than a minute away. If this host was lost and has come back, nobody else has its
        journal, and the pump may be on another host."""
        now = time.monotonic()
        if self._looked_for_lost is None or now - self._looked_for_lost >= LOST_SECONDS:
            self._looked_for_lost = now
            apply_kept_answers()
            wake_for_lost_workers()
            self._lost_leases.give_back()
            mend_schedule()

    def _end_children(self) -> int:
        children = psutil.Process().children(recursive=True)
        for child in children:
            child.kill()
        psutil.wait_procs(children, timeout=10)
        return STALLED


def bound_idle_transactions() -> None:
    """Have PostgreSQL end the transactions that this process and its children leave idle. A host
    that is frozen still answers for its connections, so the server would keep its locks, and no
    other host could take its lane over. What a thawed host wanted to write is rolled back, and read
    from its journal. Call it before a connection is made.

    Only for workers: an import or a restore may copy files for minutes within a transaction."""
    if connection.vendor == "postgresql":
        options = connection.settings_dict["OPTIONS"]
        bound = f"-c idle_in_transaction_session_timeout={IDLE_MILLISECONDS}"
        options["options"] = f"{options.get('options', '')} {bound}".strip()


def wake_for_lost_workers() -> None:
    """Wake workers if some have ended without giving back what they held. A process that lives
    renews its leases, and gives them back when it stops."""
    now = timezone.now()
    lanes = served_lanes()
    if any(
        lane.lease_owner and lane.lease_expires_at and lane.lease_expires_at < now for lane in lanes
    ):
        wake_pump()
    downloads = VideoRender.objects.exclude(downloader="").filter(
        lane__in=lanes,
        state=VideoRender.State.DOWNLOADING,
        download_lease_until__lt=now,
    )
    if downloads.exists():
        wake_downloads(1)


def overdue_work(*, since: datetime | None = None) -> str:
    """Return what is due although nobody works on it, or "". Writes nothing.

    since: when the cluster began. What was taken before was taken by one that has ended, and the
    queue holds it for a while: if that counted, each restart would be the reason of the next one.
    """
    from django_q.models import OrmQ

    now = timezone.now()
    past = now - STALL_AFTER
    for lane in served_lanes():
        renders = VideoRender.objects.filter(lane=lane)
        pump_is_silent = lane.beat_at is None or lane.beat_at < past
        due = Q(state="running", next_poll_at__lt=past)
        if not lane.paused_at and _has_room(lane, past):
            waits = Q(not_before=None) | Q(not_before__lt=past)
            due |= Q(state="queued", state_since__lt=past) & waits
        if pump_is_silent and renders.filter(due).exists():
            return "renders are due and no pump beats"
        free = Q(downloader="") | Q(download_lease_until=None) | Q(download_lease_until__lt=past)
        if renders.filter(
            free,
            Q(not_before=None) | Q(not_before__lt=past),
            state="downloading",
            state_since__lt=past,
        ).exists():
            return "clips wait and nobody downloads them"
    if "orm" in settings.Q_CLUSTER:
        # Taking a task sets its lock to a moment that is `retry` seconds in the future.
        retry = timedelta(seconds=settings.Q_CLUSTER["retry"])
        taken = OrmQ.objects.filter(lock__gt=now, lock__lt=now + retry - UNREPORTED_AFTER)
        if since is not None:
            taken = taken.filter(lock__gt=since + retry)
        if taken.count() >= 10:
            return "tasks are taken but never reported as done"
    return ""


def _has_room(lane: Lane, since: datetime) -> bool:
    """Whether the next render could have been sent since then, as far as quotas go."""
    send_time = find_next_send_time(lane)
    if send_time and (send_time.at is None or send_time.at > timezone.now()):
        return False
    return lane.not_before is None or lane.not_before < since


def _die_with_parent() -> None:
    """Have Linux kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
