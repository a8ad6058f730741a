"""Files on their way out: to a folder, or into a zip that is streamed."""

from __future__ import annotations

import fcntl
import glob
import io
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from storybook.media_store import media, sync
from videogen.common.errors import VideogenError

_CHUNK = 1 << 20
# The same story makes the same bytes: no time of today is in the zip.
_DATE = (1980, 1, 1, 0, 0, 0)
_TOKEN = re.compile(r"\.[0-9a-f]{8}", re.ASCII)


class ExportError(VideogenError):
    """The export cannot be written. Nothing was left half done under its name."""


@dataclass(frozen=True)
class OutFile:
    """One file of an export: its name within it, with slashes, and its bytes or the media file that
    has them."""

    name: str
    data: bytes = b""
    source: str = ""

    def chunks(self) -> Iterator[bytes]:
        if not self.source:
            yield self.data
            return
        with media.open(self.source) as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def zip_chunks(files: Iterable[OutFile]) -> Iterator[bytes]:
    """Yield the bytes of a zip of these files. Holds one piece of one file in memory. Videos and
    pictures are packed already, so nothing is packed again."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", zipfile.ZIP_STORED) as archive:
        for each in files:
            info = zipfile.ZipInfo(each.name, _DATE)
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in each.chunks():
                    entry.write(chunk)
                    yield from pipe.take()
            yield from pipe.take()
    yield from pipe.take()


class _Pipe(io.RawIOBase):
    """A file that is only written to, and whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        chunks, self._chunks = self._chunks, []
        yield from chunks


def write_export(files: Iterable[OutFile], output: Path) -> None:
    """Write the files to a zip, or below a folder that is new or empty. The name appears when all
    is written. Raises ExportError.

    A process that is killed leaves a file or a folder with a name of its own beside the output,
    which the next export to the same output removes.
    """
    # What a person reads has the path that they gave.
    given, output = output, output.resolve()
    is_zip = output.suffix.lower() == ".zip"
    if is_zip and output.is_dir():
        raise ExportError(f"{given} is a folder.", code="output")
    if not is_zip and output.is_file():
        raise ExportError(f"{given} is a file: name a folder or a .zip.", code="output")
    if not is_zip and output.is_dir() and any(output.iterdir()):
        raise ExportError(f"{given} is not empty: name a new folder, or a .zip.", code="output")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(output)
        with _temporary(output, is_zip=is_zip) as temporary:
            if is_zip:
                _write_zip(files, temporary)
            else:
                _write_folder(files, temporary)
            temporary.replace(output)
            if is_zip:
                # A story may be wiped because its archive is there.
                sync(output.parent)
    except OSError as error:
        raise ExportError(
            f"{given} cannot be written ({error.strerror or error}).", code="storage"
        ) from error


def _write_zip(files: Iterable[OutFile], target: Path) -> None:
    with target.open("wb") as file:
        for chunk in zip_chunks(files):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _write_folder(files: Iterable[OutFile], target: Path) -> None:
    for each in files:
        path = target / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for chunk in each.chunks():
                file.write(chunk)


@contextmanager
def _temporary(output: Path, *, is_zip: bool) -> Iterator[Path]:
    """Make an empty file or folder beside the output, locked while this process lives, and remove
    it if it is still there in the end."""
    while True:
        # Not the process's number: in a container it is the same each time.
        path = output.with_name(f".{output.name[:100]}.{secrets.token_hex(4)}")
        if is_zip:
            path.touch(exist_ok=False)
        else:
            path.mkdir()
        descriptor = os.open(path, os.O_RDONLY)
        # A disk that knows no locks has no leftovers removed.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            break
        # Another export has taken it for a leftover before it was locked.
        os.close(descriptor)
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _remove_leftovers(output: Path) -> None:
    """Remove what exports to the same output have left that were killed: nobody holds its lock."""
    for path in output.parent.glob(f".{glob.escape(output.name[:100])}.*"):
        if not _TOKEN.fullmatch(path.suffix):
            continue
        # It is another export's, or gone by now.
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
