"""Work on a connection of its own, beside a test that holds a lock. Only PostgreSQL can do it here:
the tests' SQLite is in memory, and has one lock for all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

# Seconds until whoever should have waited, or answered, has not.
PATIENCE = 20


class Beside:
    """A piece of work in a thread."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._connected = threading.Event()
        self._ended = threading.Event()
        self._backend = 0
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self._backend = connection.connection.info.backend_pid
            self._connected.set()
            self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()
            self._connected.set()
            self._ended.set()

    def waits_for_a_lock(self) -> bool:
        """Whether the work comes to a lock that somebody holds; False as soon as it has ended
        without one."""
        assert self._connected.wait(PATIENCE)
        for _ in range(PATIENCE * 100):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [self._backend]
                )
                if ("Lock",) in cursor.fetchall():
                    return True
            if self._ended.wait(0.01):
                return False
        raise AssertionError("It neither waits for a lock nor ends.")

    def result(self) -> Any:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "It has not ended."
        if self._error is not None:
            raise self._error
        return self._result


def beside(work: Callable[[], Any]) -> Beside:
    """Start the work. Ask it for its result before the test ends."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has locks that two connections of a test can meet")
    return Beside(work)
