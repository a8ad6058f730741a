from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from videogen.cli.database import needs_tables
from videogen.cli.story_archives import restored_in_words, restored_object
from videogen.story_archives.errors import ArchiveError
from videogen.story_archives.restore import restore_story

EXAMPLES = """
examples:
  manage.py restore_story my-story.zip --dry-run
  manage.py restore_story my-story.zip

exit code: 0 done; 1 refused, nothing was changed; 2 usage
"""


class Command(BaseCommand):
    help = (
        "Bring a story back from the zip that archive_story wrote: rows, takes and ledger, here or "
        "in another installation. It comes whole or not at all."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EXAMPLES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the archive")
        parser.add_argument(
            "--dry-run", action="store_true", help="check all of it, and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        is_dry_run = options["dry_run"]
        with needs_tables():
            try:
                restored = restore_story(options["file"], is_dry_run=is_dry_run)
            except ArchiveError as error:
                code = 2 if error.code == "output" else 1
                raise CommandError(error.sentence, returncode=code) from error
        if options["json"]:
            self.stdout.write(json.dumps(restored_object(restored, is_dry_run=is_dry_run)))
            return
        for sentence in restored_in_words(restored, is_dry_run=is_dry_run):
            self.stdout.write(sentence)
