"""Bounds for the API's answers that httpx does not have: its time-outs are for the next byte, so an
answer that drips, or one without an end, would hold a thread for ever. And the bound for JSON that
Python does not have: how deep it reads differs from version to version."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
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
