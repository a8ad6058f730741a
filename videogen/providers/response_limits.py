"""Bounds for the API's answers that httpx does not have: its time-outs are for the next byte, so an
answer that drips, or one without an end, would hold a thread for ever. And the bound for JSON that
Python does not have: how deep it reads differs from version to version."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx

from storybook.documents import DEEPEST, is_deeper_than

# An operation with its link or its reasons is some kilobytes.
MAX_ANSWER_BYTES = 8 * 1024**2
# A video within the answer: eight seconds in 4k have been seen with some 40 MB; base64 makes four
# bytes of three.
LARGEST_INLINE_VIDEO = 96 * 1024**2
MAX_INLINE_ANSWER_BYTES = LARGEST_INLINE_VIDEO * 4 // 3 + MAX_ANSWER_BYTES
# And takes longer than an answer: so many times.
INLINE_PATIENCE = 4


def read_object(text: str | bytes, **hooks: Any) -> dict[str, Any]:
    """The JSON object in the text, by json.loads with its `hooks`; a ValueError with a sentence for
    anything else."""
    try:
        value = json.loads(text, **hooks)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if is_deeper_than(value, DEEPEST):
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    return value


class BodyTooLarge(httpx.ReadError):
    """More bytes came than are taken."""


class BodyTooSlow(httpx.ReadTimeout):
    """The body did not end in time, however steadily it came."""


def bounded_chunks(chunks: Iterable[bytes], deadline: float, max_bytes: int) -> Iterator[bytes]:
    """The chunks of a body as they come. Raises BodyTooLarge instead of the chunk that exceeds
    `max_bytes`, and BodyTooSlow after the first that comes past `deadline` (time.monotonic)."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge(f"the answer is larger than {max_bytes / 1024**2:g} MB")
        yield chunk
        if time.monotonic() > deadline:
            raise BodyTooSlow("The answer takes too long to come.")


def read_body(response: httpx.Response, deadline: float, max_bytes: int) -> bytes:
    """The whole body of a streamed response, within the same bounds. As it was sent: unpacked, a
    small one could grow without bound."""
    return b"".join(bounded_chunks(response.iter_raw(), deadline, max_bytes))


def bounded(seconds: float, max_bytes: int = MAX_ANSWER_BYTES) -> Callable[[httpx.Response], None]:
    """A response hook: from the headers on, the body may take so long and be so large, counted
    after decompression too."""

    def bind(response: httpx.Response) -> None:
        response.stream = _Bounded(response, time.monotonic() + seconds, max_bytes)

    return bind


class _Bounded(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response, deadline: float, max_bytes: int) -> None:
        self._response = response
        self._stream = response.stream
        self._deadline = deadline
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        if self._response.headers.get("content-encoding", "identity") != "identity":
            # We do not ask for it; unpacked, a small answer may be of any size.
            raise httpx.DecodingError("the answer is packed although that was not asked for")
        yield from bounded_chunks(self._stream, self._deadline, self._max_bytes)

    def close(self) -> None:
        self._stream.close()
