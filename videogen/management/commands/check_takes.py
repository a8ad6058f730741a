from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import ngettext

from videogen.cli.database import needs_tables, story_named
from videogen.cli.take_checks import check_all, check_line, check_record
from videogen.models import TakeCheck

EPILOG = """
Looks at every take for what a person would see at once: size, frame rate, shape and length against
what was asked for; black, frozen, silent or clipped places; loudness; a cut; nearly the same as
another take of the shot. What was checked before is told again. It is advice: nothing is rejected
or rendered by it.

exit code: 0 all takes are checked; 1 one could not be; 2 usage; 130 stopped
"""


class Command(BaseCommand):
    help = "Check the takes that exist for technical defects, and print what was found."

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        import argparse

        parser = super().create_parser(*args, **options)
        parser.epilog = EPILOG
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--story-id", help="only the takes of this story")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a take on stdout, nothing else"
        )

    def handle(self, **options: Any) -> None:
        if options["verbosity"] < 2:
            logging.getLogger("videogen").setLevel(logging.ERROR)
        results = Counter[str]()
        try:
            with needs_tables():
                story = story_named(options["story_id"]) if options["story_id"] else None
                for render, check in check_all(story):
                    result = TakeCheck.Result(check.result)
                    results[result] += 1
                    if options["json"]:
                        self.stdout.write(json.dumps(check_record(render, check)))
                    else:
                        for line in check_line(render, check):
                            self.stdout.write(line)
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What was checked is kept: the same command goes on from there.",
                returncode=130,
            ) from None
        if not options["json"]:
            told = [f"{each.label} {results[each]}" for each in TakeCheck.Result if each in results]
            takes = ngettext("%d take", "%d takes", results.total()) % results.total()
            self.stdout.write(f"{takes}: {', '.join(told) or '-'}.")
        if TakeCheck.Result.NOT_CHECKED in results:
            sys.exit(1)
