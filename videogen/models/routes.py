"""The routes to Google's video models, and the accounts that they use.

A route is one API of Google's. A model belongs to one route (models/video_models.py), so whoever
chooses a model chooses the route. An account is what a key, a quota and refusals belong to: each
account has a `Lane`, and a render's column `backend` is the account's name. The simulator is an
account that stands in for all of Google's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import TextChoices

from videogen.common.header_secrets import copy_problem

if TYPE_CHECKING:
    from .problems import Problem

SIMULATOR = "simulator"


class Route(TextChoices):
    GEMINI = "gemini", "Veo on the Gemini API"
    VERTEX = "vertex", "Veo on Vertex AI"
    OMNI = "omni", "Omni on the Gemini API"


# The two routes of the Gemini API share a key and with it the quota.
_ACCOUNTS = {Route.GEMINI: "gemini", Route.VERTEX: "vertex", Route.OMNI: "gemini"}
ACCOUNTS = tuple(dict.fromkeys(_ACCOUNTS.values()))

# The routes on which the API can be asked to stop a generation.
CANCELLING = frozenset({Route.OMNI})

# Only the Gemini API limits the spending in a rolling window, by the account's tier.
_WITHOUT_SPEND_WINDOW = frozenset({"vertex"})

# The values of VIDEO_BACKEND: the simulator, or the route whose default model is used.
BACKENDS = (SIMULATOR, *Route.values)


def is_simulating() -> bool:
    """Whether the simulator stands in for Google."""
    return settings.VIDEO_BACKEND == SIMULATOR


def account_of(route: str) -> str:
    """Return the name of the account that serves the route with the current settings."""
    return SIMULATOR if is_simulating() else _ACCOUNTS[Route(route)]


def served_backends() -> tuple[str, ...]:
    """Return the accounts that can be used with the current settings."""
    return (SIMULATOR,) if is_simulating() else ACCOUNTS


def spend_window_usd(backend: str) -> Decimal | None:
    """Return how many USD the account accepts in VIDEO_SPEND_WINDOW_SECONDS; None if there is no
    limit."""
    return None if backend in _WITHOUT_SPEND_WINDOW else settings.VIDEO_SPEND_WINDOW_USD


def default_route() -> str:
    """Return the route of a model that is not in the table of models."""
    named = settings.VIDEO_BACKEND
    return named if named in Route.values else Route.GEMINI.value


def other_backend(backend: str) -> Problem:
    """Return what to do about a render of an account that is not served."""
    from .problems import Problem, ProblemCode

    return Problem(ProblemCode.OTHER_BACKEND, {"backend": backend})


def not_set_up(route: str) -> Problem | None:
    """Return why the route cannot be used with the current settings, or None."""
    # Every process knows the routes; the sentences are for those that say something of one.
    from .problems import Problem, ProblemCode

    if route == Route.VERTEX:
        setting, value = "GOOGLE_CLOUD_PROJECT", settings.VIDEO_VERTEX_PROJECT
    else:
        setting, value = "GEMINI_API_KEY", settings.GEMINI_API_KEY
    if not value:
        return Problem(ProblemCode.NOT_SET_UP, {"setting": setting})
    if route != Route.VERTEX and (problem := copy_problem(value)):
        return Problem(ProblemCode.KEY_NOT_COPIED, {"setting": setting, "problem": problem})
    return None
