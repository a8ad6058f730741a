"""Whether the installation is at work, for programs that watch it: /healthz and /readyz."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from videogen.common.task_queue import broker_problem, is_cluster_running
from videogen.models import Film, Lane, VideoRender

# A pump renews its lease every few seconds, and a cluster's own report ends three seconds after it:
# a dead worker is noticed well within half a minute.
SILENT_AFTER = timedelta(seconds=20)
# No host is at work whose clock is so far off: the doctor fails.
FAR_OFF = timedelta(minutes=5)


def is_healthy() -> bool:
    """Whether the database answers, and somebody works if anything waits. Raises DatabaseError
    where the database does not answer."""
    return not _something_waits() or _somebody_works()


def _something_waits() -> bool:
    renders, films = VideoRender.objects.open(), Film.objects.filter(status__in=Film.OPEN)
    return renders.exists() or films.exists()


def _somebody_works() -> bool:
    """A cluster on another host is seen through Redis, or by the heartbeat of its pump."""
    now = timezone.now()
    # A beat that is far ahead is from before the clock was set back.
    beats = Lane.objects.filter(beat_at__gt=now - SILENT_AFTER, beat_at__lt=now + FAR_OFF)
    return is_cluster_running() or beats.exists()


def unready() -> list[str]:
    """Return the names of the parts that keep this host from serving: database, migrations, broker,
    state."""
    return [name for name, is_ready in _PARTS.items() if not _succeeds(is_ready)]


def _succeeds(is_ready: Callable[[], bool]) -> bool:
    try:
        return is_ready()
    except Exception:  # noqa: BLE001 (whatever it is, this part is not ready)
        return False


def _database_answers() -> bool:
    connection.ensure_connection()
    return connection.is_usable()


def _is_migrated() -> bool:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _can_write_state() -> bool:
    settings.STATE_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.STATE_DIR) as file:
        return file.write(b"1") == 1


_PARTS: dict[str, Callable[[], bool]] = {
    "database": _database_answers,
    "migrations": _is_migrated,
    "broker": lambda: not broker_problem(),
    "state": _can_write_state,
}
