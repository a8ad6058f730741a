"""Download a clip over HTTP and check it.

The API key is sent only to the API's own host, as a header. The bytes go to a temporary file in
constant memory; only a checked video gets the name of a take.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import httpx
from django.conf import settings

from videogen.common.errors import DownloadError, VeoError, VideoFileError
from videogen.common.formats import ended
from videogen.common.proxies import proxy_for, proxy_problem
from videogen.common.untrusted_text import clean, read_seconds, without_key
from videogen.models import VideoRender
from videogen.providers.download_targets import download_target
from videogen.providers.errors import POLL_REFUSED, said
from videogen.providers.messages import INLINE
from videogen.providers.registry import open_client
from videogen.providers.response_limits import (
    BodyTooLarge,
    BodyTooSlow,
    bounded_chunks,
    read_object,
)
from videogen.providers.url_guard import addresses_of, read_link

from .packed import is_packed, packing_of, unpacked
from .storage import Clip, exclusive, keep, make_clip, partial_folder, waiting_clip

MAX_REDIRECTS = 5
# A 404. Whether that is final depends on the age of the clip, see download_worker.py.
MISSING = "http_404"
# The API refuses a clip that is younger than two days: it is not ready yet, or this is a mistake.
NOT_YET = "not_yet"
# A final 404: the API no longer keeps the clip, or nothing is behind a link that a person gave.
LOST = "lost"
NOTHING_THERE = "nothing_there"
_REFUSED_FOR_GOOD = frozenset(
    {
        "bad_link",
        "host_not_allowed",
        "private_address",
        "too_many_redirects",
        "too_large",
        LOST,
        NOTHING_THERE,
    }
)
# A server may ask us to wait longer, but the clip is kept for two days only.
LONGEST_TOLD_SECONDS = 600.0


def fetch_clip_of(client: httpx.Client, render: VideoRender) -> Clip:
    """Download and check the render's clip. Makes no query. Raises DownloadError."""
    if render.download_uri == INLINE:
        return _fetch_inline(render)
    return fetch_clip(client, render.download_uri, render.pk, is_given=render.is_link_given)


def fetch_clip(client: httpx.Client, uri: str, render_pk: int, *, is_given: bool = False) -> Clip:
    """Download and check the video behind `uri`, without the database.

    An interrupted download is continued if the server allows it. is_given: whether a person gave
    the link, which may then lead to any public host (providers/url_guard.py). Raises DownloadError;
    what is plainly no video is removed, what may be one is kept (see storage.py).
    """
    return fetch_to(client, uri, f"render-{render_pk}", is_given=is_given)


def _fetch_inline(render: VideoRender) -> Clip:
    """Read a video that is part of the operation's answer. Asking for it again is free."""
    folder = partial_folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"render-{render.pk}.part"
    try:
        video = open_client(render.route).read_inline(render.operation_name)
    except VeoError as error:
        raise _not_had(error) from error
    with exclusive(part) as file:
        file.truncate(0)
        file.write(video)
        file.flush()
        return _checked(part)


def _not_had(error: VeoError) -> DownloadError:
    """Return an error of the API's as a DownloadError. If a person can fix it, such as a sign-in,
    the link may still be good, so the error is not permanent."""
    return DownloadError(
        error.sentence,
        code=error.code,
        permanent=error.permanent and not error.stops_queue and error.code != POLL_REFUSED,
        retry_after=error.retry_after,
    )


def fetch_to(client: httpx.Client, uri: str, name: str, *, is_given: bool = False) -> Clip:
    """Download and check a video that belongs to no render, or not yet. Its temporary files are
    named `name`."""
    folder = partial_folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with exclusive(part) as file:
        if clip := waiting_clip(part):
            return clip
        _stream(client, uri, file, part.with_suffix(".etag"), is_given=is_given)
        return _checked(part, is_given=is_given)


