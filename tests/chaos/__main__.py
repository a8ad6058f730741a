"""`make chaos`: everything goes wrong, and nothing may be paid twice, lost or unexplained. Exit
code 1 when a count that must be 0 is not.

    python -m tests.chaos [table] [faults] [kills] [surroundings]
                          [--rounds N] [--only TEXT] [--keep]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from . import faults, kills, surroundings, table
from .judging import Tally

PARTS: dict[str, Callable[[Path, argparse.Namespace], list[Tally]]] = {
    "table": table.run,
    "faults": faults.run,
    "kills": kills.run,
    "surroundings": surroundings.run,
}
COLUMNS = {
    "Scenario": lambda tally: escape(tally.scenario),
    "Rounds": lambda tally: str(tally.rounds),
    "Accepted": lambda tally: str(tally.accepted),
    "Playing": lambda tally: str(tally.playing),
    "Unknown": lambda tally: str(tally.unknown),
    "Twice": lambda tally: str(tally.twice),
    "Lost": lambda tally: str(tally.lost),
    "Left open": lambda tally: str(tally.left_open),
    "Explained": lambda tally: f"{tally.not_done - tally.unexplained}/{tally.not_done}",
    "Traces": lambda tally: str(tally.tracebacks),
    "As expected": lambda tally: "no" if tally.wrong else "yes",
    "Seconds": lambda tally: f"{tally.seconds:.0f}",
    "": lambda tally: escape(tally.note),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=100, help="kills (default: 100)")
    parser.add_argument("--only", default="", help="only scenarios whose name has this text")
    parser.add_argument("--keep", action="store_true", help="keep databases, media and logs")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}: one of {', '.join(PARTS)}")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    is_ok = True
    for name in options.parts or PARTS:
        folder = Path(tempfile.mkdtemp(prefix=f"videogen-chaos-{name}-"))
        # A database server of our own runs as another user.
        folder.chmod(0o755)
        try:
            tallies = PARTS[name](folder, options)
        finally:
            if options.keep:
                console.print(f"kept: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
        _show(console, name, tallies)
        is_ok &= all(tally.is_ok for tally in tallies)
    console.print("all as it must be" if is_ok else "[red]NOT as it must be[/]")
    return 0 if is_ok else 1


def _show(console: Console, name: str, tallies: list[Tally]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold", title=name, title_justify="left")
    for column in COLUMNS:
        shown.add_column(column, overflow="fold")
    ran = [tally for tally in tallies if not tally.skipped]
    for tally in ran:
        style = None if tally.is_ok else "red"
        shown.add_row(*(show(tally) for show in COLUMNS.values()), style=style)
    if len(ran) > 1:
        total = sum(ran[1:], Tally("total", rounds=0) + ran[0])
        shown.add_section()
        shown.add_row(*(show(total) for show in COLUMNS.values()), style="bold")
    console.print(shown)
    for tally in tallies:
        if tally.skipped:
            console.print(f"skipped: {tally.scenario}: {tally.skipped}", markup=False)
        for sentence in tally.wrong:
            console.print(f"  {tally.scenario}: {sentence}", markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
