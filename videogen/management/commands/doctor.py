from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from videogen.ops.doctor.report import exit_code, print_json, print_table
from videogen.ops.doctor.run import examine

EPILOG = """
Asks the video API for its models, which is free, and submits nothing. The key is never shown.

exit code: 0 nothing failed (there may be warnings); 1 something failed; 2 usage
"""


class Command(BaseCommand):
    help = (
        "Is everything in order? Key, model, SDK, database, queue, storage, video libraries, "
        "clock, quota and disk, each with what to do about it."
    )
    # The doctor runs the system checks itself: what they report is a finding.
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", EPILOG)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--offline", action="store_true", help="do not ask the video API")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object a line on stdout, nothing else"
        )

    def handle(self, **options: Any) -> None:
        with _quiet() if options["verbosity"] < 2 else nullcontext():
            findings = examine(is_offline=options["offline"])
        (print_json if options["json"] else print_table)(findings, self.stdout)
        if code := exit_code(findings):
            sys.exit(code)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log silent: what it would say stands in the findings."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
