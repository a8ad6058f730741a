"""Lists, a page at a time. A cursor says after which row the next page begins, so no row is missed
or told twice while others are added."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from pydantic import Field

from .fields import LARGEST_KEY, In, Out, Text
from .problems import ApiProblem

Row = TypeVar("Row", bound=Model)


class PageQuery(In):
    cursor: Text | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=200, description="How many rows a page has at most.")


class Page(Out):
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


def read_page(
    rows: QuerySet[Row], query: PageQuery, order: Sequence[str] = ("-pk",)
) -> tuple[list[Row], str | None]:
    """Return the rows of the page and the cursor of the next one. Makes one query.

    order: columns that together are unique; those of a list that shows the newest first begin with
    a minus.
    """
    if query.cursor is not None:
        try:
            rows = rows.filter(_after(order, _read_cursor(query.cursor, order)))
        except (ValueError, TypeError, ValidationError) as error:
            raise _wrong_cursor() from error
    found = list(rows.order_by(*order)[: query.limit + 1])
    if len(found) <= query.limit:
        return found, None
    found.pop()
    return found, _cursor(found[-1], order)


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the condition that a row comes after the one with these values: its first column is
    later, or the same and its second one is later, and so on."""
    condition, same = Q(), Q()
    for column, value in zip(order, values, strict=True):
        name = column.removeprefix("-")
        further = f"{name}__lt" if column.startswith("-") else f"{name}__gt"
        condition |= same & Q(**{further: value})
        same &= Q(**{name: value})
    return condition


def _cursor(row: Model, order: Sequence[str]) -> str:
    values = [_value(row, column.removeprefix("-")) for column in order]
    return (
        base64.urlsafe_b64encode(json.dumps([*order, *values], default=str).encode())
        .decode()
        .rstrip("=")
    )


def _value(row: Any, column: str) -> Any:
    for name in column.split("__"):
        row = getattr(row, name)
    return row


def _read_cursor(cursor: str, order: Sequence[str]) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    values = found[len(order) :] if isinstance(found, list) else []
    if (
        not isinstance(found, list)
        or found[: len(order)] != list(order)
        or len(values) != len(order)
        or not all(map(_can_be_in_a_column, values))
    ):
        raise _wrong_cursor()
    return values


def _can_be_in_a_column(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 64 and value.isprintable()
    return type(value) is int and abs(value) <= LARGEST_KEY


def _wrong_cursor() -> ApiProblem:
    return ApiProblem(400, "cursor", "The cursor is not one of this list.")
