"""Knows whether a request has left this machine.

A submission that failed before any of its content left can never have been accepted, whatever
broke: a header that cannot be built, a name that is not resolved, a proxy that refuses. Nothing of
the exception has to be known for that. What has begun to leave may have been accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Departure:
    """is_watched: whether a request of this thread was handed to the transport. has_begun: whether
    its content has begun to leave."""

    is_watched: bool = False
    has_begun: bool = False

    def may_have_been(self, error: Exception) -> bool:
        """Whether anything may have left before `error`. A request that was never handed over could
        not even be built; only if the error is one of a connection, somebody else has sent it."""
        if self.is_watched:
            return self.has_begun
        return isinstance(error, httpx.HTTPError | OSError)


_watched: ContextVar[Departure | None] = ContextVar("departure", default=None)


@contextmanager
def watch_departure() -> Iterator[Departure]:
    """Watch the requests that this thread sends by a client with the hook `note_departure`."""
    departure = Departure()
    token = _watched.set(departure)
    try:
        yield departure
    finally:
        _watched.reset(token)


def note_departure(request: httpx.Request) -> None:
    """A request hook for httpx: have the transport tell when the request leaves."""
    if (departure := _watched.get()) is None:
        return

    def trace(event: str, info: dict[str, Any]) -> None:
        # A proxy is asked for a tunnel with a request of its own, which is none of the API's.
        asked = info.get("request")
        is_tunnel = getattr(asked, "method", b"") == b"CONNECT"
        if event.endswith("send_request_body.started") and not is_tunnel:
            departure.has_begun = True

    departure.is_watched = True
    request.extensions["trace"] = trace
