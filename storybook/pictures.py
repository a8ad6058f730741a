"""Pictures of a story: the meaning of a document's image path, the checks, and the stored files.

The picture that a render was made from must stay as it was. So a stored file has the hash of its
content in its path, and it is never changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from .errors import PictureProblem
from .paths import safe_name

LONGEST_PATH = 1000  # of Picture.path

_exporters_prefixes = (
    ("apps", "story-tree-ui", "public", "generated"),
    ("generated",),
)
_last_bytes = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9"}
_other_kinds = (
    (b"GIF8", 0, "GIF"),
    (b"WEBP", 8, "WebP"),
    (b"BM", 0, "BMP"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
    (b"ftypavif", 4, "AVIF"),
    (b"ftyphei", 4, "HEIC"),
    (b"%PDF", 0, "PDF"),
)


@dataclass(frozen=True)
class PictureFacts:
    mime_type: str
    width: int
    height: int
    byte_size: int
    sha256: str


def normalise_path(path: str) -> str:
    """Return a document's image path as it is stored in `Picture.path`.

    The path is below the bundle's image folder, without the exporter's prefixes. Normalising it
    twice changes nothing. Whether it may be opened is what `path_refusal` says.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while prefix := next((p for p in _exporters_prefixes if tuple(parts[: len(p)]) == p), None):
        parts = parts[len(prefix) :]
    # PostgreSQL cannot store NUL, so the row of a refused path shows a symbol for it.
    normalised = "/".join(parts).replace("\0", "␀")
    if len(normalised) > LONGEST_PATH:
        mark = hashlib.sha256(normalised.encode()).hexdigest()[:8]
        normalised = f"{normalised[: LONGEST_PATH - 9]}…{mark}"
    return normalised


def path_refusal(path: str) -> str:
    """Return why a normalised path must not be opened, or ""."""
    if not path:
        return "The path names no file. Write the picture's path into the document."
    if ".." in path.split("/") or re.match(r"[A-Za-z]:", path):
        return (
            "The path leads out of the bundle's images folder, so it was not opened. "
            "Put the picture into that folder and correct the path."
        )
    if "␀" in path or len(path) == LONGEST_PATH:
        return "The path cannot be a file's name. Correct it in the document."
    return ""


def read_picture(path: str | Path) -> bytes:
    """Return the bytes of a file. Raises PictureProblem unless it is regular and small enough."""
    limit = settings.STORY_PICTURE_MAX_BYTES
    try:
        # Checked before it is opened, because opening a pipe blocks and opening a device may act.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise PictureProblem("This is not a file. Put the picture's file in its place.")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags), "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise PictureProblem(
            f"The file cannot be read ({error.strerror}). Check its permissions or export it again."
        ) from error
    if len(data) > limit:
        raise PictureProblem(
            f"The file is larger than {limit / 1024**2:.4g} MB. "
            "Save the picture smaller, or raise STORY_PICTURE_MAX_MEGABYTES."
        )
    return data


def inspect_picture(source: bytes | str | Path) -> PictureFacts:
    """Decode the whole picture and return its facts. Raises PictureProblem if it is unusable."""
    data = source if isinstance(source, bytes) else read_picture(source)
    if len(data) > settings.STORY_PICTURE_MAX_BYTES:
        raise PictureProblem("The picture has too many bytes. Save it smaller.")
    width, height, mime_type = _decode(data)
    return PictureFacts(
        mime_type=mime_type,
        width=width,
        height=height,
        byte_size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _decode(data: bytes) -> tuple[int, int, str]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        mime_type = "image/png"
    elif data.startswith(b"\xff\xd8\xff"):
        mime_type = "image/jpeg"
    else:
        raise PictureProblem(_kind_problem(data))
    # Importing Pillow takes a tenth of a second, so only what opens pictures does. The two formats
    # are named here: Image.open would try every format that it knows, and would only warn of a
    # picture that is too large.
    from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin

    def opened() -> ImageFile.ImageFile:
        if mime_type == "image/png":
            return PngImagePlugin.PngImageFile(io.BytesIO(data))
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data))

    try:
        with opened() as picture:
            width, height = picture.size
            limit = settings.STORY_PICTURE_MAX_PIXELS
            if width * height > limit:
                raise PictureProblem(
                    f"The picture has {width} × {height} pixels, more than {limit / 10**6:.4g} "
                    "million. Save it smaller, or raise STORY_PICTURE_MAX_MEGAPIXELS."
                )
            picture.load()
        if mime_type == "image/png":
            # load() checks neither the checksums nor what follows the last row.
            with opened() as picture:
                picture.verify()
        if _last_bytes[mime_type] not in data:
            raise OSError("the end is missing")
    except (
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        EOFError,
        MemoryError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise PictureProblem(
            "The picture is damaged or cut short: it cannot be decoded. Export it again."
        ) from error
    return width, height, mime_type


def _kind_problem(data: bytes) -> str:
    if not data:
        return "The file is empty. Export the picture again."
    for signature, offset, name in _other_kinds:
        if data.startswith(signature, offset):
            return f"This is a {name} file whatever its name says. Save it as PNG or JPEG."
    return "The file is neither PNG nor JPEG whatever its name says. Save it as PNG or JPEG."


class PictureStore:
    """Stores the pictures of one import. `discard()` removes what it wrote, and only that."""

    def __init__(self, story_id: str) -> None:
        self.root = Path(settings.MEDIA_ROOT)
        self.folder = f"{safe_name(story_id)}/pictures"
        self._files: list[Path] = []
        self._folders: list[Path] = []

    def store(self, path: str, data: bytes, sha256: str) -> str:
        """Store the bytes and return the file's name relative to MEDIA_ROOT.

        A complete file that exists already stays untouched. Thread-safe.
        """
        name = f"{self.folder}/{sha256[:16]}/{_stored_path(path)}"
        target = self.root / name
        try:
            found = target.stat().st_size
        except FileNotFoundError:
            found = None
        if found == len(data):
            return name
        self._make_folder(target.parent)
        temporary = target.parent / f".{uuid.uuid4().hex}.part"
        try:
            temporary.write_bytes(data)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        # A file of another size was damaged, and the repair must not be undone by discard().
        if found is None:
            self._files.append(target)
        return name

    def discard(self) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)
        for folder in sorted(self._folders, key=lambda folder: -len(folder.parts)):
            try:
                folder.rmdir()
            except OSError:
                continue  # it contains files of somebody else
        self._files.clear()
        self._folders.clear()

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        try:
            folder.mkdir()
        except FileExistsError:
            return  # another thread was faster
        self._folders.append(folder)


def _stored_path(path: str) -> str:
    stored = "/".join(safe_name(part) for part in path.split("/"))
    # Each of many short components may have grown by a mark, so the whole can be too long.
    return stored if len(stored.encode()) <= LONGEST_PATH else safe_name(path)
