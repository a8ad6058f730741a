from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from storybook.importer.skeleton import write_skeleton


class Command(BaseCommand):
    help = (
        "Make a bundle to begin with: a folder that imports as it is, with every key once, small "
        "pictures of its own, and a README that explains the keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="FOLDER", type=Path, help="a new or empty folder")
        parser.add_argument("--title", default="", help="the story's title")

    def handle(self, *, folder: Path, title: str, **options: Any) -> None:
        if folder.is_file() or folder.is_dir() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not an empty folder: name a new one.", returncode=2)
        name = folder.resolve().name
        story_id = slugify(name) or "my-story"
        try:
            write_skeleton(folder, story_id, title.strip() or name.replace("-", " ").title())
        except OSError as error:
            raise CommandError(
                f"{folder} cannot be written ({error.strerror}).", returncode=1
            ) from error
        self.stdout.write(f"{folder}: story.json, images/ and README.md. The story is {story_id}.")
        self.stderr.write(f"Next: manage.py import_story {json.dumps(str(folder))}")
