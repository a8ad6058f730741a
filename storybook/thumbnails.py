"""Small copies of the stored pictures, for pages that show many of them.

Each is made once, when its picture arrives; one that is missing all the same is made when it is
first asked for. Like the pictures they are named by content, so they never go stale:
`<story>/pictures/<sha16>/…` has its thumbnail in `<story>/thumbnails/<sha16>.jpg`.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from .models import Picture

WIDTH = 480
_TALLEST = 1920
_THREADS = 4

_picture = re.compile(r"([^/.][^/]*)/pictures/([0-9a-f]{16})/.+")
_thumbnail = re.compile(r"([^/.][^/]*)/thumbnails/([0-9a-f]{16})\.jpg")


def thumbnail_url(picture: Picture | str | None) -> str:
    """Of a picture or of a stored picture's file name; "" where there is no file. It reads nothing
    but `picture.file`, and queries nothing."""
    name = picture if isinstance(picture, str) else getattr(picture, "file", "")
    return default_storage.url(thumbnail_name(name)) if name else ""


def thumbnail_name(file: str) -> str:
    """Relative to MEDIA_ROOT, as `file` is; a file that is no stored picture is its own."""
    match = _picture.fullmatch(file)
    return f"{match[1]}/thumbnails/{match[2]}.jpg" if match else file


def make_thumbnails(files: Iterable[str]) -> None:
    """Of those stored pictures that have none yet. A picture that cannot be shrunk goes without."""
    root = Path(settings.MEDIA_ROOT)
    names = {thumbnail_name(file) for file in files}
    missing = sorted(name for name in names if not (root / name).exists())
    if len(missing) < 2:
        list(map(make_thumbnail, missing))
        return
    # Decoding lets other threads run; more of them than processors gain nothing.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
        list(threads.map(make_thumbnail, missing))


def make_thumbnail(name: str) -> bool:
    """Makes the thumbnail of that name, if it is one's and its picture is there and whole."""
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
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True


def _any_file(folder: Path) -> Path | None:
    """The same picture can lie there under several paths."""
    found = (file for file in sorted(folder.rglob("*")) if not file.name.startswith("."))
    return next((file for file in found if file.is_file()), None)


def _shrink(source: Path, target: Path) -> None:
    # Imported here: a tenth of a second.
    from PIL import Image, ImageOps

    with Image.open(source, formats=("PNG", "JPEG")) as opened:
        # A JPEG is decoded at a fraction of its size at once.
        opened.draft("RGB", (2 * WIDTH, 2 * WIDTH))
        picture = ImageOps.exif_transpose(opened)
        picture.thumbnail((WIDTH, _TALLEST))
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            ground = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(ground, picture)
        picture.convert("RGB").save(target, "JPEG", quality=82, optimize=True, progressive=True)
