"""JSON that other people wrote, checked so that it can be stored, shown and written again."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

# Writing indented JSON recurses in Python, so a document with deeper nesting could be read but not
# be written. Documents of real stories have about 8 levels.
DEEPEST = 100
LONGEST_NUMBER = 1000

# What a document may hold. Real stories have some ten thousand objects; a file of the largest
# allowed size with nothing but empty objects would take gigabytes of memory.
MOST_CONTAINERS = 1_000_000
MOST_VALUES = 2_000_000

_half_a_pair = re.compile(r"\\u[dD][89a-fA-F]")
# A string, closed or not, or a bracket. Possessive quantifiers, so that the regex never backtracks.
_token = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class NotJSON(ValueError):
    """The text is not JSON at all."""


class DuplicateKeys(ValueError):
    """Objects have the same key twice. JSON readers would keep the last one and drop the others.

    `places` are paths such as `scenelets[0].shots`.
    """

    def __init__(self, places: list[str]) -> None:
        self.places = places
        super().__init__("; ".join(f"{place}: {self.words}" for place in places))

    words = "twice in the same object"


def parse_json(text: str) -> Any:
    """Return the value in `text`.

    Raises ValueError with a sentence if the text is not JSON (NotJSON), if keys are repeated
    (DuplicateKeys), or if a database, an HTTP request or a page cannot carry it (NaN, half
    characters, endless nesting).
    """
    too_deep = f"it is nested deeper than {DEEPEST} levels"
    text = text.removeprefix("\ufeff")
    _refuse_too_many(text)
    repeated = _RepeatedKeys()
    try:
        value = json.loads(
            text,
            object_pairs_hook=repeated.as_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole_number,
        )
    except RecursionError:
        raise ValueError(too_deep) from None
    except ValueError as error:
        # Versions of Python give up at different depths. Under all of them, a text that is too deep
        # gets this message, whatever else is wrong with it.
        if _opens_more_than(text, DEEPEST):
            raise ValueError(too_deep) from None
        if isinstance(error, json.JSONDecodeError):
            error = _after_the_comma(text, error)
            hint = _hint(text, error)
            where = f"line {error.lineno} column {error.colno}"
            raise NotJSON(f"{hint} ({where})" if hint else str(error)) from None
        raise
    if is_deeper_than(value, DEEPEST):
        raise ValueError(too_deep)
    repeated.refuse_if_any(value)
    # Searching the text first saves the walk through nearly every document.
    if _half_a_pair.search(text):
        for place, string in _strings(value):
            if not _is_encodable(string):
                where = place if _is_encodable(place) else ascii(place)
                raise ValueError(
                    f"{where or 'the text'} holds half a character (a lone surrogate escape, \\ud…)"
                )
    return value


_most_repeated = 20


class _RepeatedKeys:
    """Notes the objects that have a key twice while they are read."""

    def __init__(self) -> None:
        self._found: list[tuple[dict[str, Any], str]] = []

    def as_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs) and len(self._found) < _most_repeated:
            counts = Counter(key for key, _ in pairs)
            self._found += [(found, key) for key, number in counts.items() if number > 1]
        return found

    def refuse_if_any(self, value: Any) -> None:
        """Raise DuplicateKeys. `value` is the whole document."""
        if self._found:
            raise DuplicateKeys(_places_of(self._found[:_most_repeated], value))


def _refuse_too_many(text: str) -> None:
    if text.count("{") + text.count("[") > MOST_CONTAINERS:
        raise ValueError(f"it holds more than {MOST_CONTAINERS} objects and lists")
    if text.count(",") > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES} values")


def _places_of(repeated: list[tuple[dict[str, Any], str]], value: Any) -> list[str]:
    """Return where the keys are. An object that was itself dropped has no place: then the key."""
    places: dict[int, str] = {}
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, node = waiting.pop()
        if isinstance(node, dict):
            places[id(node)] = place
            waiting += [(f"{place}.{key}" if place else key, each) for key, each in node.items()]
        elif isinstance(node, list):
            waiting += [(f"{place}[{index}]", each) for index, each in enumerate(node)]
    found = []
    for node, key in repeated:
        short = key if len(key) <= 60 else f"{key[:59]}…"
        place = places.get(id(node), "")[-200:]
        found.append((f"{place}.{short}" if place else short).encode("utf-8", "replace").decode())
    return list(dict.fromkeys(found))


def _after_the_comma(text: str, error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Return the error where Python 3.11 and 3.12 see it: at the bracket behind a comma too many.
    Later versions stop at the comma."""
    if not error.msg.startswith("Illegal trailing comma"):
        return error
    bracket = re.compile(r"[\]}]").search(text, error.pos)
    return json.JSONDecodeError(error.msg, text, bracket.start()) if bracket else error


def _hint(text: str, error: json.JSONDecodeError) -> str:
    """Return what a person can do about a text that is nearly JSON, or ""."""
    begun = text.removeprefix("\ufeff").lstrip()
    before = text[: error.pos].rstrip()
    here = text[error.pos :].lstrip()
    if not begun:
        return "it is empty"
    if begun.startswith(("```", "~~~")):
        return "it begins with a code fence: remove it, and the one at the end"
    if begun[0] not in '{["' and (found := re.search(r"[{\[]", begun)):
        said = " ".join(begun[: found.start()].replace("`", "").split())
        return f"it begins with “{_short(said)}”: remove what stands before the JSON"
    if error.msg.startswith("Extra data"):
        if here.startswith(("```", "~~~")):
            return "a code fence follows the JSON: remove it"
        return f"“{_short(' '.join(here.split()))}” follows the JSON: remove it"
    if before.endswith(",") and here[:1] in ("}", "]"):
        return f"a comma before {here[0]}: remove it"
    if here.startswith(("//", "/*", "#")):
        return "a comment: JSON has none, remove it"
    if here[:1] in ("'", "“", "”", "„", "‘", "’"):
        return 'a text in other quotation marks: JSON has "…" only'
    if found := re.match(r"(True|False|None|undefined)\b", here):
        return f"{found[1]} is not a JSON value: JSON has true, false and null"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


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
