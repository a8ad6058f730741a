"""Write a story as an archive: its rows in one snapshot of the database, then its files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from storybook.media_store import media
from storybook.models import Story
from storybook.paths import safe_name
from videogen.exports.files import ExportError, OutFile, write_export
from videogen.models import RenderBatch, VideoRender
from videogen.models.states import OPEN
from videogen.takes.storage import kept_renders

from .archive_file import (
    MANIFEST,
    MEDIA,
    Entry,
    Manifest,
    open_archive,
    rows_name,
    sha256_of_file,
)
from .errors import ArchiveError
from .rows import RowWriter
from .tables import TABLES, Table

# Folders of a story whose files can be made again from the others.
_DERIVED = ("thumbnails/", "films/segments/")


@dataclass(frozen=True)
class Archived:
    """An archive that was written and read back. people: user names that it has, and no more of
    the people. bytes and sha256 are those of the file."""

    path: Path
    manifest: Manifest
    people: tuple[str, ...]
    bytes: int
    sha256: str


def archive_story(story: Story, path: Path) -> Archived:
    """Write the archive, and read it back. The file appears when all of it is there. The same story
    gives the same bytes. Raises ArchiveError."""
    if path.suffix.lower() != ".zip":
        raise ArchiveError(f"{path}: name a file that ends in .zip.", code="output")
    if path.exists():
        raise ArchiveError(f"{path} is there already. It is not overwritten.", code="output")
    writing = _Writing(story)
    try:
        # However it ends, the snapshot of the database ends with it.
        with closing(writing.files()) as files:
            write_export(files, path)
    except ExportError as error:
        raise ArchiveError(error.sentence, code=error.code) from error
    with open_archive(path) as archive:
        archive.verify()
        manifest = archive.manifest
    return Archived(
        path,
        manifest,
        tuple(sorted(writing.rows.people)),
        path.stat().st_size,
        sha256_of_file(path),
    )


@dataclass(frozen=True)
class _Counted(OutFile):
    """A file of the archive whose size and checksum are known once it was written."""

    parts: Iterator[bytes] = field(default_factory=lambda: iter(()))
    entries: list[Entry] = field(default_factory=list)

    def chunks(self) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        for chunk in self.parts:
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        self.entries.append(Entry(self.name, size, digest.hexdigest()))


class _Writing:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._entries: list[Entry] = []
        self.rows = RowWriter(story.pk)

    def files(self) -> Generator[OutFile, None, None]:
        with snapshot():
            for table in TABLES:
                yield self._counted(rows_name(table), self.rows.lines(table))
            left_out = _left_out(self._story, self.rows)
        if kept := kept_downloads(self._story):
            left_out["kept_downloads"] = len(kept)
        missing = []
        for name in self._media_names():
            try:
                media.size(name)
            except FileNotFoundError:
                missing.append(name)
                continue
            except OSError as error:
                raise _unreadable(name, error) from error
            yield self._counted(MEDIA + name, _media_chunks(name))
        manifest = Manifest(
            self._story.story_id,
            self._story.title,
            self.rows.counts,
            tuple(self._entries),
            tuple(missing),
            left_out,
        )
        yield OutFile(MANIFEST, manifest.as_bytes())

    def _counted(self, name: str, parts: Iterator[bytes]) -> OutFile:
        return _Counted(name, parts=parts, entries=self._entries)

    def _media_names(self) -> list[str]:
        """Return the media files that rows name, and the others of the story's folder: a render may
        have been made from a picture that no row names any more."""
        return sorted({*self.rows.files, *own_files(self._story.story_id)})


def own_files(story_id: str, *, derived: bool = False) -> Iterator[str]:
    """Yield the media files of the story's folder: with `derived` those that can be made again from
    the others, without it the others."""
    folder = safe_name(story_id)
    try:
        for each in media.files(folder):
            if derived == each.name.removeprefix(f"{folder}/").startswith(_DERIVED):
                yield each.name
    except OSError as error:
        raise _unreadable(folder, error) from error


def kept_downloads(story: Story) -> list[int]:
    """Return the primary keys of the story's renders of whose downloads something is kept because
    it could not become a take. Such a file is named by that key, so no archive has it."""
    try:
        kept = kept_renders()
    except OSError as error:
        raise _unreadable("kept", error) from error
    own = VideoRender.objects.filter(pk__in=kept, shot__scenelet__story=story)
    return sorted(own.values_list("pk", flat=True))


def _media_chunks(name: str) -> Iterator[bytes]:
    try:
        yield from OutFile("", source=name).chunks()
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> ArchiveError:
    return ArchiveError(
        f"{name} cannot be read ({error.strerror or error}). Nothing was archived.", code="storage"
    )


def _left_out(story: Story, rows: RowWriter) -> dict[str, int]:
    """How many rows of the story are in no archive, by code. What the tables leave out of every
    story is in the documents."""
    renders = VideoRender.objects.filter(shot__scenelet__story=story, state__in=sorted(OPEN))
    found = Counter(
        {
            "open_renders": renders.count(),
            "draft_batches": story.render_batches.filter(status=RenderBatch.Status.DRAFT).count(),
        }
    )
    for table in TABLES:
        found[f"{table.label}_rows"] = table.all_rows(story.pk).count() - rows.counts[table.label]
    for name in (VideoRender, RenderBatch):
        del found[f"{name._meta.label_lower}_rows"]
    return {name: number for name, number in sorted(found.items()) if number > 0}


@contextmanager
def snapshot() -> Iterator[None]:
    """Read everything within as it is at one moment, without holding off whoever writes."""
    if connection.in_atomic_block:
        yield
        return
    level = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if _is_postgresql() else ""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        # Django's own transactions would lock the database of SQLite for whoever writes.
        cursor.execute(f"BEGIN{level}")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def rows_sha256(table: Table, rows: RowWriter) -> str:
    """Return the checksum of the table's rows as an archive would have them now."""
    digest = hashlib.sha256()
    for line in rows.lines(table):
        digest.update(line)
    return digest.hexdigest()
