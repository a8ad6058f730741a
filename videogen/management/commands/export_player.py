from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import ngettext

from videogen.cli.database import needs_tables, story_named
from videogen.cli.story_command import ExportCommand
from videogen.common.errors import RequestError
from videogen.exports.player import player_files, read_played_story
from videogen.takes.chosen_takes import TakeRule

EXAMPLES = """
The folder plays the story in a browser, from a disk or a web server: the clips, then the reader's
choices. Open its index.html. It asks nothing of any network.

examples:
  manage.py export_player --story-id my-story --output my-story-player.zip
  manage.py export_player --story-id my-story --output player/ --takes approved

exit code: 0 written; 1 it could not be written; 2 usage
"""


class Command(ExportCommand):
    examples = EXAMPLES
    help = "Export a story as a folder that plays in a browser, with the reader's choices."

    def handle(self, **options: Any) -> None:
        with needs_tables():
            story = story_named(options["story_id"])
            played = read_played_story(story, TakeRule(options["takes"])).with_files()
            try:
                self.write(player_files(played), options["output"])
            except RequestError as error:
                raise CommandError(error.sentence, returncode=2) from error
        shots = list(played.played())
        clips = sum(each.take is not None for each in shots)
        counts = {
            "story_id": story.story_id,
            "output": str(options["output"]),
            "scenelets": len(played.scenelets),
            "shots": len(shots),
            "clips": clips,
            "stills": len(shots) - clips,
        }
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        number = len(played.scenelets)
        told = ngettext("%d clip", "%d clips", clips) % clips
        told += ", " + ngettext("%d scenelet", "%d scenelets", number) % number
        self.stdout.write(f"{options['output']}: {told}. Open index.html in a browser.")
        if stills := len(shots) - clips:
            words = ngettext(
                "%d shot without a take: shown as a still.",
                "%d shots without a take: shown as stills.",
                stills,
            )
            self.stderr.write(words % stills)
