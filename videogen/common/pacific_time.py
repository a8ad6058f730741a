"""The days of Google's daily quotas, which begin at midnight Pacific time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def day_began(now: datetime) -> datetime:
    """Return the last midnight in Pacific time, as UTC."""
    return _midnight(now, 0)


def day_ends(now: datetime) -> datetime:
    """Return the next midnight in Pacific time, as UTC."""
    return _midnight(now, 1)


def _midnight(now: datetime, days: int) -> datetime:
    day = now.astimezone(PACIFIC).date() + timedelta(days=days)
    return datetime.combine(day, time.min, PACIFIC).astimezone(UTC)
