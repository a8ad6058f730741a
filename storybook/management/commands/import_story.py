from __future__ import annotations

import json
import shlex
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import DatabaseError, connection
from django.urls import reverse
from django.utils.translation import ngettext

from storybook.errors import BundleError, BundleWarning, ImportFailed
from storybook.importer.report_objects import imported_object, refused_object
from storybook.importer.story import ImportReport, Tally, import_story
from storybook.models import Story
from storybook.printable import printable

# Of one kind: nobody reads more of them on a terminal. --json has all.
MOST_LINES = 200
MOST_UNNAMED = 10


class TeachingFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    pass


class Command(BaseCommand):
    help = """\
Import a storybook bundle: a folder (or a .zip of one) with

    story.json      story, scenelets, shots and the two design documents
    images/         every image path in the documents is relative to this folder

Importing again brings the story up to date; nothing is written where nothing changed. Scenelets,
shots and pictures that the bundle no longer mentions are kept, and so are all videos. Such a shot
is listed, and no batch renders it unless you name it."""
    epilog = """\
examples:
  manage.py import_story my-story/
  manage.py import_story my-story.zip --dry-run
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
            "--dry-run", action="store_true", help="report the same, but write nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object on stdout, for programs"
        )

    def handle(self, *, path: Path, dry_run: bool, **options: Any) -> None:
        if not path.exists():
            raise CommandError(f"There is no file or folder {path}.", returncode=2)
        self._check_database()
        try:
            report = import_story(
                # Without a style, because Django would write this progress in red as an error.
                path,
                say=lambda sentence: self.stderr.write(printable(sentence), style_func=str),
                is_dry_run=dry_run,
            )
        except BundleError as error:
            if options["json"]:
                self.stdout.write(json.dumps(refused_object(error, is_dry_run=dry_run)))
            problems = [f"  {printable(problem)}" for problem in error.problems]
            number = len(problems) + error.more
            count = ngettext("%d problem", "%d problems", number) % number
            if error.more:
                problems.append(f"  … and {error.more} more.")
            if error.warnings:
                problems += ["", "Look at this, too, it changes what is sent:"]
                problems += _shown(
                    [_warning(each) for each in error.warnings], error.warnings_left_out
                )
            raise CommandError(
                "\n".join([f"The bundle was not imported, it has {count}:", *problems]),
                returncode=1,
            ) from error
        except ImportFailed as error:
            if options["json"]:
                refusal = BundleError([str(error)])
                self.stdout.write(json.dumps(refused_object(refusal, is_dry_run=dry_run)))
            raise CommandError(printable(str(error)), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(_told(report, is_dry_run=dry_run)))
        else:
            # A terminal that cannot show a title must not make a finished import fail.
            encoding = getattr(self.stdout, "encoding", None) or "utf-8"
            text = _table(report, is_dry_run=dry_run)
            self.stdout.write(text.encode(encoding, "replace").decode(encoding))

    def _check_database(self) -> None:
        try:
            tables = connection.introspection.table_names()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be reached: {error}", returncode=1) from error
        if Story._meta.db_table not in tables:
            raise CommandError(
                "The database has no tables yet. Run this first: manage.py migrate", returncode=1
            )


def _told(report: ImportReport, *, is_dry_run: bool) -> dict[str, Any]:
    """Return the object that --json prints."""
    return imported_object(report, is_dry_run=is_dry_run) | {
        "board": "" if is_dry_run else _board(report),
        "next_command": _next_command(report),
    }


def _table(report: ImportReport, *, is_dry_run: bool) -> str:
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
        lines += _shown(
            [f"  {warning.path}: {warning.problem}" for warning in report.picture_warnings]
        )
    if report.warnings:
        lines += ["", "Look at this, it changes what is sent:"]
        lines += _shown([_warning(each) for each in report.warnings], report.warnings_left_out)
    if report.gone_shots:
        lines += ["", "No longer in the bundle; kept, and rendered only if you name them:"]
        lines += _shown([f"  {shot}" for shot in report.gone_shots])
    for effect in report.effects:
        lines += ["", f"{effect.words}:"]
        lines += _shown([f"  {shot}" for shot in effect.shots])
    if report.unread_keys:
        shown = ", ".join(report.unread_keys[:MOST_UNNAMED])
        more = ", …" if len(report.unread_keys) > MOST_UNNAMED else ""
        lines += ["", f"Kept, but read by nothing: {shown}{more}."]
    if report.unnamed_count:
        shown = ", ".join(report.unnamed_files[:MOST_UNNAMED])
        more = ", …" if report.unnamed_count > MOST_UNNAMED else ""
        files = ngettext("%d file", "%d files", report.unnamed_count) % report.unnamed_count
        lines += ["", f"In images/, but named by no document: {files} ({shown}{more})."]
    lines += ["", _health(report)]
    if is_dry_run:
        lines.append("This was a dry run: nothing was written.")
    else:
        lines += [f"Board: {_board(report)}", f"Next: {_next_command(report)}"]
    return "\n".join(printable(line) for line in lines)


def _shown(lines: list[str], left_out: int = 0) -> list[str]:
    more = max(len(lines) - MOST_LINES, 0) + left_out
    return lines[:MOST_LINES] + ([f"  … and {more} more."] if more else [])


def _warning(warning: BundleWarning) -> str:
    line = f"  {warning.place}: {warning.sentence}"
    if not warning.more:
        return line
    places = ngettext("one more place", "%d more places", warning.more)
    return f"{line} (The same in {places % warning.more if warning.more > 1 else places}.)"


def _health(report: ImportReport) -> str:
    health = report.health
    shots = ngettext("%d shot", "%d shots", health.shots) % health.shots
    parts = [f"{health.can_be_rendered} of {shots} can be rendered"]
    parts += [f"no {kind} design document" for kind in health.missing_documents]
    if health.without_storyboard:
        parts.append(f"{health.without_storyboard} without a storyboard")
    if health.designs:
        parts.append(f"{health.designs_with_picture} of {health.designs} designs have a picture")
    warnings = sum(1 + each.more for each in report.warnings) + report.warnings_left_out
    warnings += len(report.picture_warnings)
    parts.append(ngettext("%d warning", "%d warnings", warnings) % warnings)
    return f"Health: {', '.join(parts)}."


def _board(report: ImportReport) -> str:
    """Return the address of the story's board."""
    story = Story.objects.get(story_id=report.story_id)
    path = reverse("admin:storybook_story_board", args=[story.pk])
    return f"{settings.VIDEO_SITE_URL}{path}"


def _next_command(report: ImportReport) -> str:
    story_id = shlex.quote(report.story_id)
    return f"manage.py run_task --task CREATE_SHOT_VIDEO --story-id {story_id} --mode dry-run"
