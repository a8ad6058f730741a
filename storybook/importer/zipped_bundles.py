"""A zipped story bundle. It may come from anywhere, so all of it is checked before unpacking."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from django.conf import settings

from storybook.errors import BundleError, Problems
from storybook.near_names import folded

STORY_FILE = "story.json"

_small_enough_for_any_ratio = 1024**2
_methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_unicode_name = 0x800
_unicode_path_field = 0x7075
_encrypted = 0x1 | 0x40
_chunk = 1024**2


def unpack(bundle: Path, folder: Path) -> Path:
    """Unpack the bundle into the empty folder and return the story.json in it.

    Raises BundleError if it is not a zip, is damaged, or holds what does not belong in a bundle.
    """
    try:
        with zipfile.ZipFile(bundle) as opened:
            files = _checked_files(opened)
            story = _story_file(files)
            _write(opened, files, folder)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
        ArithmeticError,
    ) as error:
        raise BundleError([f"{bundle.name}: not a zip, or a damaged one ({error})"]) from error
    except OSError as error:
        raise BundleError([f"{bundle.name}: cannot be unpacked ({error.strerror})"]) from error
    return folder / story


def doubtful_names(bundle: Path) -> tuple[str, ...]:
    """Return the names in a bundle that could be unpacked which may be wrong: they are neither
    marked as UTF-8 nor plain ASCII, so their code page is a guess."""
    with zipfile.ZipFile(bundle) as opened:
        return tuple(_name(entry) for entry in opened.infolist() if _is_doubtful(entry))


def _checked_files(opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries to unpack, by the names that their files get."""
    entries = opened.infolist()
    if len(entries) > settings.STORY_ZIP_MAX_FILES:
        raise BundleError(
            [f"the zip holds {len(entries)} entries, more than {settings.STORY_ZIP_MAX_FILES}"]
        )
    problems = Problems()
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _name(entry)
        if problem := _entry_problem(entry, name):
            problems.add(f"{name}: {problem}")
            continue
        path = PurePosixPath(name)
        if entry.is_dir() or name.endswith("/") or _is_ignored(path):
            continue
        if str(path) in files:
            problems.add(f"{path}: twice in the zip")
        files[str(path)] = entry
    total = sum(entry.file_size for entry in entries)
    if total > settings.STORY_ZIP_MAX_BYTES:
        problems.add(_too_much(total))
    problems.refuse_if_any()
    return files


def _name(entry: zipfile.ZipInfo) -> str:
    # Archivers on macOS write UTF-8 without its flag, and zipfile reads it as code page 437.
    name = _unicode_path(entry) or _as_utf8(entry) or entry.filename
    return name.replace("\\", "/")


def _is_doubtful(entry: zipfile.ZipInfo) -> bool:
    # Short names in GBK can be read as UTF-8 as well, so that is a guess, too.
    is_told = entry.flag_bits & _unicode_name or entry.filename.isascii()
    return not (is_told or _unicode_path(entry))


def _as_utf8(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & _unicode_name:
        return ""
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return ""


def _unicode_path(entry: zipfile.ZipInfo) -> str:
    """Return the name in the extra field 0x7075, or "".

    Archivers write it where the name itself is in a code page of its own. It counts only if its
    checksum is that of this name: a tool that renames entries may leave an old field behind.
    """
    if entry.flag_bits & _unicode_name:
        return ""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind != _unicode_path_field or len(field) != length or length < 6 or field[0] != 1:
            continue
        try:
            given = entry.orig_filename.encode("cp437")
            if zlib.crc32(given) == int.from_bytes(field[1:5], "little"):
                return field[5:].decode()
        except UnicodeError:
            continue
    return ""


def _entry_problem(entry: zipfile.ZipInfo, name: str) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return "the path leads out of the bundle"
    if kind == stat.S_IFLNK:
        return "a symbolic link; put the file itself into the zip"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "not a file"
    if entry.flag_bits & _encrypted:
        return "encrypted; make the zip without a password"
    if entry.compress_type not in _methods:
        return "compressed in an unusual way; make the zip with the usual one (deflate)"
    if (
        entry.file_size > _small_enough_for_any_ratio
        and entry.file_size > entry.compress_size * settings.STORY_ZIP_MAX_RATIO
    ):
        return f"unpacks to more than {settings.STORY_ZIP_MAX_RATIO} times its size"
    return ""


def _is_ignored(path: PurePosixPath) -> bool:
    """Whether this is a file that an operating system has left in the zip."""
    return any(part == "__MACOSX" or part.startswith(".") for part in path.parts)


def _story_file(files: dict[str, zipfile.ZipInfo]) -> str:
    found = [
        name
        for name in files
        if PurePosixPath(name).name == STORY_FILE and "images" not in PurePosixPath(name).parts
    ]
    if not found:
        raise BundleError([f"{STORY_FILE}: missing in the zip{_found_instead(files)}"])
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:10])
        raise BundleError([f"{STORY_FILE}: the zip holds several: {shown}"])
    return found[0]


def _found_instead(files: dict[str, zipfile.ZipInfo]) -> str:
    """Return what the zip holds where a story.json should be, as the end of a sentence."""
    for name in sorted(files):
        if folded(PurePosixPath(name).name) == STORY_FILE:
            return f"; there is {_short(name)}: rename it to {STORY_FILE}"
    documents = [name for name in sorted(files) if name.lower().endswith((".json", ".zip"))]
    shown = ", ".join(_short(name) for name in documents[:5])
    return f"; it holds {shown}" if shown else ""


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"…{name[-99:]}"


def _write(opened: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    # The sizes in the zip's directory may be false, so the real bytes are counted.
    left = settings.STORY_ZIP_MAX_BYTES
    for name, entry in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(entry) as packed, open(target, "xb") as file:
            while chunk := packed.read(_chunk):
                left -= len(chunk)
                if left < 0:
                    raise BundleError([_too_much(settings.STORY_ZIP_MAX_BYTES - left)])
                file.write(chunk)


def _too_much(total: int) -> str:
    return (
        f"the zip unpacks to {total / 1024**2:.0f} MB; STORY_ZIP_MAX_MEGABYTES "
        f"({settings.STORY_ZIP_MAX_BYTES / 1024**2:.4g}) is the limit"
    )
