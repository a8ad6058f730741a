"""`make bench`: ratios, each measured within one run on the machine at hand. Absolute times are
shown for orientation only. Exit code 1 when a ratio is over its bound.

    python -m tests.bench [startup] [memory] [throughput] [lists] [kills] [quota] [films] [review]
                          [board] [exports] [watch] [prompts] [checks] [store] [hosts] [archive]
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
    "hosts": hosts.measure,
    "archive": archive.measure,
}


def main(names: list[str]) -> int:
    console = Console(highlight=False)
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
    return 0 if all(figure.is_ok for figure in figures) else 1


sys.exit(main(sys.argv[1:]))
