"""The clock of this machine. Quotas, leases, deadlines and the expiry of clips depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from django.db import connection

from videogen.common.proxies import open_http

from .check import Examination, TooSlow
from .findings import Finding, Topic, words_of

CLOCK = Topic("clock", "Clock")
ZONES = Topic("time_zones", "Time zones")

OFF = timedelta(seconds=30)
FAR_OFF = timedelta(minutes=5)
SET_IT = "Set the clock over the network (timedatectl set-ntp true), then restart the workers."


def ask_clock(address: str, seconds: float) -> timedelta | None:
    """Return how far this clock is ahead of the API's, or None if the API does not tell the time.

    The request carries no key. Raises httpx.HTTPError and httpx.InvalidURL.
    """
    began = datetime.now(UTC)
    with open_http(timeout=seconds, follow_redirects=False) as http:
        response = http.head(address)
    ended = datetime.now(UTC)
    try:
        told = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    # The header has whole seconds, of some moment between request and response.
    told = told.replace(tzinfo=told.tzinfo or UTC) + timedelta(seconds=0.5)
    return began + (ended - began) / 2 - told


def check_clock(exam: Examination) -> Iterator[Finding]:
    whose, ahead = "the API's", None
    with suppress(TooSlow, httpx.HTTPError, httpx.InvalidURL):
        ahead = exam.clock.result() if exam.clock else None
    if ahead is None and exam.has_connection and connection.vendor == "postgresql":
        whose, ahead = "the database's", _ahead_of_database()
    if ahead is None:
        if not exam.is_offline:
            yield CLOCK.warn(
                "No server told the time to compare this clock with.",
                "Fix what keeps the API from answering.",
            )
        return
    words = f"{_span(abs(ahead))} {'ahead of' if ahead > timedelta(0) else 'behind'} {whose}"
    if abs(ahead) > FAR_OFF:
        yield CLOCK.fail(
            f"This clock is {words}: quotas, deadlines and expiry dates are counted wrongly.",
            SET_IT,
        )
    elif abs(ahead) > OFF:
        yield CLOCK.warn(f"This clock is {words}.", SET_IT)
    else:
        yield CLOCK.ok(f"It agrees with {whose}, to the second or so.")


def check_zones(exam: Examination) -> Iterator[Finding]:
    try:
        ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError as error:
        yield ZONES.fail(
            f"{words_of(error)} Google's quota day cannot be computed without it.",
            "Install the system's time zones (package tzdata), or pip install tzdata.",
        )
    else:
        yield ZONES.ok("Pacific time, by which Google counts its days, is known.")


def _ahead_of_database() -> timedelta:
    began = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (told,) = cursor.fetchone()
    return began + (datetime.now(UTC) - began) / 2 - told


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
