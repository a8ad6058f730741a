"""The database: is it there, has it all tables, and may several hosts use it?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from videogen.common.task_queue import running_clusters
from videogen.models import Lane

from .check import Examination
from .findings import Finding, Topic, words_of

DATABASE = Topic("database", "Database")
MIGRATIONS = Topic("migrations", "Migrations")
HOSTS = Topic("hosts", "Hosts")

MIGRATE = "manage.py migrate"
NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "sshfs", "fuse.s3")
ALIVE = timedelta(minutes=1)
MOST_NAMES = 5


def check_database(exam: Examination) -> Iterator[Finding]:
    values = connection.settings_dict
    if connection.vendor == "sqlite" and (missing := _missing_file()):
        yield DATABASE.fail(
            f"There is no database yet: {missing}",
            f"Make it: {MIGRATE}. Is there one elsewhere? Then DATABASE_URL is wrong.",
        )
        return
    mend = "Is DATABASE_URL right, and does the server run?"
    try:
        if connection.connection is None:
            _knock(str(values["HOST"]), values["PORT"], exam.seconds)
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, OSError) as error:
        yield DATABASE.fail(
            f"The {connection.display_name} database is not reached: {words_of(error)}", mend
        )
        return
    exam.has_connection = True
    if connection.vendor == "sqlite":
        yield from _sqlite()
    else:
        version = ".".join(map(str, connection.get_database_version()))
        yield DATABASE.ok(f"{connection.display_name} {version} answers.")


def check_migrations(exam: Examination) -> Iterator[Finding]:
    if not exam.has_connection:
        return
    executor = MigrationExecutor(connection)
    loader = executor.loader
    missing = [
        f"{migration.app_label}.{migration.name}"
        for migration, _ in executor.migration_plan(loader.graph.leaf_nodes())
    ]
    unknown = [
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in loader.migrated_apps and (app, name) not in loader.disk_migrations
    ]
    if missing:
        yield MIGRATIONS.fail(
            f"{len(missing)} not applied: {_some(missing)}.", f"Stop the workers, then {MIGRATE}."
        )
        return
    exam.has_tables = True
    if unknown:
        yield MIGRATIONS.warn(
            f"The database has {len(unknown)} that this version does not know: {_some(unknown)}.",
            "It was made by a newer version: run that one, or undo them with it.",
        )
    else:
        yield MIGRATIONS.ok("All are applied.")


def check_hosts(exam: Examination) -> Iterator[Finding]:
    """Who works beside this host. SQLite serves one only: its locks are this machine's."""
    here = socket.gethostname()
    beating = Lane.objects.filter(beat_at__gte=timezone.now() - ALIVE).exclude(lease_owner="")
    owners = {owner.partition("|")[0] for owner in beating.values_list("lease_owner", flat=True)}
    # Where they tell it through Redis, Redis has to be there.
    if not exam.redis_problem():
        owners |= {each.host for each in running_clusters()}
    others = sorted(owners - {here, here[:80]})
    if connection.vendor == "sqlite" and others:
        yield HOSTS.fail(
            f"{_some(others)} works on this database, too, and it is SQLite: two hosts do not see "
            "each other's locks, and what is paid could be sent twice.",
            "Stop the workers there. For several hosts take PostgreSQL (DATABASE_URL).",
        )
    elif connection.vendor == "sqlite":
        yield HOSTS.ok("This one alone, as SQLite needs it.")
    else:
        yield HOSTS.ok(f"{_some(others)} works beside this one." if others else "This one alone.")


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    if mode not in ("wal", "memory"):
        yield DATABASE.warn(
            f"SQLite answers in the mode {mode}, in which readers and writers stop each other.",
            'Let it be opened as storybook/settings.py does: "PRAGMA journal_mode=WAL".',
        )
        return
    name = str(settings.DATABASES["default"]["NAME"])
    if disk := _network_disk(Path(name).resolve()):
        yield DATABASE.warn(
            f"SQLite lies on a network disk ({disk}), whose locks do not hold.",
            "Move it to a local disk, or take PostgreSQL (DATABASE_URL).",
        )
        return
    yield DATABASE.ok("SQLite answers: one host, local disk.")


def _missing_file() -> str:
    """SQLite would make an empty one."""
    name = str(connection.settings_dict["NAME"])
    is_in_memory = ":memory:" in name or name.startswith("file:")
    return "" if is_in_memory or Path(name).is_file() else name


def _knock(host: str, port: int | str, seconds: float) -> None:
    """A server that is away may leave a connection without an answer for minutes."""
    if connection.vendor == "postgresql" and host and not host.startswith("/"):
        socket.create_connection((host, int(port or 5432)), timeout=seconds).close()


def _network_disk(path: Path) -> str:
    """The kind of the file system, where it is one over a network."""
    mounts = [
        each for each in psutil.disk_partitions(all=True) if path.is_relative_to(each.mountpoint)
    ]
    kind = max(mounts, key=lambda each: len(each.mountpoint)).fstype if mounts else ""
    return kind if any(word in kind for word in NETWORK_DISKS) else ""


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
