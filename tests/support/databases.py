"""The tables of the product, made once for a whole run: twenty migrations take seconds, and every
worker needs them, and every installation that a test starts."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def migrated_file(folder: Path) -> Path:
    """A SQLite database with all migrations applied, made by whoever asks for it first."""
    path = folder / "migrated.sqlite3"
    with locked(folder / "migrated.lock"):
        if not path.exists():
            part = folder / "migrating.sqlite3"
            subprocess.run(
                # As strict as pytest is here: addopts.
                [sys.executable, "-X", "dev", "-W", "error", "manage.py", "migrate", "-v0"],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHON_DOTENV_DISABLED": "1",
                    "DATABASE_URL": f"sqlite:///{part}",
                    "VIDEO_STATE_DIR": str(folder / "migrating"),
                },
                check=True,
            )
            part.rename(path)
    return path


def copy_into(template: Path, connection: BaseDatabaseWrapper) -> None:
    """Let the test database, which is made in memory, begin as a copy of that file."""
    creation = connection.creation

    def create_test_db(verbosity=1, autoclobber=False, serialize=None, keepdb=False):
        name = creation._get_test_db_name()
        connection.close()
        settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name
        connection.ensure_connection()
        source = sqlite3.connect(template)
        try:
            source.backup(connection.connection)
        finally:
            source.close()
        return name

    creation.create_test_db = create_test_db


@contextmanager
def prices_deleted_once_read() -> Iterator[None]:
    """Somebody deletes the price list as soon as it was read: before the next statement."""
    from videogen.models import Price

    steps = iter(["read", "deleted"])
    step = next(steps)

    def wrapper(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal step
        if step == "read" and sql.startswith("SELECT") and 'FROM "videogen_price"' in sql:
            step = next(steps)
        elif step == "deleted":
            step = ""
            Price.objects.all().delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(wrapper):
        yield
    assert step == "", "the price list was not read"
