"""What the commands need of the database before they can work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError

from storybook.models import Story
from videogen.common.errors import RequestError
from videogen.planning.targets import find_story


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


def story_named(story_id: str) -> Story:
    """Return the story. Raises a CommandError (usage) that says which one may be meant."""
    try:
        return find_story(story_id)
    except RequestError as error:
        raise CommandError(error.sentence, returncode=2) from error
