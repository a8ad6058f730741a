"""What the checks have in common: what is known so far, and what was asked before they began."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from .findings import Finding, words_of
from .questions import Question, TooSlow


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
