"""The way to the video API, as the checks ask about it: the one place that knows which it is."""

from __future__ import annotations

from django.conf import settings

from videogen.models import SIMULATOR, Lane


def is_simulated() -> bool:
    return settings.VIDEO_BACKEND == SIMULATOR


def needs_key() -> bool:
    return not is_simulated()


def address() -> str:
    return settings.VIDEO_API_BASE_URL


def list_models() -> list[str]:
    """Those that the key has and that make videos. Free. Raises VeoError."""
    from videogen.veo import VeoClient

    return VeoClient().list_models()


def sdk_version() -> str:
    """Of the SDK that calls are made with. Imports it, which takes a second."""
    from videogen.veo import sdk_version

    return sdk_version().rpartition(" ")[2]


def lane() -> Lane | None:
    """That of new renders. Queries."""
    return Lane.objects.filter(name=settings.VIDEO_BACKEND).first()
