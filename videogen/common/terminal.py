"""What the commands write on a terminal: tables and lines, whoever wrote the words in them.

An id of a story or a message of a server may hold escape sequences that a terminal obeys, so
everything goes through `for_terminal`. What an output that breaks does is in broken_output.py.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .broken_output import OutputBroken, breaking
from .untrusted_text import for_terminal

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

# A pipe or a file has no width of its own; tables wrap less when they are given room.
WIDTH_WITHOUT_TERMINAL = 200
_WIDER_THAN_ANY_WORD = 100_000


class PlainConsole(Console):
    """A console that writes out whatever a terminal would obey, and that says when it breaks."""

    def say(self, text: object) -> None:
        """Print one line, which is never wrapped."""
        self.print(for_terminal(text), markup=False, soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(for_terminal(text, keeps_lines=True), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        with breaking():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        raise OutputBroken


def table_console(out: TextIO | OutputWrapper) -> PlainConsole:
    """Return a console for tables that writes to `out`."""
    # Django's OutputWrapper has every method that rich calls, but no type that says so.
    file = cast("IO[str]", out)
    console = PlainConsole(file=file, highlight=False)
    if console.is_terminal:
        return console
    return PlainConsole(file=file, width=WIDTH_WITHOUT_TERMINAL, highlight=False)


def print_table(console: Console, table: Table) -> None:
    """Print the table without breaking a word: a column is at least as wide as its longest one,
    even if the table gets wider than the terminal. Ids and paths can be copied then."""
    options = console.options.update(max_width=_WIDER_THAN_ANY_WORD)
    for column in table.columns:
        cells = [column.header, column.footer, *column.cells]
        column.min_width = max(Measurement.get(console, options, cell).minimum for cell in cells)
    console.print(table, soft_wrap=False, crop=False)
