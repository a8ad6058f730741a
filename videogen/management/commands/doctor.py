from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.base import BaseCommand

from videogen.ops.doctor.report import exit_code, tell, tell_json
from videogen.ops.doctor.run import examine

EPILOG = """
Asks the video API for its models (free), and nothing is submitted. The key is never shown.

exit code: 0 nothing failed (there may be warnings); 1 something failed; 2 usage
"""


class Command(BaseCommand):
    help = (
        "Is everything in order? Key, model, SDK, database, queue, storage, video libraries, "
        "clock, quota and disk, each with what to do about it."
    )
    # They are findings.
    requires_system_checks = []

    def create_parser(self, *args: Any, **kwargs: Any) -> argparse.ArgumentParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EPILOG)
        return super().create_parser(*args, **kwargs)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="do not ask the video API")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )

    def handle(self, **options: Any) -> None:
        with _quiet() if options["verbosity"] < 2 else nullcontext():
            findings = examine(is_offline=options["offline"])
        (tell_json if options["json"] else tell)(findings, self.stdout)
        if code := exit_code(findings):
            sys.exit(code)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the log would say stands in the findings."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
