from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from videogen.cli.database import needs_tables, story_named
from videogen.cli.story_archives import (
    NEVER,
    archived_object,
    left_out_in_words,
    rows_in_words,
    wiped_in_words,
)
from videogen.exports.names import portable_name
from videogen.story_archives.archive import archive_story
from videogen.story_archives.errors import ArchiveError
from videogen.story_archives.wipe import refuse_open_work, wipe_story

EXAMPLES = """
examples:
  manage.py archive_story --story-id my-story
  manage.py archive_story --story-id my-story --to /archive/my-story.zip --wipe

exit code: 0 done; 1 refused, or it could not be written; 2 usage
"""


class Command(BaseCommand):
    help = (
        "Write a story with its takes, its ledger and all of its files to one zip, and read it "
        "back. restore_story brings it back, here or in another installation."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EXAMPLES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument(
            "--to",
            type=Path,
            metavar="FILE",
            help="a new .zip (default: the story's id in the current folder)",
        )
        parser.add_argument(
            "--wipe",
            action="store_true",
            help="remove the story from here, once the archive was read back; what it has cost "
            "still counts",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        with needs_tables():
            story = story_named(options["story_id"])
            path = options["to"] or Path(f"{portable_name(story.story_id)}.zip")
            wiped = None
            try:
                if options["wipe"]:
                    refuse_open_work(story)
                archived = archive_story(story, path)
            except ArchiveError as error:
                code = 2 if error.code == "output" else 1
                raise CommandError(error.sentence, returncode=code) from error
            try:
                if options["wipe"]:
                    wiped = wipe_story(story, archived)
            except ArchiveError as error:
                raise CommandError(
                    f"{error.sentence} {path} has it as it was.", returncode=1
                ) from error
        if options["json"]:
            self.stdout.write(json.dumps(archived_object(archived, wiped)))
            return
        manifest = archived.manifest
        renders = manifest.rows["videogen.videorender"]
        submissions = manifest.rows["videogen.submission"]
        told = ", ".join(rows_in_words(renders, submissions, len(manifest.media)))
        self.stdout.write(
            f"{path}: {told}, {archived.bytes:,} bytes. It was read back: all is as it was written."
        )
        self.stdout.write(f"SHA-256 {archived.sha256}")
        for name in manifest.missing:
            self.stdout.write(f"Not archived, because it is not there: {name}")
        for sentence in (*left_out_in_words(manifest), NEVER):
            self.stdout.write(sentence)
        if wiped:
            for sentence in wiped_in_words(wiped, path):
                self.stdout.write(sentence)
