"""Small copies of the stored pictures, for pages that show many of them.

A thumbnail is made once, when its picture arrives, or else when it is first requested. Like the
picture it is named by content, so it is never out of date: the thumbnail of
`<story>/pictures/<sha16>/…` is `<story>/thumbnails/<sha16>.jpg`.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage

from .errors import PictureProblem
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
    return default_storage.url(thumbnail_name(name)) if name else ""


def thumbnail_name(file: str) -> str:
    """Return the thumbnail's name, or `file` itself if it is not a stored picture.

    Both are relative to MEDIA_ROOT.
    """
    match = _picture.fullmatch(file)
    return f"{match[1]}/thumbnails/{match[2]}.jpg" if match else file


def make_thumbnails(files: Iterable[str]) -> None:
    """Make the thumbnails that are missing. A picture that cannot be shrunk gets none."""
    root = Path(settings.MEDIA_ROOT)
    names = {thumbnail_name(file) for file in files}
    missing = sorted(name for name in names if not (root / name).exists())
    if len(missing) < 2:
        list(map(make_thumbnail, missing))
        return
    # Decoding releases the interpreter's lock. More threads than processors gain nothing.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
        list(threads.map(make_thumbnail, missing))


def make_thumbnail(name: str) -> bool:
    """Make the thumbnail of this name. Return False if that is not possible."""
    match = _thumbnail.fullmatch(name)
    if match is None:
        return False
    root = Path(settings.MEDIA_ROOT)
    picture = _any_file(root / match[1] / "pictures" / match[2])
    if picture is None:
        return False
    target = root / name
    temporary = target.parent / f".{uuid.uuid4().hex}.part"
    try:
        target.parent.mkdir(exist_ok=True)
        _shrink(picture, temporary)
        os.replace(temporary, target)
    except (PictureProblem, *DECODE_ERRORS):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True


def _any_file(folder: Path) -> Path | None:
    """Return any file in the folder: they are the same picture under several paths."""
    found = (file for file in sorted(folder.rglob("*")) if not file.name.startswith("."))
    return next((file for file in found if file.is_file()), None)


def _shrink(source: Path, target: Path) -> None:
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
        picture.convert("RGB").save(target, "JPEG", quality=82, optimize=True, progressive=True)
