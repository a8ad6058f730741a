from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from storybook.story_paths import PathError
from videogen.cli.database import needs_tables, story_named
from videogen.common.formats import counted
from videogen.exports.files import ExportError, write_export
from videogen.exports.story_export import plan_export
from videogen.takes.chosen_takes import TakeRule

EXAMPLES = """
examples:
  manage.py export_story --story-id my-story --output my-story.zip
  manage.py export_story --story-id my-story --output handover/ --takes approved --films

exit code: 0 written; 1 it could not be written; 2 usage
"""


class Command(BaseCommand):
    help = (
        "Export a story for an editor: clips with speaking names, a manifest, a table, captions, "
        "prompts, and a timeline (OTIO and EDL) for each ending."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EXAMPLES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument(
            "--output", required=True, type=Path, metavar="PATH", help="a .zip, or a new folder"
        )
        parser.add_argument(
            "--ending",
            action="append",
            default=[],
            metavar="SCENELET_ID",
            help="only the path to this ending; may be given several times (default: all)",
        )
        parser.add_argument(
            "--takes",
            choices=TakeRule.values,
            default=TakeRule.BEST.value,
            help="which takes may stand for their shots (default: best)",
        )
        parser.add_argument("--films", action="store_true", help="also the films that were made")
        parser.add_argument("--json", action="store_true", help="print the manifest")

    def handle(self, **options: Any) -> None:
        with needs_tables():
            story = story_named(options["story_id"])
            try:
                export = plan_export(
                    story,
                    TakeRule(options["takes"]),
                    options["ending"],
                    with_films=options["films"],
                )
            except PathError as error:
                raise CommandError(str(error), returncode=2) from error
            try:
                write_export(export.files(), options["output"])
            except ExportError as error:
                code = 2 if error.code == "output" else 1
                raise CommandError(error.sentence, returncode=code) from error
        manifest = export.manifest()
        if options["json"]:
            self.stdout.write(json.dumps(manifest))
            return
        words = [
            counted(len(manifest["clips"]), "clip"),
            counted(len(manifest["paths"]), "path"),
            counted(len(export.films), "film"),
        ]
        if manifest["missing"]:
            words.append(f"{counted(len(manifest['missing']), 'shot')} without a take")
        self.stdout.write(f"{options['output']}: {', '.join(words)}")
