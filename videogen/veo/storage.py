"""Cloud Storage, where Vertex AI puts videos: gs:// links, what to GET for them, what lies below a
prefix. By the JSON API (https://cloud.google.com/storage/docs/json_api/v1), the token in the header
and to the storage host only."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import httpx
from django.conf import settings

from videogen.errors import VeoError

from .credentials import bearer_of, load_credentials
from .failures import status_error
from .vertex_failures import list_error

# Below one submission's prefix: one video, perhaps with a marker of the folder.
MOST_OBJECTS = 50
MAX_LIST_BYTES = 1024**2
_GS = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/([^/\s\\?#]+(?:/[^/\s\\?#]+)*)")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and object of a gs:// link. Raises ValueError where it is none."""
    match = _GS.fullmatch(uri)
    if match is None or not uri.isprintable() or {".", ".."} & set(match[2].split("/")):
        raise ValueError("This is no link to an object in Cloud Storage (gs://bucket/object).")
    return match[1], match[2]


def own_bucket() -> str:
    """The bucket of VIDEO_VERTEX_STORAGE_URI; empty where videos come inline."""
    return settings.VIDEO_VERTEX_STORAGE_URI.removeprefix("gs://").partition("/")[0]


def prefix_of(token: str) -> str:
    """Where the video of the submission with this token lands: a gs:// prefix that ends with a
    slash. Empty where videos come inline."""
    base = settings.VIDEO_VERTEX_STORAGE_URI.rstrip("/")
    if not base:
        return ""
    return f"{base}/{token}/" if token else f"{base}/"


def media_url(uri: str) -> str:
    """What to GET for the object behind a gs:// link."""
    bucket, name = split_uri(uri)
    return f"{_objects_url(bucket)}/{quote(name, safe='')}?alt=media"


def authorization() -> dict[str, str]:
    """The header for the storage host. Raises VeoError where there are no credentials."""
    return {"Authorization": f"Bearer {bearer_of(load_credentials())}"}


def list_videos(prefix: str) -> list[str]:
    """The gs:// links of the videos below a gs:// prefix. One free request. Raises VeoError."""
    bucket, _, start = prefix.removeprefix("gs://").partition("/")
    query: dict[str, str | int] = {"prefix": start, "maxResults": MOST_OBJECTS}
    page = _get_json(_objects_url(bucket), query)
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
            split_uri(uri)
        except ValueError as error:
            raise _unreadable("an entry has no usable name") from error
        found.append(uri)
    return found


def _objects_url(bucket: str) -> str:
    return f"{settings.VIDEO_STORAGE_BASE_URL.rstrip('/')}/storage/v1/b/{bucket}/o"


def _get_json(url: str, query: dict[str, str | int]) -> dict[str, object]:
    headers = authorization() | {"Accept-Encoding": "identity"}
    timeout = settings.VIDEO_POLL_TIMEOUT_SECONDS
    end = time.monotonic() + timeout
    body = bytearray()
    try:
        with (
            httpx.Client(headers=headers, timeout=timeout, follow_redirects=False) as http,
            http.stream("GET", url, params=query) as response,
        ):
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > MAX_LIST_BYTES:
                    raise _unreadable(f"it is larger than {MAX_LIST_BYTES // 1024**2} MB")
                if time.monotonic() > end:
                    raise _unreadable("it takes too long")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise list_error(error) from error
    if response.status_code != 200:
        error = status_error(response.status_code, response.headers, bytes(body))
        raise list_error(error) from error
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable("it is not JSON") from error
    if not isinstance(page, dict):
        raise _unreadable("it is no object")
    return page


def _may_be_video(content_type: object) -> bool:
    return not isinstance(content_type, str) or content_type.startswith("video/")


def _unreadable(what: str) -> VeoError:
    return VeoError(
        f"Cloud Storage's list cannot be read: {what}.", code="no_answer", permanent=False
    )
