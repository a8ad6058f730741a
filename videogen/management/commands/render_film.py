from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from storybook.story_paths import PathError
from videogen.cli.database import needs_tables, story_named
from videogen.cli.films import film_line, film_record, make_films, summary
from videogen.films.film_requests import warning_sentences
from videogen.films.parts import FilmOptions
from videogen.takes.chosen_takes import TakeRule

EXAMPLES = """
A film for each ending: the takes on the path to it, one after the other; a still where a shot has
no take; a card where the reader chooses. What was encoded before is used again. Credentials (C2PA)
of the takes do not survive the encoding; the takes themselves stay as they are.

examples:
  manage.py render_film --story-id my-story
  manage.py render_film --story-id my-story --ending home --takes approved --captions --json

exit code: 0 all films are made, or were; 1 one failed; 2 usage; 130 stopped
"""


class Command(BaseCommand):
    help = "Make a film for each ending of a story from its takes."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EXAMPLES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", required=True, help="the story's id, as imported")
        parser.add_argument(
            "--ending",
            action="append",
            default=[],
            metavar="SCENELET_ID",
            help="only the film of this ending; may be given several times (default: all)",
        )
        parser.add_argument(
            "--takes",
            choices=TakeRule.values,
            default=TakeRule.BEST.value,
            help="which takes may stand for their shots: the approved, else the selected, else the "
            "newest one that is not rejected (best, the default), or only the former",
        )
        parser.add_argument("--no-cards", action="store_true", help="no card where one chooses")
        parser.add_argument("--no-levelling", action="store_true", help="the sound as it is")
        parser.add_argument(
            "--captions", action="store_true", help="the spoken lines as a text track"
        )
        parser.add_argument(
            "--wait",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="wait until the films are made (the default), or only queue them",
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
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
