"""Lists what the Gemini API has accepted and made, for submissions whose outcome is unknown.

Both lists are in the service's discovery document
(https://generativelanguage.googleapis.com/$discovery/rest?version=v1beta: models.operations.list
and generatedFiles.list), and both may answer UNIMPLEMENTED. The SDK has no method for either, so
they are read with httpx: once, within bounds of time and size, with the key in a header and only
from the API's host.

A list is returned whole or not at all, because "there is no such operation" must never be concluded
from half a list.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.proxies import BadProxySetting, open_http
from videogen.common.untrusted_text import clean_link, without_key

from .credentials import api_key
from .errors import list_error, status_error, stop
from .messages import GeneratedFile, ListedOperation
from .response_limits import read_body, read_object

# The name of our token in the metadata of a submission.
TOKEN_FIELD = "submission_token"  # noqa: S105

PAGE_SIZE = 50  # the most that generatedFiles.list gives
MAX_PAGES = 40
MAX_PAGE_BYTES = 4 * 1024**2
# A whole list may take this many times as long as one poll.
PATIENCE = 4

Query = dict[str, str | int]

_OPERATION = re.compile(r"(models/[A-Za-z0-9][\w.-]*/)?operations/[A-Za-z0-9][\w.-]*", re.ASCII)
_FILE = re.compile(r"generatedFiles/[A-Za-z0-9][\w.-]*", re.ASCII)


def list_operations(model: str) -> tuple[ListedOperation, ...]:
    """Return all operations of the model, each once. Raises VeoError."""
    entries = _entries(f"models/{quote(model, safe='')}/operations", "operations", _OPERATION)
    return tuple(_operation(entry) for entry in entries)


def list_generated_files() -> tuple[GeneratedFile, ...]:
    """Return all files that are ready, each once. Raises VeoError."""
    entries = _entries("generatedFiles", "generatedFiles", _FILE)
    if not all(isinstance(entry.get("state", ""), str) for entry in entries):
        raise _unreadable("the state of a file is not text")
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
    """Read one entry. The published schema has no link; then the content is at the file's name with
    alt=media, as the discovery document says of generatedFiles.get."""
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
    """Return the list's entries, each an object whose name matches `names`, and each name once."""
    found: dict[str, dict[str, Any]] = {}
    for page in _pages(path):
        entries = page.get(key, [])
        if not isinstance(entries, list):
            raise _unreadable(f"{key} is not a list")
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not names.fullmatch(name):
                raise _unreadable(f"an entry of {key} has no usable name")
            # An operation that ends while the pages are read may be listed twice. Its later state
            # counts.
            found[name] = entry
    return list(found.values())


def _pages(path: str) -> Iterator[dict[str, Any]]:
    end = time.monotonic() + PATIENCE * settings.VIDEO_POLL_TIMEOUT_SECONDS
    query: Query = {"pageSize": PAGE_SIZE}
    headers = {"x-goog-api-key": api_key(), "Accept-Encoding": "identity"}
    timeout = settings.VIDEO_POLL_TIMEOUT_SECONDS
    try:
        client = open_http(headers=headers, timeout=timeout, follow_redirects=False)
    except BadProxySetting as error:
        raise stop("bad_proxy", str(error)) from error
    with client as http:
        for _ in range(MAX_PAGES):
            page = _page(http, _url(path), query, end)
            yield page
            token = page.get("nextPageToken") or ""
            if not isinstance(token, str):
                raise _unreadable("the page token is not text")
            if not token:
                return
            query["pageToken"] = token
    raise VeoError(
        f"The API's list has more than {MAX_PAGES} pages.", code="list_too_long", permanent=True
    )


def _page(http: httpx.Client, url: str, query: Query, end: float) -> dict[str, Any]:
    try:
        return get_object(http, url, query, end, MAX_PAGE_BYTES, list_error)
    except ValueError as error:
        raise _unreadable(str(error)) from error


def get_object(
    http: httpx.Client,
    url: str,
    query: Query,
    end: float,
    most_bytes: int,
    meaning_of: Callable[[Exception], VeoError],
) -> dict[str, Any]:
    """Return the JSON object that this address answers, read until `end` and up to `most_bytes`.

    Raises what `meaning_of` makes of a failure or a refusal, and ValueError if the answer is not a
    JSON object.
    """
    try:
        with http.stream("GET", url, params=query) as response:
            body = read_body(response, end, most_bytes)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise meaning_of(error) from error
    if response.status_code != 200:
        refusal = status_error(response.status_code, response.headers, body)
        raise meaning_of(refusal) from refusal
    return read_object(body)


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
    """Return the value if it is a line of text that fits into the database, else None."""
    is_usable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 2000
    return value if is_usable else None


def _moment(value: Any) -> datetime | None:
    """Read a Timestamp in JSON. Without a time zone it does not say when, so that gives None."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
