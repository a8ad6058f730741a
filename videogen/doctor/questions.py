"""Questions to others: asked all at once, and none of them waited for too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

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
