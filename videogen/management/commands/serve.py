from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from videogen.children import Children, keep_running
from videogen.errors import VideogenError


class Command(BaseCommand):
    help = (
        "Everything on this machine for trying it: simulator, watched cluster (started again when "
        "it stalls) and the admin. Ctrl-C ends all of it."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("address", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--latency", default="20", help="seconds that a simulated render takes")

    def handle(self, **options: Any) -> None:
        try:
            with Children() as children:
                url = children.start_simulator(f"--latency={options['latency']}")
                self.stdout.write(f"Simulator: {url}")
                self.stdout.write(f"Admin: http://{options['address']}/admin/")
                keep_running(
                    children,
                    {"work": ["work"], "web": ["runserver", "--noreload", options["address"]]},
                )
        except VideogenError as error:
            raise CommandError(error.sentence) from error
        except KeyboardInterrupt:
            self.stdout.write("")
