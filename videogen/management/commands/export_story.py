from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import ngettext

from storybook.story_paths import PathError
from videogen.cli.database import needs_tables, story_named
from videogen.cli.story_command import ExportCommand
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
        clips, paths, films = len(manifest["clips"]), len(manifest["paths"]), len(export.films)
        words = [
            ngettext("%d clip", "%d clips", clips) % clips,
            ngettext("%d path", "%d paths", paths) % paths,
            ngettext("%d film", "%d films", films) % films,
        ]
        if missing := len(manifest["missing"]):
            shots = ngettext("%d shot without a take", "%d shots without a take", missing)
            words.append(shots % missing)
        self.stdout.write(f"{options['output']}: {', '.join(words)}")
