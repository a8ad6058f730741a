"""Opens the client of a route."""

from __future__ import annotations

from .client import VideoClient
from .errors import stop
from .gemini import GeminiClient
from .omni import OmniClient
from .vertex import VertexClient

_CLIENTS: dict[str, type[VideoClient]] = {
    "gemini": GeminiClient,
    "vertex": VertexClient,
    "omni": OmniClient,
}


def open_client(route: str, *, submits: bool = False) -> VideoClient:
    """Return a client of the route: for the paid call if it `submits`, otherwise for everything
    that is free. Raises VeoError if the route is unknown, or its key or project is not set."""
    if route not in _CLIENTS:
        raise stop("no_route", f"There is no route {route!r} to a video API.")
    return _CLIENTS[route](submits=submits)


def load_sdk() -> None:
    """Import what the clients import when they are opened. It takes a second."""
    from google import genai  # noqa: F401


def sdk_version() -> str:
    from google.genai import __version__

    return f"google-genai {__version__}"
