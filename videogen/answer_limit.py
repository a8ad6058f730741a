"""An answer of the API is read up to a size: whoever sends more has nothing to say to us."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

# An answer is a few kilobytes; what is far larger is none, and would fill the memory.
LARGEST_ANSWER = 8 * 1024**2


class _Limited(httpx.SyncByteStream):
    """The bytes of an answer, up to LARGEST_ANSWER."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise httpx.ReadError(f"the answer is larger than {LARGEST_ANSWER // 1024**2} MB")
            yield chunk

    def close(self) -> None:
        self._stream.close()


def limit_answer(response: httpx.Response) -> None:
    """Called when the head of an answer has come, before its body is read."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx.DecodingError("the answer is packed although that was not asked for")
    response.stream = _Limited(response.stream)
