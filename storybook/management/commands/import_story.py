from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import DatabaseError, connection
from django.utils.translation import ngettext

from storybook.errors import BundleError, ImportFailed
from storybook.importer.story import ImportReport, Tally, import_story
from storybook.models import Story
from storybook.printable import printable


class TeachingFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    pass


class Command(BaseCommand):
    help = """\
Import a storybook bundle: a folder (or a .zip of one) with

    story.json      story, scenelets, shots and the two design documents
    images/         every image path in the documents is relative to this folder

Importing again brings the story up to date; nothing is written where nothing changed. Scenelets,
shots and pictures that the bundle no longer mentions are kept, and so are all videos."""
    epilog = """\
examples:
  manage.py import_story my-story/
  manage.py import_story my-story.zip
  manage.py import_story my-story/story.json --json

A broken bundle is refused as a whole, and every problem is named with its place. A picture that is
missing or unusable does not stop the import: it is listed, and the plan of a batch shows what it
means for a shot.

exit codes: 0 imported, 1 refused or failed, 2 wrong usage"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=TeachingFormatter,
            epilog=self.epilog,
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", type=Path, help="folder, zip or story.json")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object on stdout, for programs"
        )

    def handle(self, *, path: Path, **options: Any) -> None:
        if not path.exists():
            raise CommandError(f"There is no file or folder {path}.", returncode=2)
        self._check_database()
        try:
            report = import_story(
                # Without a style, because Django would write this progress in red as an error.
                path,
                say=lambda sentence: self.stderr.write(printable(sentence), style_func=str),
            )
        except BundleError as error:
            problems = [f"  {printable(problem)}" for problem in error.problems]
            count = ngettext("%d problem", "%d problems", len(problems)) % len(problems)
            raise CommandError(
                "\n".join([f"The bundle was not imported, it has {count}:", *problems]),
                returncode=1,
            ) from error
        except ImportFailed as error:
            raise CommandError(printable(str(error)), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            # A terminal that cannot show a title must not make a finished import fail.
            encoding = getattr(self.stdout, "encoding", None) or "utf-8"
            self.stdout.write(_table(report).encode(encoding, "replace").decode(encoding))

    def _check_database(self) -> None:
        try:
            tables = connection.introspection.table_names()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be reached: {error}", returncode=1) from error
        if Story._meta.db_table not in tables:
            raise CommandError(
                "The database has no tables yet. Run this first: manage.py migrate", returncode=1
            )


def _table(report: ImportReport) -> str:
    columns = list(Tally.__dataclass_fields__)
    lines = [
        f"{report.title} ({report.story_id})",
        "",
        " " * 18 + "".join(f"{column:>11}" for column in columns),
    ]
    for kind, tally in report.rows.items():
        numbers = "".join(f"{getattr(tally, column) or '-':>11}" for column in columns)
        lines.append(f"  {kind.replace('_', ' '):<16}{numbers}")
    if report.picture_warnings:
        lines += ["", "Pictures that cannot be used:"]
        lines += [f"  {warning.path}: {warning.problem}" for warning in report.picture_warnings]
    return "\n".join(printable(line) for line in lines)
