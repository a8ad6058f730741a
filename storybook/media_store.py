"""The media: pictures and thumbnails, takes and posters, films. They lie in the folder MEDIA_ROOT,
or in the object store that MEDIA_STORE_URL names. Everybody else knows them by their names, which
are paths with slashes, relative to either of them.

Where an object store has the media, MEDIA_ROOT is the folder of what is being worked on: downloads
that are not complete, parts of films.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.encoding import filepath_to_uri

_CHUNK = 1 << 20


class MediaStoreError(OSError):
    """The object store did not do what it was asked. Nothing is lost: what was to be stored is
    still where it was.

    code: "store_away" (no answer, or it has trouble of its own), "store_refused" (its answer is
    that we may not), or "store_damaged" (what it has is not what it was given).
    """

    def __init__(self, sentence: str, *, code: str) -> None:
        super().__init__(errno.EIO, sentence)
        self.code = code


@dataclass(frozen=True)
class Listed:
    """A file in a listing. modified: seconds since 1970."""

    name: str
    size: int
    modified: float


class MediaStore(Protocol):
    """What a place of media can do. Missing files are FileNotFoundError, and all trouble is an
    OSError; that of an object store is a MediaStoreError."""

    is_remote: bool

    def put(
        self, name: str | Path, file: Path, *, sha256: str = "", keeps_file: bool = False
    ) -> None:
        """Store a finished local file under this name, at once or not at all. It has been stored
        and verified when this returns, and the local file is gone, unless keeps_file.

        sha256: of the file, if it is known.
        """

    def put_bytes(self, name: str | Path, data: bytes) -> None:
        """Store these bytes under this name, at once or not at all."""

    def open(self, name: str, mode: str = "rb") -> File[bytes]: ...
    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def sha256(self, name: str) -> str:
        """Return the checksum of what is stored."""

    def delete(self, name: str) -> None:
        """Remove the file, if it is there."""

    def url(self, name: str | None) -> str:
        """Return the address of the view that checks who may see the file (views/media.py)."""

    def local(self, name: str | Path) -> AbstractContextManager[Path]:
        """Lend the file as one on this machine, for what reads files only. It is not to be
        changed."""

    def files(self, folder: str = "") -> Iterator[Listed]:
        """List the complete files below the folder, or all of them."""

    def folders(self) -> list[str]:
        """Return the names of the top folders."""

    def probe(self) -> None:
        """Raise MediaStoreError if the object store cannot be used."""


media = cast(MediaStore, default_storage)


def is_offered(name: str) -> bool:
    """Whether a page should offer this file, which a row names. A folder is looked at. An object
    store is not asked, because a page of a hundred takes would wait for a hundred answers: a row
    names a file only after the store has it."""
    return bool(name) and (media.is_remote or media.exists(name))


def place_of(name: str) -> str:
    """Return where the media of this name lie, for whoever runs the installation."""
    if media.is_remote:
        return f"{settings.MEDIA_STORE_URL.rstrip('/')}/{name}"
    return str(Path(settings.MEDIA_ROOT) / name)


def partial_folder() -> Path:
    """Return the folder of temporary files. It is below MEDIA_ROOT, because the move to the media
    there must stay on one file system."""
    return Path(settings.MEDIA_ROOT) / ".partial"


class MediaFolder(FileSystemStorage):
    """The folder of the media, by default MEDIA_ROOT."""

    is_remote = False

    def put(
        self, name: str | Path, file: Path, *, sha256: str = "", keeps_file: bool = False
    ) -> None:
        final = Path(self.path(str(name)))
        # Fails if the storage has gone since: no folders are made in its place then.
        file.stat()
        final.parent.mkdir(parents=True, exist_ok=True)
        if keeps_file or file.stat().st_dev != final.parent.stat().st_dev:
            with _beside(final) as copy:
                shutil.copyfile(file, copy)
                sync(copy)
                copy.replace(final)
            if not keeps_file:
                file.unlink()
        else:
            sync(file)
            file.replace(final)
        sync(final.parent)

    def url(self, name: str | None) -> str:
        # Pages name hundreds of files. Django would ask of each whether it leads elsewhere, to
        # another host or out of the folder, which no name of ours does.
        return f"{self.base_url}{filepath_to_uri(name or '').lstrip('/')}"

    def put_bytes(self, name: str | Path, data: bytes) -> None:
        final = Path(self.path(str(name)))
        try:
            self._write(final, data)
        except FileNotFoundError:
            # Somebody has just removed the folder, because it was empty.
            self._write(final, data)

    def delete(self, name: str) -> None:
        """Remove the file, and the folders that are empty then."""
        super().delete(name)
        for folder in list(Path(name).parents)[:-1]:
            try:
                Path(self.path(str(folder))).rmdir()
            except OSError:
                break  # it contains other files

    def sha256(self, name: str) -> str:
        with self.open(name) as file:
            return sha256_of(file)

    @contextmanager
    def local(self, name: str | Path) -> Iterator[Path]:
        yield Path(self.path(str(name)))

    def files(self, folder: str = "") -> Iterator[Listed]:
        root = Path(self.base_location)
        for place, folders, names in os.walk(root / folder):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for each in sorted(names):
                path = Path(place, each)
                # A file that is not complete has a dot at the start of its name.
                if each.startswith(".") or not path.is_file():
                    continue
                with suppress(FileNotFoundError):
                    facts = path.stat()
                    name = path.relative_to(root).as_posix()
                    yield Listed(name, facts.st_size, facts.st_mtime)

    def folders(self) -> list[str]:
        root = Path(self.base_location)
        if not root.is_dir():
            return []
        return sorted(
            each.name for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")
        )

    def probe(self) -> None:
        pass

    def _write(self, final: Path, data: bytes) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _beside(final) as copy:
            copy.write_bytes(data)
            copy.replace(final)


@contextmanager
def _beside(final: Path) -> Iterator[Path]:
    temporary = final.parent / f".{uuid.uuid4().hex}.part"
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk: they outlast a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