def new_client() -> httpx.Client:
    """Return a client for downloads, which follows no redirects by itself. Raises DownloadError if
    the proxies of the environment cannot be used."""
    if problem := proxy_problem():
        raise DownloadError(problem, code="bad_proxy")
    return httpx.Client(
        timeout=settings.VIDEO_DOWNLOAD_TIMEOUT_SECONDS,
        follow_redirects=False,
        # We connect to addresses that were checked: a connection that was made for one host name
        # must not serve another.
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"Accept": "video/mp4, */*;q=0.1", "Accept-Encoding": "identity"},
    )


def _stream(client: httpx.Client, uri: str, file: BinaryIO, tag: Path, *, is_given: bool) -> None:
    """Write the body behind `uri` to `file`. Redirects are followed here, after each is checked."""
    try:
        for _ in range(MAX_REDIRECTS + 1):
            target = download_target(uri)
            url = read_link(target.url)
            have = file.seek(0, os.SEEK_END)
            etag = tag.read_text() if have and tag.exists() else ""
            headers = target.headers
            if have and etag:
                headers |= {"Range": f"bytes={have}-", "If-Range": etag}
            with _opened(client, url, headers, is_given=is_given) as response:
                if response.has_redirect_location:
                    uri = without_key(urljoin(target.url, response.headers["location"]))
                    continue
                _receive(response, file, tag, have if "Range" in headers else 0)
                return
    except VeoError as error:
        raise _not_had(error) from error
    except socket.gaierror as error:
        raise DownloadError(
            "The host name of the video's server cannot be resolved at the moment.",
            code="broken_off",
        ) from error
    except httpx.ProxyError as error:
        raise DownloadError(
            f"The proxy ({proxy_for('https')}) does not let the download through: "
            f"{ended(clean(error))}",
            code="proxy_refused",
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DownloadError(
            f"The download ended before the file was complete: {ended(said(error))}",
            code="broken_off",
        ) from error
    raise DownloadError(
        f"The link was redirected more than {MAX_REDIRECTS} times.",
        code="too_many_redirects",
        permanent=True,
    )


@contextmanager
def _opened(
    client: httpx.Client, url: httpx.URL, headers: dict[str, str], *, is_given: bool
) -> Iterator[httpx.Response]:
    """Open the response of the first of the host's addresses that can be reached."""
    addresses = addresses_of(url, is_given=is_given)
    if not addresses or addresses == [url.host]:
        with client.stream("GET", url, headers=headers) as response:
            yield response
        return
    # We connect to the address that was checked, because the name may lead to another one by now.
    # The certificate is still checked against the name.
    headers = headers | {"Host": url.netloc.decode()}
    name = {"sni_hostname": url.raw_host.decode()} if url.scheme == "https" else {}
    for left in range(len(addresses) - 1, -1, -1):
        there = url.copy_with(host=addresses[-1 - left])
        request = client.build_request("GET", there, headers=headers, extensions=name)
        try:
            response = client.send(request, stream=True)
            break
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if not left:
                raise
    with closing(response):
        yield response


def _receive(response: httpx.Response, file: BinaryIO, tag: Path, asked_from: int) -> None:
    status = response.status_code
    if status == 416:
        # The part that we have does not belong to the file that is there now.
        file.truncate(0)
        raise DownloadError("The video on the server has changed.", code="range", retry_after=0)
    if status not in (200, 206):
        raise _status_error(response)
    total = _content_length(response)
    if status == 206:
        _check_part(response, file, tag, asked_from)
        total = None if total is None else total + asked_from
    else:
        file.truncate(0)
        etag = response.headers.get("etag", "")
        # A weak tag does not promise that the bytes are the same, and a place in a packed file is
        # none in the video.
        if etag and not etag.startswith("W/") and not is_packed(_encoding(response)):
            tag.write_text(etag)
        else:
            tag.unlink(missing_ok=True)
    size = file.seek(0, os.SEEK_END)
    size += _write(response, file, settings.VIDEO_DOWNLOAD_MAX_BYTES - size)
    if total is not None and size != total:
        raise DownloadError(
            f"The download ended early: {size} of {total} bytes arrived.", code="truncated"
        )


def _check_part(response: httpx.Response, file: BinaryIO, tag: Path, asked_from: int) -> None:
    """Raise DownloadError unless the part continues what we have."""
    unit, _, rest = response.headers.get("content-range", "").partition(" ")
    start = rest.partition("-")[0]
    is_ours = asked_from and unit == "bytes" and start == str(asked_from)
    if not is_ours or is_packed(_encoding(response)):
        file.truncate(0)
        raise DownloadError("The server sent another part than we asked for.", code="range")
    if response.headers.get("etag", "") not in ("", tag.read_text()):
        # With If-Range the server should have sent the whole new file.
        file.truncate(0)
        raise DownloadError("The video on the server has changed.", code="range")


def _write(response: httpx.Response, file: BinaryIO, limit: int) -> int:
    """Append the body to the file, unpacked, at most `limit` bytes. Return how many bytes came over
    the line."""
    end = time.monotonic() + settings.VIDEO_DOWNLOAD_DEADLINE_MINUTES * 60
    arrived = _Counted(response.iter_raw())
    chunks: Iterable[bytes] = bounded_chunks(arrived, end, limit)
    if is_packed(encoding := _encoding(response)):
        chunks = bounded_chunks(unpacked(chunks, encoding), end, limit)
    # The bytes are written as they come. If they were gathered to larger chunks, a connection that
    # is cut would lose them, and a slow trickle would never be checked against the clock.
    try:
        for chunk in chunks:
            file.write(chunk)
    except BodyTooLarge as error:
        file.truncate(0)
        most = settings.VIDEO_DOWNLOAD_MAX_BYTES // 1024**2
        raise DownloadError(
            f"The file is larger than {most} MB (VIDEO_DOWNLOAD_MAX_MEGABYTES).",
            code="too_large",
            permanent=True,
        ) from error
    except BodyTooSlow as error:
        raise DownloadError("The download takes too long.", code="too_slow") from error
    file.flush()
    return arrived.size


def _encoding(response: httpx.Response) -> str:
    return str(response.headers.get("content-encoding", ""))


class _Counted:
    """Counts the bytes of chunks as they are taken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() else None


def is_refused_for_good(code: str) -> bool:
    """Whether an error of this code means that the same link will never give the clip."""
    if code in _REFUSED_FOR_GOOD:
        return True
    status = code.removeprefix("http_")
    return status != code and status.isdecimal() and _is_permanent(int(status))


def _is_permanent(status: int) -> bool:
    return 400 <= status < 500 and status not in (404, 408, 425, 429)


def _status_error(response: httpx.Response) -> DownloadError:
    status = response.status_code
    return DownloadError(
        f"The server refuses the download (HTTP {status}). {ended(_words_of(response))}".strip(),
        code=f"http_{status}",
        permanent=_is_permanent(status),
        retry_after=_sensible(read_seconds(response.headers.get("retry-after"))),
    )


def _sensible(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, LONGEST_TOLD_SECONDS)


def _words_of(response: httpx.Response) -> str:
    """Return the message in an error of the API's, or "" if the body is not one."""
    try:
        body = next(response.iter_bytes(8192), b"")
        return clean(read_object(body)["error"]["message"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return ""


def _checked(part: Path, *, is_given: bool = False) -> Clip:
    """Return the downloaded file as a clip. Raises DownloadError if it is not a usable video; what
    may be a video all the same is kept then, because it is paid for."""
    try:
        with part.open("rb") as file:
            packing = packing_of(file.read(8))
        if packing:
            raise VideoFileError(f"It is packed ({packing}).", code="packed")
        clip = make_clip(part, is_paid=True)
    except VideoFileError as error:
        is_kept = keep(part, is_given=is_given)
        raise DownloadError(
            f"What the link gave is not a usable video. {error.sentence}"
            + (" The file is kept as it came." if is_kept else ""),
            code=error.code,
        ) from error
    part.with_suffix(".etag").unlink(missing_ok=True)
    return clip
