"""Which URL is fetched for a link, and with which secret: a key is sent to its own host only."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
from django.conf import settings

from .credentials import api_key, authorization
from .gs_urls import is_gs, object_url
from .url_guard import origin_of


@dataclass(frozen=True)
class DownloadTarget:
    """A URL to fetch. `headers` holds the secret, if the host is one that may have it."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def download_target(uri: str) -> DownloadTarget:
    """Return what to fetch for the link.

    The key is sent if and only if the link has the API's own scheme, host and port. A gs:// link
    into our bucket becomes an address of Cloud Storage, with a token. Raises httpx.InvalidURL,
    DownloadError for another bucket, and VeoError if there is no token, or the key cannot be sent.
    """
    if is_gs(uri):
        return DownloadTarget(object_url(uri), authorization())
    is_own = origin_of(httpx.URL(uri)) == origin_of(httpx.URL(settings.VIDEO_API_BASE_URL))
    sends_key = is_own and settings.GEMINI_API_KEY
    return DownloadTarget(uri, {"x-goog-api-key": api_key()} if sends_key else {})
