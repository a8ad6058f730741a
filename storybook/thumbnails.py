"""Small copies of the stored pictures, for pages that show many of them.

A thumbnail is made once, when its picture arrives, or else when it is first requested. Like the
picture it is named by content, so it is never out of date: the thumbnail of
`<story>/pictures/<sha16>/…` is `<story>/thumbnails/<sha16>.jpg`.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import PictureProblem
from .media_store import MediaStoreError, media
from .models import Picture
from .pictures import DECODE_ERRORS, open_image, orientation_of, read_picture

WIDTH = 480
_TALLEST = 1920
_THREADS = 4

_picture = re.compile(r"([^/.][^/]*)/pictures/([0-9a-f]{16})/.+")
# How to turn a picture upright, by the number in its EXIF data (members of Image.Transpose).
_turns: dict[int, Any] = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
_thumbnail = re.compile(r"([^/.][^/]*)/thumbnails/([0-9a-f]{16})\.jpg")


def thumbnail_url(picture: Picture | str | None) -> str:
    """Return the URL of a picture's thumbnail, or "" if the picture has no file.

    A stored picture's file name will do as well. Nothing is queried.
    """
    name = picture if isinstance(picture, str) else getattr(picture, "file", "")
    return media.url(thumbnail_name(name)) if name else ""


def thumbnail_name(file: str) -> str:
    """Return the thumbnail's name, or `file` itself if it is not a stored picture.

    Both are names of media files.
    """
    match = _picture.fullmatch(file)
    return f"{match[1]}/thumbnails/{match[2]}.jpg" if match else file


def make_thumbnails(files: Iterable[str]) -> None:
    """Make the thumbnails that are missing. A picture that cannot be shrunk gets none."""
    names = sorted({thumbnail_name(file) for file in files})
    if len(names) < 2:
        list(map(_make_missing, names))
        return
    # Decoding releases the interpreter's lock. More threads than processors gain nothing.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
        list(threads.map(_make_missing, names))


def _make_missing(name: str) -> None:
    with suppress(MediaStoreError):
        if not media.exists(name):
            make_thumbnail(name)


def make_thumbnail(name: str) -> bool:
    """Make the thumbnail of this name. Return False if that is not possible."""
    match = _thumbnail.fullmatch(name)
    if match is None:
        return False
    try:
        # They are the same picture under several paths.
        picture = next(media.files(f"{match[1]}/pictures/{match[2]}"), None)
        if picture is None:
            return False
        with media.local(picture.name) as file:
            data = _shrunk(file)
        media.put_bytes(name, data)
    except (PictureProblem, *DECODE_ERRORS):
        return False
    return True


def _shrunk(source: Path) -> bytes:
    # Imported here, because that takes a tenth of a second.
    from PIL import Image

    with open_image(read_picture(source)) as opened:
        # A JPEG can be decoded directly at a fraction of its size.
        opened.draft("RGB", (2 * WIDTH, 2 * WIDTH))
        # What the EXIF data say may stand after the picture.
        opened.load()
        picture: Image.Image = opened
        # Not by Pillow's exif_transpose: it also writes the EXIF data, which may be broken.
        turn = _turns.get(orientation_of(opened))
        if turn is not None:
            picture = opened.transpose(turn)
        picture.thumbnail((WIDTH, _TALLEST))
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            ground = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(ground, picture)
        target = io.BytesIO()
        picture.convert("RGB").save(target, "JPEG", quality=82, optimize=True, progressive=True)
        return target.getvalue()
