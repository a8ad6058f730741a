"""If Django cannot start, the doctor has one finding: why."""

from __future__ import annotations

import sys
from importlib import import_module

import django

from .findings import Finding, Topic, without_secrets, words_of
from .report import exit_code, print_json, print_table

CONFIGURATION = Topic("configuration", "Configuration")


def start_or_report(arguments: list[str]) -> None:
    """Start Django. If that fails, print why and end the process with exit code 1."""
    finding = _start()
    if finding is not None:
        (print_json if "--json" in arguments else print_table)([finding], sys.stdout)
        sys.exit(exit_code([finding]))


def _start() -> Finding | None:
    try:
        django.setup()
        # What the doctor itself imports has to be there, too, such as the time zones.
        import_module("videogen.management.commands.doctor")
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the finding)
        words = f"{type(error).__name__}: {words_of(error)}"
        return CONFIGURATION.fail(
            "The application does not start, so nothing else was checked. "
            + without_secrets(words),
            "Fix the setting or the installation that it names (.env.example lists the settings).",
        )
    return None
