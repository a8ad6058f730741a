"""Tables of the commands on standard output."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, TextIO, cast

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

# A pipe or a file has no width of its own; tables wrap less when they are given room.
WIDTH_WITHOUT_TERMINAL = 200
_WIDER_THAN_ANY_WORD = 100_000


def table_console(out: TextIO | OutputWrapper) -> Console:
    """Return a console for tables that writes to `out`. Sentences beside the tables are left to
    the terminal to wrap, so that an id or a path in them can be copied."""
    # Django's OutputWrapper has every method that rich calls, but no type that says so.
    file = cast("IO[str]", out)
    console = Console(file=file, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


def print_table(console: Console, table: Table) -> None:
    """Print the table without breaking a word: a column is at least as wide as its longest one,
    even if the table gets wider than the terminal. Ids and paths can be copied then."""
    options = console.options.update(max_width=_WIDER_THAN_ANY_WORD)
    for column in table.columns:
        cells = [column.header, column.footer, *column.cells]
        column.min_width = max(Measurement.get(console, options, cell).minimum for cell in cells)
    console.print(table, soft_wrap=False, crop=False)
