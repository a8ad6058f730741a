"""The video API: submit, poll, list. Only below here is google-genai known.

Comes in: a request as plain values. Goes out: an operation's name, then what became of it; every
failure is a VeoError. Facts about the wire, the prices of mistakes and the status codes come from
Google's documentation and from google-genai 2.34.0's source; openspec/specs/veo-client has them.
"""

from __future__ import annotations

from .failures import stop
from .gemini import GeminiClient
from .interface import POLLERS, SUBMITTERS, VideoClient
from .omni import OmniClient
from .targets import DownloadTarget, download_target
from .values import (
    INLINE,
    Blocked,
    Failed,
    Finished,
    GeneratedFile,
    ListedOperation,
    Nothing,
    PollAnswer,
    ReferenceImage,
    Running,
    VideoRequest,
    Webhook,
    leaves_cost_open,
)
from .vertex import VertexClient

__all__ = [
    "INLINE",
    "POLLERS",
    "SUBMITTERS",
    "Blocked",
    "DownloadTarget",
    "Failed",
    "Finished",
    "GeneratedFile",
    "ListedOperation",
    "Nothing",
    "PollAnswer",
    "ReferenceImage",
    "Running",
    "VideoClient",
    "VideoRequest",
    "Webhook",
    "download_target",
    "leaves_cost_open",
    "open_client",
    "sdk_version",
]

_CLIENTS: dict[str, type[VideoClient]] = {
    "gemini": GeminiClient,
    "vertex": VertexClient,
    "omni": OmniClient,
}


def open_client(route: str, *, submits: bool = False) -> VideoClient:
    """Raises VeoError where the route's key or project is not set, or the route is not known.
    submits: for the paid call, else for all that is free."""
    if route not in _CLIENTS:
        raise stop("no_route", f"There is no route {route!r} to a video API.")
    return _CLIENTS[route](submits=submits)


def sdk_version() -> str:
    from google.genai import __version__

    return f"google-genai {__version__}"
