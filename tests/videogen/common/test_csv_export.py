from __future__ import annotations

import csv
import io

import pytest

from videogen.common.csv_export import csv_lines

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "fox;=1+1",
    "fox;-1",
    'fox;"=1+1"',
    "fox;'=1",
    "fox;;@x",
    "fox\t=1",
    "fox\n=1",
    "fox\r\n+1",
    "fox|=1",
    '"=1"',
    " =1",
]


def cells(data, separator):
    """What a spreadsheet finds in the file that separates cells so."""
    rows = csv.reader(io.StringIO(data.removeprefix("\ufeff"), newline=""), delimiter=separator)
    return [cell.strip('" ') for row in rows for cell in row]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_no_cell_is_a_formula_whatever_separates(text, separator):
    data = "".join(csv_lines(["shot", "title"], [["one", text], [text, "two"]]))

    assert [each for each in cells(data, separator) if each.startswith(tuple("=+-@"))] == []


@pytest.mark.parametrize("text", ["A fox; then rain", "x-y", "a = b", "It's 1;2", "", "Ola, -ho-"])
def test_other_texts_stay_as_they_are(text):
    data = "".join(csv_lines(["title"], [[text]]))

    assert cells(data, ",")[1] == text
