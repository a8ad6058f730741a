"""Bounds on the answers of other servers, in time, size and depth.

The time-outs of httpx are for the next byte, so a slow or endless answer would hold a thread for
ever. Python does not bound the depth of JSON: how deep it can read differs between its versions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx

from storybook.documents import DEEPEST, is_deeper_than

# An operation with its link or its reasons has a few kilobytes.
MAX_ANSWER_BYTES = 8 * 1024**2
# The video of an answer that carries one: eight seconds in 4k had about 40 MB where we saw them.
# Base64 makes four bytes of three.
LARGEST_INLINE_VIDEO = 96 * 1024**2
MAX_INLINE_ANSWER_BYTES = LARGEST_INLINE_VIDEO * 4 // 3 + MAX_ANSWER_BYTES
# Such an answer may take this many times as long as one without a video.
INLINE_PATIENCE = 4


def read_object(text: str | bytes, **hooks: Any) -> dict[str, Any]:
    """Return the JSON object in the text; `hooks` are arguments of json.loads. Raises ValueError,
    with a phrase that says what is wrong, for anything else."""
    try:
        value = json.loads(text, **hooks)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if is_deeper_than(value, DEEPEST):
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    return value


class BodyTooLarge(httpx.ReadError):
    """The body has more bytes than are accepted."""


class BodyTooSlow(httpx.ReadTimeout):
    """The body did not end in time, although it may have arrived steadily."""


def bounded_chunks(chunks: Iterable[bytes], deadline: float, max_bytes: int) -> Iterator[bytes]:
    """Yield the chunks of a body as they arrive. Raises BodyTooLarge instead of the chunk that
    exceeds `max_bytes`, and BodyTooSlow after the first one past `deadline` (time.monotonic)."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge(f"the answer is larger than {max_bytes / 1024**2:g} MB")
        yield chunk
        if time.monotonic() > deadline:
            raise BodyTooSlow("The answer takes too long to come.")


def read_body(response: httpx.Response, deadline: float, max_bytes: int) -> bytes:
    """Return the whole body of a streamed response, within the same bounds. It is not unpacked,
    because a small body could grow without bound."""
    return b"".join(bounded_chunks(response.iter_raw(), deadline, max_bytes))


def bounded(seconds: float, max_bytes: int = MAX_ANSWER_BYTES) -> Callable[[httpx.Response], None]:
    """Return a response hook for httpx. From the headers on, the body may take `seconds` and have
    `max_bytes`; a compressed body is refused."""

    def bind(response: httpx.Response) -> None:
        # Only an asynchronous client has another kind of stream.
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101
        deadline = time.monotonic() + seconds
        response.stream = _Bounded(response, response.stream, deadline, max_bytes)

    return bind


class _Bounded(httpx.SyncByteStream):
    def __init__(
        self,
        response: httpx.Response,
        stream: httpx.SyncByteStream,
        deadline: float,
        max_bytes: int,
    ) -> None:
        self._response = response
        self._stream = stream
        self._deadline = deadline
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        if self._response.headers.get("content-encoding", "identity") != "identity":
            # We ask for no compression, because a small answer could unpack to any size.
            raise httpx.DecodingError("the answer is compressed although that was not asked for")
        yield from bounded_chunks(self._stream, self._deadline, self._max_bytes)

    def close(self) -> None:
        self._stream.close()
