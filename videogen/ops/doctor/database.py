"""The database: can it be reached, is it migrated, and may several hosts use it?"""

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
from django.utils.translation import ngettext

from videogen.common.secret_key import fingerprint
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
    what_to_do = "Is DATABASE_URL right, and does the server run?"
    try:
        if connection.connection is None:
            _knock(str(values["HOST"]), values["PORT"], exam.seconds)
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, OSError) as error:
        yield DATABASE.fail(
            f"The {connection.display_name} database cannot be reached: {words_of(error)}",
            what_to_do,
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
            ngettext(
                "%d migration is not applied: ", "%d migrations are not applied: ", len(missing)
            )
            % len(missing)
            + f"{_some(missing)}.",
            f"Stop the workers, then {MIGRATE}.",
        )
        return
    exam.has_tables = True
    if unknown:
        yield MIGRATIONS.warn(
            ngettext(
                "The database has %d migration that this version does not know: ",
                "The database has %d migrations that this version does not know: ",
                len(unknown),
            )
            % len(unknown)
            + f"{_some(unknown)}.",
            "A newer version made them: run that version, or undo them with it.",
        )
    else:
        yield MIGRATIONS.ok("All are applied.")


def check_hosts(exam: Examination) -> Iterator[Finding]:
    """Find other hosts that work on this database. SQLite allows one: its locks are local."""
    here = socket.gethostname()
    beating = Lane.objects.filter(beat_at__gte=timezone.now() - ALIVE).exclude(lease_owner="")
    owners = {owner.partition("|")[0] for owner in beating.values_list("lease_owner", flat=True)}
    # With Redis, the clusters report through it, so it has to answer.
    if not exam.redis_problem():
        owners |= {each.host for each in running_clusters()}
    others = sorted(owners - {here, here[:80]})
    if _has_another_secret():
        yield HOSTS.fail(
            f"Workers{f' on {_some(others)}' if others else ''} have another secret key than this "
            "process: each throws away the wake-ups of the other, and people are logged out when "
            "they come to the other.",
            "Set the same DJANGO_SECRET_KEY on all hosts, and restart web servers and workers.",
        )
    if connection.vendor == "sqlite" and others:
        yield HOSTS.fail(
            f"Workers on {_some(others)} use this database, too, and it is SQLite: two hosts do "
            "not see each other's locks, so a paid call could be sent twice.",
            "Stop the workers there. For several hosts use PostgreSQL (DATABASE_URL).",
        )
    elif connection.vendor == "sqlite":
        yield HOSTS.ok("This one alone, as SQLite needs it.")
    else:
        yield HOSTS.ok(f"Workers run on {_some(others)}, too." if others else "This one alone.")


def _has_another_secret() -> bool:
    """Whether somebody who works on this database now has another secret key."""
    beating = Lane.objects.filter(beat_at__gte=timezone.now() - ALIVE)
    return beating.exclude(lease_secret__in=["", fingerprint()]).exists()


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    if mode not in ("wal", "memory"):
        yield DATABASE.warn(
            f"SQLite uses the journal mode {mode}, in which readers and writers block each other.",
            'Open it as storybook/settings.py does: "PRAGMA journal_mode=WAL".',
        )
        return
    name = str(settings.DATABASES["default"]["NAME"])
    if disk := _network_disk(Path(name).resolve()):
        yield DATABASE.warn(
            f"The SQLite file is on a network disk ({disk}), where its locks do not hold.",
            "Move it to a local disk, or use PostgreSQL (DATABASE_URL).",
        )
        return
    yield DATABASE.ok("SQLite answers: one host, local disk.")


def _missing_file() -> str:
    """Return the SQLite file that does not exist, or "". Connecting would create an empty one."""
    name = str(connection.settings_dict["NAME"])
    is_in_memory = ":memory:" in name or name.startswith("file:")
    return "" if is_in_memory or Path(name).is_file() else name


def _knock(host: str, port: int | str, seconds: float) -> None:
    """Raise OSError if nothing listens. The driver itself could wait for minutes."""
    if connection.vendor == "postgresql" and host and not host.startswith("/"):
        socket.create_connection((host, int(port or 5432)), timeout=seconds).close()


def _network_disk(path: Path) -> str:
    """Return the type of the file system if it is a network file system, else ""."""
    mounts = [
        each for each in psutil.disk_partitions(all=True) if path.is_relative_to(each.mountpoint)
    ]
    kind = max(mounts, key=lambda each: len(each.mountpoint)).fstype if mounts else ""
    return kind if any(word in kind for word in NETWORK_DISKS) else ""


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
