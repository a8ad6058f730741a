"""What the commands that take a story out have in common: the story, its takes, where it goes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from videogen.exports.files import ExportError, OutFile, write_export
from videogen.takes.chosen_takes import TakeRule


class StoryCommand(BaseCommand):
    """A command about the takes of one story. `examples` stands below its help as it is."""

    examples = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", self.examples)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument(
            "--takes",
            choices=TakeRule.values,
            default=TakeRule.BEST.value,
            help="which takes may stand for their shots: the approved, else the selected, else the "
            "newest one that is not rejected (best, the default), or only the former",
        )
        parser.add_argument(
            "--json", action="store_true", help="JSON on stdout, one object a line, nothing else"
        )

    def add_endings(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--ending",
            action="append",
            default=[],
            metavar="SCENELET_ID",
            help="only the path to this ending; may be given several times (default: all)",
        )


class ExportCommand(StoryCommand):
    """A command that writes a folder or a zip."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--output", required=True, type=Path, metavar="PATH", help="a .zip, or a new folder"
        )

    def write(self, files: Iterable[OutFile], output: Path) -> None:
        """Write the files. Raises CommandError."""
        try:
            write_export(files, output)
        except ExportError as error:
            code = 2 if error.code == "output" else 1
            raise CommandError(error.sentence, returncode=code) from error
