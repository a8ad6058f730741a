"""What the checks have in common: the facts that earlier checks have found, and calls to others.

The calls begin together, before the checks, and nobody waits for one longer than its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from .findings import Finding, words_of


@dataclass
class Examination:
    """One run of the doctor. A call is None if it is not made."""

    is_offline: bool
    # How long the calls to others may take.
    seconds: float
    # The route of the configured model.
    route: str = ""
    models: BackgroundCall[list[str]] | None = None
    clock: BackgroundCall[timedelta | None] | None = None
    redis: BackgroundCall[object] | None = None
    store: BackgroundCall[None] | None = None
    # Set by the checks of the database. Checks that need its tables come after them.
    has_connection: bool = False
    has_tables: bool = False

    def redis_problem(self) -> str:
        """Return why Redis does not answer. Empty if it does, or if no Redis is configured."""
        if self.redis is None:
            return ""
        from redis import RedisError

        try:
            self.redis.result()
        except (RedisError, OSError, ValueError, TooSlow) as error:
            return words_of(error).rstrip(".")
        return ""


Check = Callable[[Examination], Iterable[Finding]]


Answer = TypeVar("Answer")


class TooSlow(Exception):
    """A call to somebody else has not ended in its time."""


class BackgroundCall(Generic[Answer]):
    """A call in a thread of its own. Should it never return, the thread ends with the process."""

    def __init__(self, call: Callable[[], Answer], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._result: Future[Answer] = Future()
        threading.Thread(target=self._work, daemon=True).start()

    def result(self) -> Answer:
        """Return what the call returned. Raises TooSlow, or what the call raised."""
        try:
            return self._result.result(max(0.0, self._end - time.monotonic()))
        except TimeoutError:
            if self._result.done():
                raise
            raise TooSlow(f"no answer within {self._seconds:g} seconds") from None

    def _work(self) -> None:
        try:
            self._result.set_result(self._call())
        except Exception as error:  # noqa: BLE001 (raised again by result)
            self._result.set_exception(error)
