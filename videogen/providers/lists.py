"""Asking the API what it has accepted and made, for submissions whose outcome nobody knows.

Both lists stand in the service's discovery document
(https://generativelanguage.googleapis.com/$discovery/rest?version=v1beta: models.operations.list
and generatedFiles.list) and may answer UNIMPLEMENTED. The SDK has no method for either, so they are
read with httpx: once, bounded in time and size, the key in the header and to the API's host only.

A list is given whole or not at all: "there is no such operation" must never come from half a list.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean_link, without_key

from .errors import list_error, status_error
from .messages import GeneratedFile, ListedOperation
from .response_limits import read_body, read_object

# Our token's name in the metadata of a submission.
TOKEN_FIELD = "submission_token"  # noqa: S105

PAGE_SIZE = 50  # the most that generatedFiles.list gives
MAX_PAGES = 40
MAX_PAGE_BYTES = 4 * 1024**2
# A whole list may take so many times what one poll may.
PATIENCE = 4

_OPERATION = re.compile(r"(models/[A-Za-z0-9][\w.-]*/)?operations/[A-Za-z0-9][\w.-]*", re.ASCII)
_FILE = re.compile(r"generatedFiles/[A-Za-z0-9][\w.-]*", re.ASCII)


def list_operations(model: str) -> tuple[ListedOperation, ...]:
    """All operations of the model, each once. Raises VeoError."""
    entries = _entries(f"models/{quote(model, safe='')}/operations", "operations", _OPERATION)
    return tuple(_operation(entry) for entry in entries)


def list_generated_files() -> tuple[GeneratedFile, ...]:
    """All files that are ready, each once. Raises VeoError."""
    entries = _entries("generatedFiles", "generatedFiles", _FILE)
    if not all(isinstance(entry.get("state", ""), str) for entry in entries):
        raise _unreadable("a file's state is no text")
    return tuple(_file(entry) for entry in entries if entry.get("state") in (None, "GENERATED"))


def _operation(entry: dict[str, Any]) -> ListedOperation:
    is_done = entry.get("done")
    if not (is_done is None or isinstance(is_done, bool)):
        raise _unreadable("an operation is neither done nor running")
    samples = _dig(entry, "response", "generateVideoResponse", "generatedSamples")
    links = [_text(_dig(sample, "video", "uri")) for sample in _list(samples)]
    metadata = _dig(entry, "metadata")
    webhook = _dig(metadata, "webhookConfig")
    user = _dig(webhook, "userMetadata") or _dig(webhook, "user_metadata")
    return ListedOperation(
        name=entry["name"],
        is_done=bool(is_done),
        uri=_link(next(filter(None, links), None)),
        submitted_at=_moment(_dig(metadata, "createTime")),
        token=_text(_dig(user, TOKEN_FIELD)),
    )


def _file(entry: dict[str, Any]) -> GeneratedFile:
    """The published schema has no link: the content is then had from the name with alt=media, as
    it says of generatedFiles.get."""
    name = entry["name"]
    return GeneratedFile(
        name=name,
        uri=_link(_text(entry.get("uri"))) or f"{_url(name)}?alt=media",
        created_at=_moment(entry.get("createTime")),
        mime_type=_text(entry.get("mimeType")) or "",
    )


def _link(told: str | None) -> str | None:
    return without_key(clean_link(told)) if told else None


def _entries(path: str, key: str, names: re.Pattern[str]) -> list[dict[str, Any]]:
    """The list's entries, checked to be objects with a name like `names`, each name once."""
    found: dict[str, dict[str, Any]] = {}
    for page in _pages(path):
        entries = page.get(key, [])
        if not isinstance(entries, list):
            raise _unreadable(f"{key} is no list")
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not names.fullmatch(name):
                raise _unreadable(f"an entry of {key} has no usable name")
            # What ends while we read may come twice: its later state counts.
            found[name] = entry
    return list(found.values())


def _pages(path: str) -> Iterator[dict[str, Any]]:
    end = time.monotonic() + PATIENCE * settings.VIDEO_POLL_TIMEOUT_SECONDS
    query: dict[str, str | int] = {"pageSize": PAGE_SIZE}
    headers = {"x-goog-api-key": settings.GEMINI_API_KEY, "Accept-Encoding": "identity"}
    with httpx.Client(
        headers=headers, timeout=settings.VIDEO_POLL_TIMEOUT_SECONDS, follow_redirects=False
    ) as http:
        for _ in range(MAX_PAGES):
            page = _page(http, _url(path), query, end)
            yield page
            token = page.get("nextPageToken") or ""
            if not isinstance(token, str):
                raise _unreadable("the page token is no text")
            if not token:
                return
            query["pageToken"] = token
    raise VeoError(
        f"The API's list has more than {MAX_PAGES} pages.", code="list_too_long", permanent=True
    )


def _page(http: httpx.Client, url: str, query: dict[str, str | int], end: float) -> dict[str, Any]:
    try:
        with http.stream("GET", url, params=query) as response:
            body = read_body(response, end, MAX_PAGE_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise list_error(error) from error
    if response.status_code != 200:
        error = status_error(response.status_code, response.headers, body)
        raise list_error(error) from error
    try:
        return read_object(body)
    except ValueError as error:
        raise _unreadable(str(error)) from error


def _url(path: str) -> str:
    return f"{settings.VIDEO_API_BASE_URL.rstrip('/')}/v1beta/{path}"


def _unreadable(what: str) -> VeoError:
    return VeoError(f"The API's list cannot be read: {what}.", code="no_answer", permanent=False)


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    """None for anything but a line of text that a database takes."""
    is_usable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 2000
    return value if is_usable else None


def _moment(value: Any) -> datetime | None:
    """Of a Timestamp in JSON; one without a zone tells no moment."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
