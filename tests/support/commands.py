"""manage.py within the test's process: what its commands print, and the exit code."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from unittest.mock import patch

from django.core.management import ManagementUtility
from django.db import connections


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


def manage(*arguments: object) -> Ended:
    """As a process that was started with these arguments ends, by Django's own way from arguments
    to exit code; only that its connections stay open, for they are the test's."""
    words = ["manage.py", *map(str, arguments)]
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(connections, "close_all"):
        try:
            ManagementUtility(words).fetch_command(words[1]).run_from_argv(words)
        except SystemExit as end:
            code = end.code or 0
    return Ended(code, out.getvalue(), err.getvalue())
