"""The way to the video API, as the checks ask about it: the one place that knows which it is."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from videogen.catalog.capabilities import ModelTable
from videogen.models.routes import Route, account_of, default_route, is_simulating

is_simulated = is_simulating


def of_model(*, has_tables: bool) -> str:
    """The route of the configured model. Queries where there are tables."""
    return ModelTable().find(settings.VIDEO_MODEL).route if has_tables else default_route()


def backend_of(route: str) -> str:
    return account_of(route)


def takes_key(route: str) -> bool:
    return route != Route.VERTEX


def address(route: str) -> str:
    return settings.VIDEO_API_BASE_URL if takes_key(route) else settings.VIDEO_VERTEX_BASE_URL


def list_models(route: str) -> list[str]:
    """Those that make videos. Free. Raises VeoError."""
    from videogen.providers.registry import open_client

    with closing(open_client(route)) as client:
        return client.list_models()


def sdk_version() -> str:
    """Of the SDK that calls are made with. Imports it, which takes a second."""
    from videogen.providers.registry import sdk_version

    return sdk_version().rpartition(" ")[2]
