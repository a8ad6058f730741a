from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from storybook.importer.skeleton import write_skeleton
from storybook.models import Story


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
        # In a script without Latin letters, too, another folder is another story.
        story_id = slugify(name) or slugify(name, allow_unicode=True) or "my-story"
        story_id = story_id[: Story._meta.get_field("story_id").max_length]
        title = " ".join(title.split()) or name.replace("-", " ").title()
        longest = Story._meta.get_field("title").max_length
        if longest and len(title) > longest:
            raise CommandError(f"The title has more than {longest} characters.", returncode=2)
        try:
            write_skeleton(folder, story_id, title)
        except OSError as error:
            raise CommandError(
                f"{folder} cannot be written ({error.strerror}).", returncode=1
            ) from error
        self.stdout.write(f"{folder}: story.json, images/ and README.md. The story is {story_id}.")
        self.stderr.write(f"Next: manage.py import_story {shlex.quote(str(folder))}")
