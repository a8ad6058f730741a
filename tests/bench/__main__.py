"""`make bench`: ratios, each measured within one run on the machine at hand. Absolute times are
shown for orientation only. Exit code 1 when a ratio is over its bound.

    python -m tests.bench [startup] [memory] [throughput] [lists] [kills] [quota] [films] [review]
                          [board] [exports] [watch] [prompts] [checks] [store] [hosts] [archive]
                          [people]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import (
    archive,
    board,
    checks,
    exports,
    films,
    hosts,
    kills,
    lists,
    memory,
    people,
    prompts,
    quota,
    review,
    startup,
    store,
    throughput,
    watch,
)
from .measure import Figure

PARTS = {
    "startup": startup.measure,
    "memory": memory.measure,
    "throughput": throughput.measure,
    "lists": lists.measure,
    "kills": kills.measure,
    "quota": quota.measure,
    "films": films.measure,
    "review": review.measure,
    "board": board.measure,
    "exports": exports.measure,
    "watch": watch.measure,
    "prompts": prompts.measure,
    "checks": checks.measure,
    "store": store.measure,
    "people": people.measure,
    "hosts": hosts.measure,
    "archive": archive.measure,
}

WIDTH = 200


def main(names: list[str]) -> int:
    # A file has no width. In 80 columns, each word of the last column would have a line.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    figures: list[Figure] = []
    for name in names or PARTS:
        folder = Path(tempfile.mkdtemp(prefix=f"videogen-bench-{name}-"))
        console.print(f"{name} …")
        try:
            measured = PARTS[name](folder)
            # A later part that breaks must not take them along.
            for figure in measured:
                console.print(f"  {figure.what}: {figure.shown}")
            figures += measured
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("What", "Figure", "Bound", "", "How"):
        table.add_column(column)
    for figure in figures:
        wrong = "[yellow]not measured[/]" if figure.not_measured else "[red]over[/]"
        verdict = "[green]ok[/]" if figure.is_ok else wrong
        table.add_row(figure.what, figure.shown, figure.bound_shown, verdict, figure.how)
    console.print(table)
    wrong = [figure for figure in figures if not figure.is_ok]
    console.print(f"{len(figures)} figures, {len(wrong)} over their bounds or not measured")
    for figure in wrong:
        console.print(f"  {figure.what}: {figure.shown}, {figure.bound_shown}")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
