from __future__ import annotations

from io import StringIO

import pytest
from rich.table import Table

from videogen.common.terminal import print_table, table_console

PATH = "media/the-night-the-tide-forgot/shots/under-the-lighthouse/shot-12/take-3.mp4"
ID = "models/veo-3.1-generate-preview/operations/a1b2c3d4e5f6g7h8i9j0"


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("width", ["40", "80", "200"])
@pytest.mark.parametrize("out", [Terminal, StringIO])
def test_no_word_of_a_table_is_broken(monkeypatch, width, out):
    monkeypatch.setenv("COLUMNS", width)
    told, table = out(), Table(box=None)
    for column in ("Shot", "What"):
        table.add_column(column)
    table.add_row("under-the-lighthouse / shot 12", f"It is stored at {PATH} by {ID} at last.")

    console = table_console(told)
    print_table(console, table)
    console.print(f"Videos are below {PATH} and {ID}", markup=False)

    words = told.getvalue().split()
    assert (words.count(PATH), words.count(ID)) == (2, 2)
    assert "under-the-lighthouse" in words
