"""Lists the videos that Vertex AI put into our bucket in Cloud Storage.

Cloud Storage is asked by its JSON API (https://cloud.google.com/storage/docs/json_api/v1). The
token goes in a header, and only to the storage host.
"""

from __future__ import annotations

import time

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.proxies import BadProxySetting, open_http

from .credentials import authorization
from .gs_urls import objects_url, split_gs
from .lists import Query, get_object
from .vertex_errors import list_error

# Below the prefix of one submission there is one video, perhaps beside a marker of the folder.
MOST_OBJECTS = 50
MAX_LIST_BYTES = 1024**2


def list_videos(prefix: str) -> list[str]:
    """Return the gs:// links of the videos below a gs:// prefix. Makes one free request. Raises
    VeoError."""
    bucket, _, start = prefix.removeprefix("gs://").partition("/")
    query: Query = {"prefix": start, "maxResults": MOST_OBJECTS}
    page = _get_json(objects_url(bucket), query)
    items = page.get("items", [])
    if not isinstance(items, list) or page.get("nextPageToken"):
        raise _unreadable("it is not the list of one submission")
    found = []
    for item in items:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name.startswith(start):
            raise _unreadable("an entry has no usable name")
        if name.endswith("/") or not _may_be_video(item.get("contentType")):
            continue
        uri = f"gs://{bucket}/{name}"
        try:
            split_gs(uri)
        except ValueError as error:
            raise _unreadable("an entry has no usable name") from error
        found.append(uri)
    return found


def _get_json(url: str, query: Query) -> dict[str, object]:
    headers = authorization() | {"Accept-Encoding": "identity"}
    timeout = settings.VIDEO_POLL_TIMEOUT_SECONDS
    end = time.monotonic() + timeout
    try:
        client = open_http(headers=headers, timeout=timeout, follow_redirects=False)
    except BadProxySetting as error:
        raise list_error(error) from error
    try:
        with client as http:
            return get_object(http, url, query, end, MAX_LIST_BYTES, list_error)
    except ValueError as error:
        raise _unreadable(str(error)) from error


def _may_be_video(content_type: object) -> bool:
    return not isinstance(content_type, str) or content_type.startswith("video/")


def _unreadable(what: str) -> VeoError:
    return VeoError(
        f"The list from Cloud Storage cannot be read: {what}.", code="no_answer", permanent=False
    )
