"""Bounds for the API's answers that httpx does not have: its time-outs are for the next byte, so an
answer that drips, or one without an end, would hold a thread for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx

# An operation with its link or its reasons is some kilobytes.
MAX_ANSWER_BYTES = 8 * 1024**2
# A video within the answer: eight seconds in 4k have been seen with some 40 MB; base64 makes four
# bytes of three.
LARGEST_INLINE_VIDEO = 96 * 1024**2
MAX_INLINE_ANSWER_BYTES = LARGEST_INLINE_VIDEO * 4 // 3 + MAX_ANSWER_BYTES
# And takes longer than an answer: so many times.
INLINE_PATIENCE = 4


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
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > self._max_bytes:
                raise httpx.ReadError(f"the answer is larger than {self._max_bytes // 1024**2} MB")
            if time.monotonic() > self._deadline:
                raise httpx.ReadTimeout("The answer takes too long to come.")
            yield chunk

    def close(self) -> None:
        self._stream.close()
