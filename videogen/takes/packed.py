"""Unpacks a clip that a server sends packed (Content-Encoding), although we ask for it as it is.

A few bytes may unpack to any size, so every step gives out a bounded part.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from videogen.common.errors import DownloadError

_AS_IT_IS = ("", "identity")
# What one step gives out at the most.
_STEP_BYTES = 1024**2
# The first bytes of files that are packed as a whole, whatever the server says.
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


def is_packed(encoding: str) -> bool:
    return encoding.strip().lower() not in _AS_IT_IS


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the bytes that were packed as the header Content-Encoding says. Raises DownloadError if
    they are damaged, or packed in a way that is not known here."""
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return _inflated(chunks, name, zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _inflated(chunks, name, zlib.MAX_WBITS)
    raise DownloadError(
        f"The server sent the video packed ({name[:40]}), although it was asked for as it is, and "
        "that cannot be unpacked here.",
        code="packed",
    )


def packing_of(start: bytes) -> str:
    """Return how a file that begins with `start` is packed, or ""."""
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def _inflated(chunks: Iterable[bytes], name: str, window: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window)
    is_first = True
    for chunk in chunks:
        if is_first and name == "deflate" and not _has_zlib_header(chunk):
            # Some servers leave the header away, as old browsers wanted it.
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        is_first = is_first and not chunk
        data = chunk
        while data:
            try:
                yield inflater.decompress(data, _STEP_BYTES)
            except zlib.error as error:
                raise _damaged(name) from error
            data = inflater.unconsumed_tail
            if inflater.eof and (rest := inflater.unused_data):
                # A gzip file may have several members, one after the other.
                inflater = zlib.decompressobj(window)
                data = rest
    if not inflater.eof:
        raise _damaged(name)


def _has_zlib_header(chunk: bytes) -> bool:
    return len(chunk) < 2 or chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0


def _damaged(name: str) -> DownloadError:
    return DownloadError(
        f"The server sent the video packed ({name}), and what came cannot be unpacked.",
        code="truncated",
    )
