"""A zipped story bundle. It may come from anywhere, so all of it is checked before unpacking."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from django.conf import settings

from storybook.errors import BundleError

STORY_FILE = "story.json"

_small_enough_for_any_ratio = 1024**2
_methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_unicode_name = 0x800
_encrypted = 0x1 | 0x40
_chunk = 1024**2


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the archive into the empty folder and return the story.json in it.

    Raises BundleError if it is not a zip, is damaged, or holds what does not belong in a bundle.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
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
        raise BundleError([f"{archive.name}: not a zip, or a damaged one ({error})"]) from error
    except OSError as error:
        raise BundleError([f"{archive.name}: cannot be unpacked ({error.strerror})"]) from error
    return folder / story


def _checked_files(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries to unpack, by the names that their files get."""
    entries = archive.infolist()
    if len(entries) > settings.STORY_ZIP_MAX_FILES:
        raise BundleError(
            [f"the zip holds {len(entries)} entries, more than {settings.STORY_ZIP_MAX_FILES}"]
        )
    problems = []
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _name(entry)
        if problem := _entry_problem(entry, name):
            problems.append(f"{name}: {problem}")
            continue
        path = PurePosixPath(name)
        if entry.is_dir() or name.endswith("/") or _is_ignored(path):
            continue
        if str(path) in files:
            problems.append(f"{path}: twice in the zip")
        files[str(path)] = entry
    total = sum(entry.file_size for entry in entries)
    if total > settings.STORY_ZIP_MAX_BYTES:
        problems.append(_too_much(total))
    if problems:
        raise BundleError(problems)
    return files


def _name(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if not entry.flag_bits & _unicode_name:
        # Archivers on macOS write UTF-8 without its flag, and zipfile reads it as code page 437.
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = entry.filename
    return name.replace("\\", "/")


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
    """Whether this is a file that an operating system has left in the archive."""
    return any(part == "__MACOSX" or part.startswith(".") for part in path.parts)


def _story_file(files: dict[str, zipfile.ZipInfo]) -> str:
    found = [
        name
        for name in files
        if PurePosixPath(name).name == STORY_FILE and "images" not in PurePosixPath(name).parts
    ]
    if not found:
        raise BundleError([f"{STORY_FILE}: missing in the zip"])
    if len(found) > 1:
        raise BundleError([f"{STORY_FILE}: the zip holds several: {', '.join(sorted(found))}"])
    return found[0]


def _write(archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    # The sizes in the archive's directory may be false, so the real bytes are counted.
    left = settings.STORY_ZIP_MAX_BYTES
    for name, entry in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as packed, open(target, "xb") as file:
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
