"""What a browser sends of a form with named fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from storybook.document_editor import PREFIX


def named(*keys: str | int) -> str:
    """The name of a field, by the keys that lead to it."""
    return "/".join([PREFIX, *(quote(str(key), safe="") for key in keys)])


def fields_of(view: dict[str, Any]) -> dict[str, list[str]]:
    """The names and values of all fields of a document's view, unchanged."""
    return dict(_fields(view))


def _fields(view: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    kind = view["kind"]
    if kind in ("text", "select"):
        yield view["name"], [_sent(view["value"], is_one_line=view["rows"] == 1)]
    elif kind == "ids":
        yield f"{view['name']}/shown", ["1"]
        ticked = [_sent(each["choice"].value) for each in view["boxes"] if each["is_ticked"]]
        if ticked:
            yield view["name"], ticked
    for below in view.get("parts", []):
        yield from _fields(below)
    for row in view["rows"] if kind == "rows" else ():
        yield from _fields(row["group"])


def _sent(text: str, *, is_one_line: bool = False) -> str:
    """A text as a browser reads it in a page and sends it back."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.replace("\n", "") if is_one_line else text.replace("\n", "\r\n")
