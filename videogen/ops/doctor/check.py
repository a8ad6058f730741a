"""What the checks have in common: what is known so far, and the questions to others, which are
asked all at once before the checks begin; none of them is waited for too long."""

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
class Look:
    """One examination. The questions are None where they are not asked."""

    is_offline: bool
    seconds: float
    # Of the configured model.
    route: str = ""
    models: Question[list[str]] | None = None
    clock: Question[timedelta | None] | None = None
    redis: Question[object] | None = None
    # The checks of the database say so; what needs its tables comes after them.
    has_connection: bool = False
    has_tables: bool = False

    def problem_of_redis(self) -> str:
        """Why it does not answer, or "": also where none is used."""
        if self.redis is None:
            return ""
        from redis import RedisError

        try:
            self.redis.answer()
        except (RedisError, OSError, ValueError, TooSlow) as error:
            return words_of(error).rstrip(".")
        return ""


Check = Callable[[Look], Iterable[Finding]]


Answer = TypeVar("Answer")


class TooSlow(Exception):
    pass


class Question(Generic[Answer]):
    """Asked in a thread of its own, which ends with the process where nobody answers."""

    def __init__(self, ask: Callable[[], Answer], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._answer: Future[Answer] = Future()
        threading.Thread(target=self._work, daemon=True).start()

    def answer(self) -> Answer:
        """Raises TooSlow, or what the asking raised."""
        try:
            return self._answer.result(max(0.0, self._end - time.monotonic()))
        except TimeoutError:
            if self._answer.done():
                raise
            raise TooSlow(f"no answer within {self._seconds:g} seconds") from None

    def _work(self) -> None:
        try:
            self._answer.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 (raised again where the answer is wanted)
            self._answer.set_exception(error)
