from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from dotenv import dotenv_values
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from storybook.media_store import place_of
from videogen.common.errors import VideogenError
from videogen.models import VideoRender
from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.routes import SIMULATOR
from videogen.ops.local_processes import Children

STORY_ID = "the-night-the-tide-forgot"
SAMPLE = Path(settings.BASE_DIR) / "storybook" / "sample" / STORY_ID
USER = "demo"
DOTENV = Path(settings.BASE_DIR) / ".env"


def _problem_of_place() -> str:
    """Return why the demo must not touch this database, or "": it is that of an installation which
    is, or will be, used for real work. What is set in the environment was meant for the demo."""
    file = {} if "PYTHON_DOTENV_DISABLED" in os.environ else dotenv_values(DOTENV)
    url = file.get("DATABASE_URL") or ""
    is_from_file = os.environ.get("DATABASE_URL", "") == url
    if is_from_file and url and not url.startswith("sqlite"):
        return "DATABASE_URL in .env names the database of an installation."
    if is_from_file and (file.get("VIDEO_BACKEND") or SIMULATOR) != SIMULATOR:
        return f"VIDEO_BACKEND in .env is {file['VIDEO_BACKEND']}: this installation is for real."
    redis = file.get("VIDEO_QUEUE_REDIS_URL") or ""
    if redis and os.environ.get("VIDEO_QUEUE_REDIS_URL", "") == redis:
        return "VIDEO_QUEUE_REDIS_URL in .env names the queue of an installation."
    try:
        if VideoRender.objects.exclude(backend=SIMULATOR).exists():
            return "The database has videos that were not made by the simulator."
    except DatabaseError:
        pass  # it has no tables yet
    return ""


class Command(BaseCommand):
    help = (
        "Render the sample story from end to end: simulator, cluster, import, one video per shot. "
        "It costs nothing. A second run finds that everything exists."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--latency", default="3", help="seconds that a simulated render takes")
        parser.add_argument(
            "--clips", default="full", choices=["full", "quick"], help="quick: tiny clips"
        )

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo creates a user and prints its password: set DJANGO_DEBUG=1 (make demo "
                "does).",
                returncode=2,
            )
        if problem := _problem_of_place():
            raise CommandError(
                f"{problem} The demo would write its story there, and a user with all rights. Run "
                "it in another clone, or with a database of its own: "
                "DATABASE_URL=sqlite:////tmp/demo.sqlite3 make demo",
                returncode=2,
            )
        call_command("migrate", verbosity=0)
        self.stdout.write(
            "Rendering the sample story, 16 shots and three films, with the simulator. It costs\n"
            "nothing and takes two to four minutes: all is in 1080p. A second run takes seconds."
        )
        # The children write to the same terminal, so this has to come first.
        self.stdout.flush()
        try:
            with Children(VIDEO_POLL_SECONDS="1", VIDEO_LOG_LEVEL="WARNING") as children:
                children.start_simulator(
                    "--port=0", f"--latency={options['latency']}", f"--clips={options['clips']}"
                )
                children.start("work")
                code = children.run("import_story", str(SAMPLE)) or children.run(
                    "run_task", f"--task={CREATE_SHOT_VIDEO}", f"--story-id={STORY_ID}", "--wait"
                )
                code = children.run("render_film", f"--story-id={STORY_ID}") or code
        except VideogenError as error:
            raise CommandError(error.sentence) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again: it continues.", returncode=130) from None
        self._print_box()
        sys.exit(code)

    def _print_box(self) -> None:
        lines = [
            ("Admin", "http://127.0.0.1:8000/admin/ (run: make serve)"),
            ("User", USER),
            ("Password", self._password()),
            ("Videos", place_of(f"{STORY_ID}/shots")),
            ("Films", place_of(f"{STORY_ID}/films")),
        ]
        text = "\n".join(f"{name:<9} {value}" for name, value in lines)
        console = Console(file=cast("IO[str]", self.stdout), highlight=False)
        # A long path makes the box wider than the terminal: a wrapped path cannot be copied.
        console.width = max(console.width, max(map(len, text.splitlines())) + 4)
        console.print(Panel.fit(Text(text)))

    def _password(self) -> str:
        """Set a new password at every run, so that nobody else knows it or has to remember it."""
        password = secrets.token_urlsafe(9)
        user, _ = get_user_model().objects.get_or_create(
            username=USER, defaults={"is_staff": True, "is_superuser": True}
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        return password
