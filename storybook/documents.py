"""JSON that other people wrote, checked so that it can be stored, shown and written again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

# Writing indented JSON recurses in Python, so a document with deeper nesting could be read but not
# be written. Documents of real stories have about 8 levels.
DEEPEST = 100
LONGEST_NUMBER = 1000

_half_a_pair = re.compile(r"\\u[dD][89a-fA-F]")
# A string, closed or not, or a bracket. Possessive quantifiers, so that the regex never backtracks.
_token = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse_json(text: str) -> Any:
    """Return the value in `text`.

    Raises ValueError with a sentence if the text is not JSON, or if a database, an HTTP request or
    a page cannot carry it (NaN, half characters, endless nesting).
    """
    too_deep = f"it is nested deeper than {DEEPEST} levels"
    text = text.removeprefix("\ufeff")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole_number,
        )
    except RecursionError:
        raise ValueError(too_deep) from None
    except ValueError:
        # Versions of Python give up at different depths. Under all of them, a text that is too deep
        # gets this message, whatever else is wrong with it.
        if _opens_more_than(text, DEEPEST):
            raise ValueError(too_deep) from None
        raise
    if is_deeper_than(value, DEEPEST):
        raise ValueError(too_deep)
    # Searching the text first saves the walk through nearly every document.
    if _half_a_pair.search(text):
        for place, string in _strings(value):
            if not _is_encodable(string):
                where = place if _is_encodable(place) else ascii(place)
                raise ValueError(
                    f"{where or 'the text'} holds half a character (a lone surrogate escape, \\ud…)"
                )
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def _whole_number(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits)} digits, more than {LONGEST_NUMBER}")
    return int(digits)


def _opens_more_than(text: str, depth: int) -> bool:
    """Whether more than `depth` brackets are open at once. The text need not be JSON."""
    is_open = 0
    for token in _token.finditer(text):
        if token[0] in "[{":
            is_open += 1
            if is_open > depth:
                return True
        elif token[0] in "]}":
            is_open -= 1
    return False


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the JSON objects in a list, and nothing for any other value."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def is_deeper_than(value: Any, depth: int) -> bool:
    """Whether lists and objects are nested deeper than `depth`."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _strings(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every string in the value, keys included."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, child in value.items():
            below = f"{place}.{key}" if place else key
            yield below, key
            yield from _strings(child, below)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _strings(child, f"{place}[{index}]")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
