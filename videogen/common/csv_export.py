"""Tables as CSV for spreadsheets. They are streamed, and a cell that looks like a formula is
escaped, so that a spreadsheet does not run it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.utils import timezone

# A spreadsheet takes text that begins with one of these for a formula, and anybody may have written
# a title.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# In many countries a semicolon separates cells, and a person may choose a tab. Then the middle of a
# text begins a cell.
_FORMULA_INSIDE = re.compile(r"""([;|\t\r\n])(?=["']*[=+\-@])""")


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """Return a download of the table. `rows` is read while the response is sent."""
    response = StreamingHttpResponse(csv_lines(header, rows), content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    # Without this byte order mark, spreadsheets do not recognise UTF-8.
    yield "\ufeff" + writer.writerow(header)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Decimal):
        # This is an amount of money, and SQLite calculates with floating-point numbers.
        return f"{value:.2f}"
    if isinstance(value, str):
        text = _FORMULA_INSIDE.sub(r"\1'", value)
        return f"'{text}" if text.lstrip("\"' ").startswith(_FORMULA_STARTS) else text
    return value
