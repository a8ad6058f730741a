"""The file of an archive: a zip in which nothing is packed, and a manifest of it.

Videos and pictures are packed already, and what is not packed cannot unpack to more than it is:
an archive never unpacks to more than its own size, whoever made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ArchiveError
from .tables import TABLES, Table

FORMAT = "videogen-story-archive"
VERSION = 1
MANIFEST = "manifest.json"
MEDIA = "media/"

# Bounds of what is read into memory, from a file that anybody may have made.
MOST_FILES = 500_000
LARGEST_MANIFEST = 256 << 20
LONGEST_LINE = 64 << 20
_CHUNK = 1 << 20
_ENCRYPTED = 0x1 | 0x40


def rows_name(table: Table) -> str:
    return f"rows/{table.label}.jsonl"


@dataclass(frozen=True)
class Entry:
    """A file of the archive, as its manifest has it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive has. rows: how many of each table. missing: media files that rows name and
    that were not there. left_out: how many of what is not in it, by code."""

    story_id: str
    title: str
    rows: dict[str, int]
    entries: tuple[Entry, ...]
    missing: tuple[str, ...] = ()
    left_out: dict[str, int] | None = None

    def as_bytes(self) -> bytes:
        value = {
            "format": FORMAT,
            "version": VERSION,
            "story": {"story_id": self.story_id, "title": self.title},
            "rows": self.rows,
            "files": [
                {"name": each.name, "bytes": each.size, "sha256": each.sha256}
                for each in self.entries
            ],
            "missing_files": list(self.missing),
            "left_out": self.left_out or {},
        }
        return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """Raises ArchiveError."""
        try:
            value = json.loads(data)
            if value["format"] != FORMAT:
                raise ValueError("another format")
            version = int(value["version"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise not_an_archive("its manifest is not that of a story archive") from error
        if version != VERSION:
            raise ArchiveError(
                f"The archive has version {version} of the format, and this is version {VERSION}: "
                "restore it with the videogen that made it.",
                code="other_version",
            )
        try:
            entries = [
                Entry(str(each["name"]), int(each["bytes"]), str(each["sha256"]))
                for each in value["files"]
            ]
            return cls(
                str(value["story"]["story_id"]),
                str(value["story"]["title"]),
                {str(name): int(count) for name, count in value["rows"].items()},
                tuple(entries),
                tuple(map(str, value["missing_files"])),
                {str(name): int(count) for name, count in value["left_out"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise not_an_archive("its manifest is incomplete") from error

    @property
    def media(self) -> list[Entry]:
        return [each for each in self.entries if each.name.startswith(MEDIA)]


class ArchiveFile:
    """An archive that is open, whose directory and manifest agree and stay within the bounds. What
    its files hold is compared with the manifest when they are read."""

    def __init__(self, path: Path, zipped: zipfile.ZipFile) -> None:
        self._zipped = zipped
        self._infos = _checked(path, zipped)
        info = self._infos.pop(MANIFEST, None)
        if info is None:
            raise not_an_archive(f"it has no {MANIFEST}")
        if info.file_size > LARGEST_MANIFEST:
            raise not_an_archive("its manifest is too long")
        with self._zipped.open(info) as file:
            self.manifest = Manifest.read(file.read())
        self._entries = {each.name: each for each in self.manifest.entries}
        self._compare()

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield what the file holds. Raises ArchiveError at its end if it is not what the manifest
        says: whatever was done with it is not to be kept."""
        digest = hashlib.sha256()
        with self._zipped.open(self._infos[name]) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                yield chunk
        self._check(name, digest.hexdigest())

    def lines(self, table: Table) -> Iterator[Any]:
        """Yield the rows of the table as JSON. Raises ArchiveError."""
        name = rows_name(table)
        if name not in self._infos:
            return
        digest, number = hashlib.sha256(), 0
        with self._zipped.open(self._infos[name]) as file:
            while line := file.readline(LONGEST_LINE + 1):
                digest.update(line)
                number += 1
                if len(line) > LONGEST_LINE:
                    raise _damaged(f"{name}, line {number}: longer than any row")
                try:
                    value = json.loads(line, parse_constant=_refuse_constant)
                except (ValueError, RecursionError) as error:
                    raise _damaged(f"{name}, line {number}: not JSON") from error
                yield value
        self._check(name, digest.hexdigest())
        if number != self.manifest.rows.get(table.label):
            raise _damaged(f"{name}: not as many rows as the manifest says")

    def verify(self, *, media: bool = True) -> None:
        """Read the rows, and the media files unless told otherwise. Raises ArchiveError if
        something is not as the manifest says."""
        for name in self._infos:
            if media or not name.startswith(MEDIA):
                for _ in self.chunks(name):
                    pass

    def _check(self, name: str, sha256: str) -> None:
        if sha256 != self._entries[name].sha256:
            raise _damaged(f"{name}: not what was archived")

    def _compare(self) -> None:
        if len(self._entries) != len(self.manifest.entries):
            raise _damaged("a file stands twice in the manifest")
        known = {rows_name(each) for each in TABLES}
        for name, info in self._infos.items():
            if name not in self._entries:
                raise _damaged(f"{name}: not in the manifest")
            if info.file_size != self._entries[name].size:
                raise _damaged(f"{name}: another size than the manifest says")
            if not name.startswith(MEDIA) and name not in known:
                raise not_an_archive(f"this version does not know {name}")
        for table in TABLES:
            name = rows_name(table)
            size = self._entries[name].size if name in self._entries else 0
            if not 0 <= self.manifest.rows.get(table.label, 0) <= size:
                raise _damaged(f"{name}: not as many rows as the manifest says")
        if more := sorted(self.manifest.rows.keys() - {each.label for each in TABLES}):
            raise not_an_archive(f"this version does not know {more[0]}")
        if gone := sorted(self._entries.keys() - self._infos.keys()):
            raise _damaged(f"{gone[0]}: missing in the zip")


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveFile]:
    """Open the archive. Raises ArchiveError, also for what goes wrong while it is read."""
    try:
        with zipfile.ZipFile(path) as zipped:
            yield ArchiveFile(path, zipped)
    except (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError) as error:
        raise _damaged(f"{path.name}: not a zip, or a cut or damaged one ({error})") from error
    except FileNotFoundError as error:
        raise ArchiveError(f"There is no file {path}.", code="output") from error


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(path: Path, zipped: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = zipped.infolist()
    if len(infos) > MOST_FILES:
        raise not_an_archive(f"it has more than {MOST_FILES:,} files")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if problem := _problem(info):
            raise not_an_archive(f"{info.filename[:200]!r}: {problem}")
        if info.filename in found:
            raise not_an_archive(f"{info.filename}: twice in the zip")
        found[info.filename] = info
    # Where files share their bytes, they are together larger than the zip.
    if sum(each.file_size for each in infos) > os.path.getsize(path):
        raise not_an_archive("its files are larger than it is")
    return found


def _problem(info: zipfile.ZipInfo) -> str:
    name = info.filename
    if is_absurd(name.removeprefix(MEDIA)) or info.orig_filename != name:
        return "no name of an archive's file"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "not a file"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "packed, and nothing is packed in an archive"
    return ""


def is_absurd(name: str) -> bool:
    """Whether this is no name of a media file: it leads elsewhere, or is hidden."""
    parts = name.split("/")
    return (
        not name
        or len(name) > 1500
        or any(not each or each.startswith(".") or each != each.strip("\0") for each in parts)
        or any(ord(char) < 32 for char in name)
        or ":" in parts[0]
    )


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def not_an_archive(words: str) -> ArchiveError:
    return ArchiveError(f"This is not a story archive: {words}.", code="not_an_archive")


def _damaged(words: str) -> ArchiveError:
    return ArchiveError(f"The archive is damaged: {words}.", code="damaged")
