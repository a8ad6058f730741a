from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import ngettext
from rich.markup import escape
from rich.table import Table

from videogen.cli.database import needs_tables
from videogen.cli.stories import in_words, list_stories, summarise_stories
from videogen.common.terminal import print_table, table_console


class Command(BaseCommand):
    help = "List the stories, each with how many of its shots have which status."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )
        parser.add_argument(
            "--archived", action="store_true", help="the archived stories, and no others"
        )

    def handle(self, **options: Any) -> None:
        with needs_tables():
            lines = list_stories(archived=options["archived"])
        if options["json"]:
            for line in lines:
                self.stdout.write(json.dumps(line.as_dict()))
            self.stdout.write(json.dumps({"summary": summarise_stories(lines)}))
            return
        console = table_console(self.stdout)
        if not lines and options["archived"]:
            console.say("No story is archived.")
            return
        if not lines:
            console.say("There are no stories yet: import one with manage.py import_story PATH")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("Story", "Title"):
            table.add_column(column)
        for column in ("Scenelets", "Shots"):
            table.add_column(column, justify="right")
        table.add_column("Status of the shots")
        for line in lines:
            table.add_row(
                escape(line.story.story_id),
                escape(line.story.title),
                str(line.scenelets),
                str(line.shots),
                in_words(line.counts) or "no shots",
            )
        print_table(console, table)
        if len(lines) == 1:
            return
        number = summarise_stories(lines)["shots"]
        shots = ngettext("%d shot", "%d shots", number) % number
        console.say(f"{shots} in {len(lines)} stories.")
