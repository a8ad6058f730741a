"""What the checks have to know about the route of the configured model."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from videogen.catalog.capabilities import ModelTable
from videogen.models.routes import Route, default_route


def route_of_model(*, has_tables: bool) -> str:
    """Return the route of VIDEO_MODEL. Without tables it is the default route of the backend."""
    return ModelTable().find(settings.VIDEO_MODEL).route if has_tables else default_route()


def takes_key(route: str) -> bool:
    return route != Route.VERTEX


def address(route: str) -> str:
    return settings.VIDEO_API_BASE_URL if takes_key(route) else settings.VIDEO_VERTEX_BASE_URL


def list_models(route: str) -> list[str]:
    """Return the names of the models that make videos. The call is free. Raises VeoError."""
    from videogen.providers.registry import open_client

    with closing(open_client(route)) as client:
        return client.list_models()


def sdk_version() -> str:
    """Return the version of the SDK. The first call imports the SDK, which takes a second."""
    from videogen.providers.registry import sdk_version

    return sdk_version().rpartition(" ")[2]
