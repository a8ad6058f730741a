"""Findings on a terminal and as JSON. Imports nothing of the application."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .findings import Finding, Level, summarize

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "red"}


def tell_json(findings: Iterable[Finding], out: TextIO) -> None:
    """One object a line, the sums last."""
    findings = list(findings)
    lines = [
        {
            "check": each.key,
            "level": each.level.value,
            "sentence": each.sentence,
            "what_to_do": each.what_to_do or None,
        }
        for each in findings
    ]
    for line in (*lines, {"summary": asdict(summarize(findings))}):
        out.write(json.dumps(line) + "\n")


def tell(findings: Iterable[Finding], out: TextIO) -> None:
    findings = list(findings)
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        console = Console(file=out, width=200, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Level", "Check", "What is found, and what to do"):
        table.add_column(column, overflow="fold")
    for each in findings:
        what = escape(each.sentence)
        if each.what_to_do:
            what += f"\n[bold]→[/] {escape(each.what_to_do)}"
        style = _STYLES[each.level]
        table.add_row(f"[{style}]{each.level}[/]", escape(each.title), what)
    console.print(table)
    sums = summarize(findings)
    console.print(
        f"{sums.ok} ok, {_count(sums.warnings, 'warning')}, {_count(sums.failures, 'failure')}."
    )


def exit_code(findings: Iterable[Finding]) -> int:
    return 1 if summarize(findings).failures else 0


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
