"""What the commands need of the database before they can work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError


@contextmanager
def needs_tables() -> Iterator[None]:
    """Raise a CommandError that says how to create the tables where the database has none."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        # SQLite says the first, PostgreSQL the second.
        if "no such table" in str(error) or "does not exist" in str(error):
            raise CommandError(
                "The database has no tables yet: run manage.py migrate", returncode=2
            ) from error
        raise
