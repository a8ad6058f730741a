from __future__ import annotations

import json
import logging
import signal
import sys
from argparse import BooleanOptionalAction
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storybook.story_paths import PathError
from videogen.cli.database import needs_tables, story_named
from videogen.cli.films import film_line, film_record, make_films, summary
from videogen.cli.story_command import StoryCommand
from videogen.films.film_requests import warning_sentences
from videogen.films.parts import FilmOptions

EXAMPLES = """
A film for each ending: the takes on the path to it, one after the other; a still where a shot has
no take; a card where the reader chooses. What was encoded before is used again. Credentials (C2PA)
of the takes do not survive the encoding; the takes themselves stay as they are.

examples:
  manage.py render_film --story-id my-story
  manage.py render_film --story-id my-story --ending home --takes approved --captions --json

exit code: 0 all films are made, or were; 1 one failed; 2 usage; 130 stopped
"""


class Command(StoryCommand):
    examples = EXAMPLES
    help = "Make a film for each ending of a story from its takes."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_endings(parser)
        parser.add_argument("--no-cards", action="store_true", help="no card where one chooses")
        parser.add_argument("--no-levelling", action="store_true", help="the sound as it is")
        parser.add_argument(
            "--captions", action="store_true", help="the spoken lines as a text track"
        )
        parser.add_argument(
            "--wait",
            action=BooleanOptionalAction,
            default=True,
            help="wait until the films are made (the default), or only queue them",
        )

    def handle(self, **options: Any) -> None:
        if options["verbosity"] < 2:
            logging.getLogger("videogen").setLevel(logging.ERROR)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        wanted = FilmOptions(
            takes=options["takes"],
            cards=not options["no_cards"],
            levelling=not options["no_levelling"],
            captions=options["captions"],
        )
        try:
            with needs_tables():
                story = story_named(options["story_id"])
                results = make_films(
                    story, wanted, options["ending"], waits=options["wait"], say=self._say
                )
        except PathError as error:
            raise CommandError(str(error), returncode=2) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What was encoded is kept: the same command goes on from there.",
                returncode=130,
            ) from None
        if options["json"]:
            for result in results:
                self.stdout.write(json.dumps(film_record(result)))
            self.stdout.write(json.dumps({"summary": summary(results)}))
        else:
            for result in results:
                self.stdout.write(film_line(result))
                for sentence in warning_sentences(result.film.warnings):
                    self.stderr.write(f"  {sentence}")
        if any(each.status == "failed" for each in results):
            sys.exit(1)

    def _say(self, sentence: str) -> None:
        self.stderr.write(sentence)
