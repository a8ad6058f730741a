"""Findings on a terminal and as JSON.

Nothing is imported here that needs a configured Django: findings are shown even if it cannot start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from django.utils.translation import ngettext
from rich.markup import escape
from rich.table import Table

from videogen.common import terminal

from .findings import Finding, Level, summarize

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "red"}


def print_json(findings: Iterable[Finding], out: TextIO | OutputWrapper) -> None:
    """Print one object for each finding, and the summary last."""
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


def print_table(findings: Iterable[Finding], out: TextIO | OutputWrapper) -> None:
    findings = list(findings)
    console = terminal.table_console(out)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Level", "Check", "What is found, and what to do"):
        table.add_column(column)
    for each in findings:
        what = escape(each.sentence)
        if each.what_to_do:
            what += f"\n[bold]→[/] {escape(each.what_to_do)}"
        style = _STYLES[each.level]
        table.add_row(f"[{style}]{each.level}[/]", escape(each.title), what)
    terminal.print_table(console, table)
    sums = summarize(findings)
    warnings = ngettext("%d warning", "%d warnings", sums.warnings) % sums.warnings
    failures = ngettext("%d failure", "%d failures", sums.failures) % sums.failures
    console.print(f"{sums.ok} ok, {warnings}, {failures}.")


def exit_code(findings: Iterable[Finding]) -> int:
    return 1 if summarize(findings).failures else 0
