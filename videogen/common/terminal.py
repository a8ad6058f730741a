"""Tables of the commands on standard output."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, TextIO, cast

from rich.console import Console

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

# A pipe or a file has no width of its own; tables wrap less when they are given room.
WIDTH_WITHOUT_TERMINAL = 200


def table_console(out: TextIO | OutputWrapper) -> Console:
    """Return a console for tables that writes to `out`."""
    # Django's OutputWrapper has every method that rich calls, but no type that says so.
    file = cast("IO[str]", out)
    console = Console(file=file, highlight=False)
    if console.is_terminal:
        return console
    return Console(file=file, width=WIDTH_WITHOUT_TERMINAL, highlight=False)
