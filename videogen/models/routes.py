"""The ways to Google's video models, and who serves them: Google itself or the simulator.

A model belongs to one route (models/video_models.py), so choosing a model chooses the way. An
account is what keys, quotas and refusals belong to; each has a lane, and a render's `backend` is
its name.
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db.models import TextChoices

SIMULATOR = "simulator"


class Route(TextChoices):
    GEMINI = "gemini", "Veo on the Gemini API"
    VERTEX = "vertex", "Veo on Vertex AI"
    OMNI = "omni", "Omni on the Gemini API"


# The Gemini API's two routes share a key, and with it the quota.
_ACCOUNTS = {Route.GEMINI: "gemini", Route.VERTEX: "vertex", Route.OMNI: "gemini"}
ACCOUNTS = tuple(dict.fromkeys(_ACCOUNTS.values()))

# Where the API can be asked to stop a video that it makes.
CANCELLING = frozenset({Route.OMNI})

# Google's rolling spend window, by tier, is the Gemini API's.
_WITHOUT_SPEND_WINDOW = frozenset({"vertex"})

# VIDEO_BACKEND: the simulator, or Google with the default model of that route.
BACKENDS = (SIMULATOR, *Route.values)


def is_simulating() -> bool:
    return settings.VIDEO_BACKEND == SIMULATOR


def account_of(route: str) -> str:
    """The backend that renders of that route are booked under."""
    return SIMULATOR if is_simulating() else _ACCOUNTS[Route(route)]


def served_backends() -> tuple[str, ...]:
    """Those whose renders can be asked about with the settings as they are."""
    return (SIMULATOR,) if is_simulating() else ACCOUNTS


def spend_window_usd(backend: str) -> Decimal | None:
    """What that account lets through in VIDEO_SPEND_WINDOW_SECONDS; None: no limit of ours."""
    return None if backend in _WITHOUT_SPEND_WINDOW else settings.VIDEO_SPEND_WINDOW_USD


def default_route() -> str:
    """Of a model that the table of models does not have."""
    named = settings.VIDEO_BACKEND
    return named if named in Route.values else Route.GEMINI.value


def other_backend(backend: str) -> str:
    """What to do about a render of a backend that is not served."""
    return f"It was started with {backend}: set VIDEO_BACKEND={backend} first."


def not_set_up(route: str) -> str:
    """Why nothing can be asked over that route with the settings as they are, or ""."""
    if route == Route.VERTEX:
        return "" if settings.VIDEO_VERTEX_PROJECT else "GOOGLE_CLOUD_PROJECT is not set."
    return "" if settings.GEMINI_API_KEY else "GEMINI_API_KEY is not set."
