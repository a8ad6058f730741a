"""The account's limits: requests a minute, requests a day, and dollars in the spend window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from videogen.simulator.errors import ApiError, quota_exceeded, spend_limited

MINUTE, TEN_MINUTES, DAY = 60.0, 600.0, 86_400.0


@dataclass(frozen=True)
class Limits:
    """0 means no limit. `spend_seconds` is the length of the spend window."""

    per_minute: int = 0
    per_day: int = 0
    spend_usd: float = 0.0
    spend_seconds: float = TEN_MINUTES


class Quotas:
    """Sliding windows over the accepted submissions. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accepted: list[tuple[float, float]] = []

    def charge(self, limits: Limits, model: str, cost: float) -> None:
        """Book one submission. If a window is full, raise the 429 and book nothing."""
        with self._lock:
            now = self._clock()
            self._accepted = [entry for entry in self._accepted if entry[0] > now - DAY]
            if refusal := self._refusal(now, limits, model, cost):
                raise refusal
            self._accepted.append((now, cost))

    def clear(self) -> None:
        with self._lock:
            self._accepted = []

    def spent(self, seconds: float = TEN_MINUTES) -> float:
        """Return the US dollars booked in the last `seconds`."""
        with self._lock:
            return self._spent(self._clock() - seconds)

    def _spent(self, since: float) -> float:
        return sum(cost for at, cost in self._accepted if at > since)

    def _refusal(self, now: float, limits: Limits, model: str, cost: float) -> ApiError | None:
        times = [at for at, _ in self._accepted]
        if limits.per_day and len(times) >= limits.per_day:
            return quota_exceeded(
                "PredictLongRunningRequestsPerDayPerProjectPerModel", model, limits.per_day, 0
            )
        last_minute = [at for at in times if at > now - MINUTE]
        if limits.per_minute and len(last_minute) >= limits.per_minute:
            # The window has room again once the oldest of the last `per_minute` leaves it.
            wait = last_minute[-limits.per_minute] + MINUTE - now
            return quota_exceeded(
                "PredictLongRunningRequestsPerMinutePerProjectPerModel",
                model,
                limits.per_minute,
                wait,
            )
        if limits.spend_usd and self._spent(now - limits.spend_seconds) + cost > limits.spend_usd:
            return spend_limited()
        return None
