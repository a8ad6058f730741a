"""One restore or wipe of a story at a time: each would remove files that the other counts on."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from storybook.media_store import partial_folder
from storybook.paths import safe_name

from .errors import ArchiveError

# Any number that no other advisory lock of the database has.
_RESTORING = 7_214_903


class StoryLock:
    """The lock while it is held. database: the connection that holds it for all hosts, None if the
    database has one host."""

    def __init__(self, database: BaseDatabaseWrapper | None) -> None:
        self._database = database

    def is_held(self) -> bool:
        """Whether nobody else can have it by now: if the connection broke, the database has given
        it away."""
        if self._database is None:
            return True
        if self._database.connection is None:
            return False  # a new one would not have the lock
        try:
            with self._database.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return False
        return True


@contextmanager
def alone(story_id: str) -> Iterator[StoryLock]:
    """Hold off another restore or wipe of this story, on this host and on all others. Raises
    ArchiveError."""
    with _alone_on_this_host(story_id):
        if connection.vendor != "postgresql":
            yield StoryLock(None)
            return
        with closing(connection.copy()) as own:
            _lock(own, story_id)
            yield StoryLock(own)


def _lock(database: BaseDatabaseWrapper, story_id: str) -> None:
    """Take the lock for a transaction of this connection, which ends with the connection: whoever
    is killed has given it back. It is not one of the session, because behind PgBouncer a session
    may be anybody's."""
    number = int.from_bytes(hashlib.sha256(story_id.encode()).digest()[:4], "big", signed=True)
    try:
        database.set_autocommit(False)
        with database.cursor() as cursor:
            # Files may take hours, and the transaction does nothing meanwhile.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_RESTORING, number])
            (is_mine,) = cursor.fetchone()
    except DatabaseError as error:
        raise ArchiveError(
            f"The database did not lock the story ({error}). Nothing was changed.", code="storage"
        ) from error
    if not is_mine:
        raise _busy(story_id)


@contextmanager
def _alone_on_this_host(story_id: str) -> Iterator[None]:
    folder = partial_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"media-restore-{safe_name(story_id)}"
        file = path.open("a")
    except OSError as error:
        raise storage_error(error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(story_id) from error
        if not _is_at(path, file.fileno()):
            # Whoever had it has just removed it, and the next one has a new file.
            raise _busy(story_id)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _busy(story_id: str) -> ArchiveError:
    return ArchiveError(
        f"The story {story_id} is being restored or wiped just now, here or on another host. "
        "Nothing was changed.",
        code="busy",
    )


def storage_error(error: OSError) -> ArchiveError:
    return ArchiveError(
        f"A file cannot be stored ({error.strerror or error}). Nothing was changed.",
        code="storage",
    )
