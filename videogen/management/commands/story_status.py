from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import ngettext
from rich.markup import escape
from rich.table import Table

from storybook.media_store import media
from videogen.cli.database import needs_tables
from videogen.cli.stories import ShotLine, count_lines, in_words, list_shots, with_codes
from videogen.common.errors import RequestError
from videogen.common.terminal import print_table, table_console
from videogen.models.states import SHOT_WORDS
from videogen.planning.targets import find_story


class Command(BaseCommand):
    help = "Show where each shot of a story stands: its status, why, its takes and its video."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )

    def handle(self, **options: Any) -> None:
        with needs_tables():
            try:
                story = find_story(options["story_id"])
            except RequestError as error:
                raise CommandError(error.sentence, returncode=2) from error
            lines = list_shots(story)
            counts = count_lines(lines)
        if options["json"]:
            for line in lines:
                self.stdout.write(json.dumps(line.as_dict()))
            summary = {
                "story_id": story.story_id,
                "title": story.title,
                "shots": len(lines),
                "statuses": with_codes(counts),
                "takes": sum(line.standing.takes for line in lines),
            }
            self.stdout.write(json.dumps({"summary": summary}))
            return
        console = table_console(self.stdout)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("Shot", "Scenelet", "Status"):
            table.add_column(column)
        table.add_column("Takes", justify="right")
        table.add_column("Video, or why there is none")
        for line in lines:
            table.add_row(
                line.shot.code,
                escape(line.shot.scenelet.scenelet_id),
                SHOT_WORDS[line.word] + (", out of date" if line.is_outdated else ""),
                str(line.standing.takes),
                escape(_what(line)),
            )
        print_table(console, table)
        shots = ngettext("%d shot", "%d shots", len(lines)) % len(lines)
        console.say(f"{shots}: {in_words(counts) or 'none'}.")
        where = "MEDIA_STORE_URL" if media.is_remote else "MEDIA_ROOT"
        console.say(f"The paths of the videos are relative to {where}.")


def _what(line: ShotLine) -> str:
    video = line.take.video_file if line.take else ""
    return " ".join(filter(None, [line.reason, video]))
