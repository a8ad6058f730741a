from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storybook.story_paths import PathError
from videogen.cli.database import needs_tables, story_named
from videogen.cli.story_command import ExportCommand
from videogen.common.formats import counted
from videogen.exports.story_export import plan_export
from videogen.takes.chosen_takes import TakeRule

EXAMPLES = """
examples:
  manage.py export_story --story-id my-story --output my-story.zip
  manage.py export_story --story-id my-story --output handover/ --takes approved --films

exit code: 0 written; 1 it could not be written; 2 usage
"""


class Command(ExportCommand):
    examples = EXAMPLES
    help = (
        "Export a story for an editor: clips with speaking names, a manifest, a table, captions, "
        "prompts, and a timeline (OTIO and EDL) for each ending."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_endings(parser)
        parser.add_argument("--films", action="store_true", help="also the films that were made")

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
            self.write(export.files(), options["output"])
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
