"""The boxes of an MP4 file, read without a library: whether the file is whole, whether its index
lies at the front, and what its tracks are called. Reads little, whatever the file says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from videogen.common.errors import VideoFileError

# The boxes on the way from the file to the names of its tracks' codecs.
_WAY = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
# A real file has a few dozen boxes on that way.
_MOST_BOXES = 2_000

# (name, where its content begins, where it ends)
Box = tuple[bytes, int, int]


def check_boxes(path: Path, size: int) -> None:
    """Raise VideoFileError if the file ends before its last box does. The server often announces
    the short length of a file that was cut short, but the container still knows."""
    names = set()
    for name, _, end in _top_boxes(path):
        names.add(name)
        if end > size:
            raise VideoFileError(
                f"The video is cut short: {size} bytes are there, {end} belong to it.",
                code="truncated",
            )
    if b"moov" not in names:
        raise VideoFileError("The video has no index: it is cut short.", code="truncated")


def is_faststart(path: Path) -> bool:
    """Whether the index (moov) lies before the data, so that a browser can start at once."""
    for name, _, _ in _top_boxes(path):
        if name in (b"moov", b"mdat"):
            return name == b"moov"
    return False


def codec_names(path: Path, handler: bytes) -> list[str]:
    """Return how the file itself calls the codecs of its tracks of this kind (b"vide", b"soun"), in
    their order: the names of their sample entries, such as "avc1" or "ac-4"."""
    names = []
    with path.open("rb") as file:
        kind = b""
        for name, start, end in _inner_boxes(file, 0, path.stat().st_size):
            if name == b"hdlr":
                # Four bytes of version and flags, four that are 0, and the kind of the track.
                kind = _read(file, start + 8, 4)
            elif name == b"stsd" and kind == handler and end - start >= 16:
                # The same four bytes, the number of entries, and of the first one length and name.
                names.append(_printable(_read(file, start + 12, 4)))
    return names


def _printable(name: bytes) -> str:
    is_text = len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)
    return name.decode("ascii").strip() if is_text and name.strip() else f"0x{name.hex()}"


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _top_boxes(path: Path) -> Iterator[Box]:
    """Yield the boxes of the file itself. The last one may reach past the end of the file."""
    with path.open("rb") as file:
        yield from _boxes(file, 0, path.stat().st_size)


def _boxes(file: BinaryIO, offset: int, limit: int) -> Iterator[Box]:
    for _ in range(_MOST_BOXES):
        if offset + 8 > limit:
            return
        header = _read(file, offset, 16)
        length, name, head = int.from_bytes(header[:4]), header[4:8], 8
        if length == 1:
            length, head = int.from_bytes(header[8:16]), 16
        elif length == 0:
            length = limit - offset
        if length < head:
            return
        yield name, offset + head, offset + length
        offset += length


def _inner_boxes(file: BinaryIO, offset: int, limit: int) -> Iterator[Box]:
    """Yield the boxes on the way to the tracks' names, in the order of the file."""
    waiting = [_boxes(file, offset, limit)]
    seen = 0
    while waiting and seen < _MOST_BOXES:
        box = next(waiting[-1], None)
        if box is None:
            waiting.pop()
            continue
        seen += 1
        name, start, end = box
        yield name, start, min(end, limit)
        if name in _WAY and len(waiting) < 8:
            waiting.append(_boxes(file, start, min(end, limit)))
