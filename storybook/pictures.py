"""Pictures of a story: the checks, and the stored files. Their paths are in picture_paths.py.

The picture that a render was made from must stay as it was. So a stored file has the hash of its
content in its path, and it is never changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import time
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from .errors import PictureProblem
from .media_store import media
from .paths import safe_name
from .picture_flaws import PictureFlaw
from .picture_paths import LONGEST_PATH

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

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
# What Pillow raises for files that were made to break it, or just broke. (A picture with too many
# pixels may also be a warning that somebody has turned into an error.)
DECODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)

# A picture with a shorter side shows nothing.
_shortest_side = 4
# One with a shorter side is usable, and hardly anything is to be seen in it.
_least_pixels = 50
# Progressive JPEGs have about ten scans. A thousand in a small file take half a minute.
_most_scans = 100
_decode_seconds = 30.0
_decode_block = 16 * 1024
_orientation_tag = 0x0112
_turned = {
    2: "mirrored",
    3: "upside down",
    4: "mirrored and upside down",
    5: "mirrored and turned by 90°",
    6: "turned by 90°",
    7: "mirrored and turned by 90°",
    8: "turned by 90°",
}


@dataclass(frozen=True)
class PictureFacts:
    """Width and height are those of the picture as it is seen.

    `flaws` are codes of PictureFlaw with their parameters, as they are stored.
    """

    mime_type: str
    width: int
    height: int
    byte_size: int
    sha256: str
    flaws: list[dict[str, Any]] = field(default_factory=list)


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
    width, height, mime_type, flaws = _decode(data)
    return PictureFacts(
        mime_type=mime_type,
        width=width,
        height=height,
        byte_size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        flaws=flaws,
    )


class _WithDeadline(io.BytesIO):
    """A file in memory that cannot be read any more when its time is up."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._ends_at = time.monotonic() + _decode_seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._ends_at:
            raise PictureProblem(
                f"Decoding the picture takes longer than {_decode_seconds:.0f} seconds. "
                "Save it again in the usual way."
            )
        return super().read(size)


def open_image(data: bytes) -> ImageFile:
    """Open a PNG or JPEG that can be decoded within bounds. Raises PictureProblem or DECODE_ERRORS.

    The two formats are named here: Image.open would try every format that it knows, and would only
    warn of a picture that is too large.
    """
    # Importing Pillow takes a tenth of a second, so only what opens pictures does.
    from PIL import JpegImagePlugin, PngImagePlugin

    # Pillow tells the terminal of broken EXIF data. They are no reason to refuse a picture.
    warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
    picture: ImageFile
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        picture = PngImagePlugin.PngImageFile(_WithDeadline(data))
    elif data.startswith(b"\xff\xd8\xff"):
        # A scan begins with these two bytes, which cannot occur within one.
        if (scans := data.count(b"\xff\xda")) > _most_scans:
            raise PictureProblem(
                f"The picture is saved in {scans} scans, which takes too long to decode. "
                "Save it again as a usual JPEG."
            )
        picture = JpegImagePlugin.JpegImageFile(_WithDeadline(data))
    else:
        raise PictureProblem(_kind_problem(data))
    width, height = picture.size
    limit = settings.STORY_PICTURE_MAX_PIXELS
    if width * height > limit:
        raise PictureProblem(
            f"The picture has {width} × {height} pixels, more than {limit / 10**6:.4g} "
            "million. Save it smaller, or raise STORY_PICTURE_MAX_MEGAPIXELS."
        )
    # The deadline is looked at before each block.
    picture.decodermaxblock = _decode_block
    return picture


def orientation_of(picture: ImageFile) -> int:
    """Return how the picture's EXIF data say that it is turned, from 1 (not at all) to 8."""
    try:
        found = picture.getexif().get(_orientation_tag, 1)
    except DECODE_ERRORS:
        return 1  # viewers do not read broken EXIF data either
    return found if isinstance(found, int) and found in _turned else 1


def _decode(data: bytes) -> tuple[int, int, str, list[dict[str, Any]]]:
    is_png = data.startswith(b"\x89PNG")
    mime_type = "image/png" if is_png else "image/jpeg"
    try:
        with open_image(data) as picture:
            picture.load()
            turned = orientation_of(picture)
            width, height = picture.size if turned < 5 else picture.size[::-1]
            is_blank = _is_transparent(picture)
            flaws = _flaws(picture, width, height, turned)
        if is_png:
            # load() checks neither the checksums nor what follows the last row.
            with open_image(data) as picture:
                picture.verify()
        if _last_bytes[mime_type] not in data:
            raise OSError("the end is missing")
    except DECODE_ERRORS as error:
        raise PictureProblem(
            "The picture is damaged or cut short: it cannot be decoded. Export it again."
        ) from error
    if min(width, height) < _shortest_side:
        raise PictureProblem(
            f"The picture has {width} × {height} pixels, so nothing can be seen in it. "
            "Export it in its real size."
        )
    if is_blank:
        raise PictureProblem(
            "The picture is wholly transparent, so nothing can be seen in it. Export it again."
        )
    return width, height, mime_type, flaws


def _is_transparent(picture: ImageFile) -> bool:
    """Whether nothing of the decoded picture can be seen."""
    if not picture.has_transparency_data or getattr(picture, "n_frames", 1) > 1:
        return False
    try:
        alphas = picture if "A" in picture.getbands() else picture.convert("RGBA")
        _, most = alphas.getchannel("A").getextrema()
    except ValueError:  # a mode that has no way to RGBA
        return False
    return most == 0


def _flaws(picture: ImageFile, width: int, height: int, turned: int) -> list[dict[str, Any]]:
    found: list[tuple[PictureFlaw, dict[str, Any]]] = []
    if min(width, height) < _least_pixels:
        params = {"width": width, "height": height, "least": _least_pixels}
        found.append((PictureFlaw.TINY, params))
    if turned != 1:
        found.append((PictureFlaw.TURNED, {"how": _turned[turned]}))
    if picture.mode == "CMYK":
        found.append((PictureFlaw.CMYK, {}))
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        found.append((PictureFlaw.ANIMATED, {"frames": frames}))
    if "mpoffset" in picture.info:
        found.append((PictureFlaw.SEVERAL_PICTURES, {}))
    return [{"code": flaw.value, "params": params} for flaw, params in found]


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
        self.folder = f"{safe_name(story_id)}/pictures"
        self._names: list[str] = []

    def store(self, path: str, data: bytes, sha256: str) -> str:
        """Store the bytes and return the name of the media file.

        A complete file that exists already stays untouched. Thread-safe.
        """
        name = f"{self.folder}/{sha256[:16]}/{_stored_path(path)}"
        try:
            found = media.size(name)
        except FileNotFoundError:
            found = None
        if found == len(data):
            return name
        media.put_bytes(name, data)
        # A file of another size was damaged, and the repair must not be undone by discard().
        if found is None:
            self._names.append(name)
        return name

    def discard(self) -> None:
        while self._names:
            media.delete(self._names.pop())


def _stored_path(path: str) -> str:
    stored = "/".join(safe_name(part) for part in path.split("/"))
    # Each of many short components may have grown by a mark, so the whole can be too long.
    return stored if len(stored.encode()) <= LONGEST_PATH else safe_name(path)
