"""The media, for people who may see them.

A browser cannot seek in a video without range requests, which Django's own file view does not
answer. This view answers a range with a slice of the file, which gunicorn lets the system send;
other servers read it in small pieces, so that a long clip takes no memory. If VIDEO_ACCEL_PREFIX is
set, the web server in front sends the files, and this view only checks the permissions.

Where an object store has the media, the browser is sent on to an address of the store that is good
for a quarter of an hour; with MEDIA_STORE_THROUGH_APP, and to guests, whose links can end at any
moment, this view hands the store's bytes on.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousFileOperation
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import resolve_url
from django.utils._os import safe_join
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe
from django.views.decorators.http import require_safe

from storybook import media_store
from storybook.media_store import MediaStoreError
from storybook.models import read_shot_code, shot_code
from storybook.thumbnails import make_thumbnail

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

    from storybook.object_store import ObjectStore

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
ASKING_SECONDS = 0.5

# The types that a browser may show. Every other file is sent as a download of unknown type, so that
# a script among the media never runs with the admin's cookies.
SHOWN = {
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
}

_one_range = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    pass


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    user = request.user
    if not user.is_authenticated:
        return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
    if not user.is_staff or not _may_see(user):
        raise PermissionDenied
    # No shared cache may keep the file, and a browser asks again each time: somebody else may use
    # it next, or the person may have lost the permission.
    code = request.GET.get("download")
    name = "" if code is None else _file_name(path, code)
    return send_file(request, path, Delivery("private, no-cache", download_name=name))


_ANY_OF = ("videogen.view_videorender", "storybook.view_picture")


def _may_see(user: AbstractUser) -> bool:
    """One query for whoever has the right by a group, as most people have it. A page asks for
    dozens of pictures, and to find out who may see them takes longest about each."""
    if user.is_superuser:
        return True
    by_group = user.get_group_permissions()
    return any(each in by_group or user.has_perm(each) for each in _ANY_OF)


@dataclass(frozen=True)
class Delivery:
    """How a file is sent: with that Cache-Control, and as a download if it has a name.

    may_go_on: asked about twice a second while the file is sent; the first False ends it. Where a
    web server in front sends the files, nobody asks.
    """

    cache_control: str
    download_name: str = ""
    may_go_on: Callable[[], bool] | None = None


def send_file(request: HttpRequest, path: str, delivery: Delivery) -> HttpResponseBase:
    """Send the media file of this name, or the range of it that is asked for. Whether the person
    may see it, the caller has checked. Raises Http404."""
    # A file that is not complete yet has a dot at the start of its name or of its folder's name.
    if any(part.startswith(".") for part in path.split("/")):
        raise Http404
    if media_store.media.is_remote:
        return _from_store(request, path, delivery)
    root = Path(settings.MEDIA_ROOT).resolve()
    file = _find(root, path)
    if settings.VIDEO_ACCEL_PREFIX:
        return _hand_over(file.relative_to(root), path, delivery)
    return _send(request, file, path, delivery)


def _find(root: Path, path: str) -> Path:
    """Return the regular file of this path, links followed. Http404 unless it is below `root`."""
    try:
        file = Path(safe_join(root, path)).resolve()
        if not file.is_relative_to(root):
            raise Http404
        if not file.exists():
            make_thumbnail(path)
        if not stat.S_ISREG(file.stat().st_mode):
            raise Http404
    except (OSError, ValueError, SuspiciousFileOperation) as error:
        raise Http404 from error
    return file


def _from_store(request: HttpRequest, path: str, delivery: Delivery) -> HttpResponseBase:
    """Send what the object store has, or send the browser there."""
    store = cast("ObjectStore", media_store.media)
    try:
        if not store.exists(path) and not make_thumbnail(path):
            raise Http404
        if delivery.may_go_on is None and not settings.MEDIA_STORE_THROUGH_APP:
            return _send_on(request, store, path, delivery)
        file = store.open(path)
    except (FileNotFoundError, SuspiciousFileOperation) as error:
        raise Http404 from error
    except MediaStoreError as error:
        logger.warning("%s cannot be shown: %s", path, error.strerror)
        return HttpResponse(
            "The store of the media does not answer at the moment.",
            status=503,
            content_type="text/plain",
            headers={"Retry-After": "30", "Cache-Control": "no-store"},
        )
    facts = _Facts(file.size, file.modified, f'"{file.etag.strip(chr(34))}"')
    return _answer(request, file, facts, path, delivery)


def _send_on(
    request: HttpRequest, store: ObjectStore, path: str, delivery: Delivery
) -> HttpResponseBase:
    said = HttpResponse()
    _describe(said, path, delivery)
    headers = {name: said[name] for name in ("Content-Type", "Content-Disposition") if name in said}
    # The address is this person's alone, and what is behind it never changes.
    headers["Cache-Control"] = "private, max-age=900"
    address = store.signed_url(path, headers, is_head=request.method == "HEAD")
    response = HttpResponseRedirect(address)
    _protect(response, delivery)
    return response


def _hand_over(file: Path, path: str, delivery: Delivery) -> HttpResponse:
    """Let the web server send the file. It also handles ranges, conditions and lengths."""
    response = HttpResponse()
    _describe(response, path, delivery)
    _protect(response, delivery)
    prefix = settings.VIDEO_ACCEL_PREFIX.rstrip("/")
    response["X-Accel-Redirect"] = f"{prefix}/{quote(file.as_posix())}"
    return response


def _send(request: HttpRequest, found: Path, path: str, delivery: Delivery) -> HttpResponseBase:
    try:
        # Without a buffer, so that the system knows the place at which a slice begins.
        file = found.open("rb", buffering=0)
    except OSError as error:
        raise Http404 from error
    found_facts = os.fstat(file.fileno())
    size, modified = found_facts.st_size, found_facts.st_mtime_ns
    facts = _Facts(size, found_facts.st_mtime, f'"{modified:x}-{size:x}"')
    return _answer(request, file, facts, path, delivery)


@dataclass(frozen=True)
class _Facts:
    size: int
    modified: float
    etag: str


def _answer(
    request: HttpRequest, file: IO[bytes], facts: _Facts, path: str, delivery: Delivery
) -> HttpResponseBase:
    try:
        response = _respond(request, file, facts, path, delivery)
    except BaseException:
        file.close()
        raise
    if not response.streaming:
        file.close()
    return response


def _respond(
    request: HttpRequest, file: IO[bytes], facts: _Facts, path: str, delivery: Delivery
) -> HttpResponseBase:
    etag, modified = facts.etag, int(facts.modified)
    unchanged = get_conditional_response(request, etag=etag, last_modified=modified)
    response = unchanged or _content_or_416(request, file, facts, path, delivery)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Last-Modified"] = http_date(modified)
    _protect(response, delivery)
    return response


def _content_or_416(
    request: HttpRequest, file: IO[bytes], facts: _Facts, path: str, delivery: Delivery
) -> HttpResponseBase:
    size = facts.size
    try:
        asked = _asked_range(request, size, facts.etag, int(facts.modified))
    except RangeNotSatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = asked or (0, size - 1)
    response = _content(request, file, (start, end - start + 1), delivery.may_go_on)
    _describe(response, path, delivery)
    if asked:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    return response


def _protect(response: HttpResponseBase, delivery: Delivery) -> None:
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = delivery.cache_control


def _content(
    request: HttpRequest,
    file: IO[bytes],
    part: tuple[int, int],
    may_go_on: Callable[[], bool] | None,
) -> HttpResponseBase:
    """The part of the file: where it begins, and its length."""
    start, length = part
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse()
    elif may_go_on or media_store.media.is_remote:
        response = StreamingHttpResponse(FileSlice(file, start, length, may_go_on))
    else:
        response = _LocalFile(LocalSlice(file, start, length))
    response["Content-Length"] = str(length)
    return response


def _describe(response: HttpResponseBase, path: str, delivery: Delivery) -> None:
    content_type = SHOWN.get(Path(path).suffix.lower())
    response["Content-Type"] = content_type or "application/octet-stream"
    if content_type is None or delivery.download_name:
        name = delivery.download_name or _file_name(path, "")
        response["Content-Disposition"] = content_disposition_header(True, name)


def _file_name(path: str, code: str) -> str:
    """Return the name of a download. All takes are called take-1.mp4 and so on, so add the shot.

    code: of the take's shot, as the link has it. Without one the name has the shot's folder.
    """
    parts = Path(path).parts
    if len(parts) != 5 or parts[1] != "shots":
        return parts[-1]
    _, _, scenelet, folder, take = parts
    if found := read_shot_code(code):
        return f"{shot_code(*found)} {scenelet} {take}"
    return f"{scenelet} {folder} {take}"


def _asked_range(
    request: HttpRequest, size: int, etag: str, modified: int
) -> tuple[int, int] | None:
    """Return the first and the last byte of the range, or None to send the whole file.

    A request for several ranges gets the whole file, as RFC 9110 allows. Raises
    RangeNotSatisfiable if the range begins after the end of the file.
    """
    match = _one_range.fullmatch(request.headers.get("Range", ""))
    if match is None or not _is_unchanged(request, etag, modified):
        return None
    # Cut the numbers: int() refuses thousands of digits, and no file has 10^20 bytes.
    first, last = (digits[:20] for digits in match.groups())
    if not first:
        if not last:
            return None
        if int(last) == 0 or size == 0:
            raise RangeNotSatisfiable
        return max(0, size - int(last)), size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeNotSatisfiable
    return int(first), min(int(last), size - 1) if last else size - 1


def _is_unchanged(request: HttpRequest, etag: str, modified: int) -> bool:
    """Return whether the file is still the one that the client has a part of (If-Range)."""
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    return condition == etag or parse_http_date_safe(condition) == modified


class LocalSlice:
    """A part of a file on this machine, for servers that let the system send files
    (`wsgi.file_wrapper`). gunicorn sends as many bytes as are announced, from where the file
    stands, without a turn of Python's for each piece. Others read, and get no more than the part.

    file: open without a buffer.
    """

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self._file = file
        self._left = length
        file.seek(start)

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


class _LocalFile(FileResponse):
    block_size = CHUNK_BYTES


class FileSlice:
    """An iterable over a part of an open file, which asks whether it may go on.

    It has neither `fileno` nor `read`: with one of them, a server would send it without asking.
    """

    def __init__(
        self,
        file: IO[bytes],
        start: int,
        length: int,
        may_go_on: Callable[[], bool] | None = None,
    ) -> None:
        self._file = file
        self._start = start
        self._left = length
        self._may_go_on = may_go_on

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        asked = time.monotonic()
        while self._left > 0 and (data := self._file.read(min(CHUNK_BYTES, self._left))):
            if self._may_go_on and time.monotonic() - asked > ASKING_SECONDS:
                if not self._may_go_on():
                    # The length was announced, so the server has to close the connection.
                    raise ConnectionAbortedError("The permission has ended.")
                asked = time.monotonic()
            self._left -= len(data)
            yield data

    def close(self) -> None:
        self._file.close()
