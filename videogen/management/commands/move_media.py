from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from storybook.media_store import Listed, MediaFolder, MediaStore, media
from storybook.models import Picture
from storybook.store_address import read_store_address
from videogen.cli.database import needs_tables
from videogen.models import Film, GuestLink, VideoRender

THREADS = 4
# What a page names at most of the files with a problem.
MOST_NAMED = 20
SEGMENTS = "/films/segments/"  # parts of films, which each host makes for itself


class Command(BaseCommand):
    help = (
        "Copies the media to an object store or to a folder, and verifies every copy. It can be "
        "stopped and run again. Which place is used is a setting: the command says which, once all "
        "is there. Nothing is deleted without --delete-verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, metavar="PLACE", help="s3://… or a folder")
        parser.add_argument(
            "--from",
            dest="source",
            metavar="PLACE",
            help="s3://… or a folder (default: where the media are by the settings; once the "
            "settings name the place of --to, MEDIA_ROOT)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be copied")
        parser.add_argument(
            "--delete-verified",
            action="store_true",
            help="delete from the old place each file whose copy has its checksum; only once the "
            "settings name the new place",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with needs_tables():
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        target = _place(options["to"])
        here = Place(settings.MEDIA_STORE_URL or settings.MEDIA_ROOT, media)
        is_switched = target.name == here.name
        old = Place(settings.MEDIA_ROOT, MediaFolder()) if is_switched else here
        source = _place(options["source"]) if options["source"] else old
        if source.name == target.name:
            raise CommandError(
                f"The media are in {target.name} already. --from names the place that they come "
                "from.",
                returncode=2,
            )
        if options["delete_verified"] and not is_switched:
            raise CommandError(
                f"Nothing is deleted: the settings still name {here.name}. Set "
                f"{target.setting} first.",
                returncode=2,
            )
        move = Move(
            source.store,
            target.store,
            overwrites=not is_switched,
            is_dry_run=options["dry_run"],
            deletes=options["delete_verified"],
        )
        try:
            move.run()
            missing = [name for name in named_by_rows() if not move.has(name)]
        except OSError as error:
            raise CommandError(
                f"Stopped: {error.strerror or error}. Run it again: it goes on."
            ) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again: it goes on.", returncode=130) from None
        self._tell(move, missing, target, is_dry_run=options["dry_run"], is_switched=is_switched)

    def _tell(
        self,
        move: Move,
        missing: list[str],
        target: Place,
        *,
        is_dry_run: bool,
        is_switched: bool,
    ) -> None:
        counts = move.counts
        copied = "to copy" if is_dry_run else "copied"
        self.stdout.write(
            f"{counts['copied']} {copied} ({move.bytes:,} bytes), {counts['there']} there already, "
            f"{counts['deleted']} deleted from the old place."
        )
        for name in move.different[:MOST_NAMED]:
            self.stdout.write(f"Different in both places, left as it is: {name}")
        for name in missing[:MOST_NAMED]:
            self.stdout.write(f"Named by a row, and in neither place: {name}")
        if problems := len(move.different) + len(missing):
            raise CommandError(f"{problems} files need a look. The settings are not to be changed.")
        if is_dry_run:
            self.stdout.write("Nothing was copied: this was a dry run.")
        elif not is_switched:
            self.stdout.write(
                f"All is there and verified. Now stop the workers, run this again for what was "
                f"made meanwhile, set {target.setting} for every process, and start them."
            )


@dataclass(frozen=True)
class Place:
    name: str
    store: MediaStore

    @property
    def setting(self) -> str:
        if self.store.is_remote:
            return f"MEDIA_STORE_URL={self.name}"
        return f"MEDIA_ROOT={self.name} (and no MEDIA_STORE_URL)"


def _place(text: str) -> Place:
    if not text.startswith("s3:"):
        folder = str(Path(text).resolve())
        return Place(folder, MediaFolder(location=folder))
    try:
        address = read_store_address(text, os.environ)
    except ValueError as error:
        raise CommandError(str(error).replace("MEDIA_STORE_URL", "--to"), returncode=2) from None
    from storybook.object_store import ObjectStore

    return Place(address.url, cast(MediaStore, ObjectStore(**address.options)))


@dataclass
class Move:
    """overwrites: whether a copy that is not the file's is replaced. Once the new place is used, it
    is the one that is right."""

    source: MediaStore
    target: MediaStore
    overwrites: bool
    is_dry_run: bool
    deletes: bool
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    different: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def run(self) -> None:
        self._names = {each.name for each in self.target.files()}
        with ThreadPoolExecutor(THREADS) as threads:
            try:
                files = [each for each in self.source.files() if SEGMENTS not in each.name]
                for _ in threads.map(self._move, files):
                    pass
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise

    def has(self, name: str) -> bool:
        """Whether the new place has a file of this name, or a dry run would have copied it."""
        return name in self._names

    def _move(self, file: Listed) -> None:
        try:
            sha256 = self.source.sha256(file.name)
        except FileNotFoundError:
            return  # removed meanwhile
        is_copied = is_there = False
        if file.name in self._names:
            is_there = self.target.sha256(file.name) == sha256
            if not is_there and not self.overwrites:
                with self._lock:
                    self.different.append(file.name)
                return
        if not is_there:
            is_copied = True
            if not self.is_dry_run:
                with self.source.local(file.name) as path:
                    self.target.put(file.name, path, sha256=sha256, keeps_file=True)
        is_deleted = self.deletes and not self.is_dry_run
        if is_deleted and self.target.sha256(file.name) == sha256:
            self.source.delete(file.name)
        with self._lock:
            self._names.add(file.name)
            self.counts["copied" if is_copied else "there"] += 1
            self.counts["deleted"] += is_deleted
            self.bytes += file.size if is_copied else 0


def named_by_rows() -> Iterator[str]:
    """Yield the names of the media files that rows refer to."""
    renders = VideoRender.objects.filter(state=VideoRender.State.DONE)
    for rows in (
        Picture.objects.values_list("file", flat=True),
        renders.values_list("video_file", flat=True),
        renders.values_list("poster_file", flat=True),
        Film.objects.values_list("file", flat=True),
        GuestLink.objects.open().values_list("frozen_file", flat=True),
    ):
        yield from filter(None, rows.order_by().distinct())
