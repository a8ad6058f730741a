"""A JSON document as a form with named fields.

A layout says which keys of a document have a field. `show` makes of a document what a page draws,
and `apply` writes what was typed into a copy of it. Whatever has no field, or was not changed,
stays as it was and where it was: other keys, other kinds of values, line ends that a browser would
change. Nothing here knows the database.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.utils.datastructures import MultiValueDict

from .designs import design_id
from .findings import named

# What the names of all fields begin with.
PREFIX = "d"
# A page with more fields is slow to read and to send.
MOST_FIELDS = 3000

Typed = MultiValueDict[str, str]


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    picture_url: str = ""


@dataclass(frozen=True)
class Edit:
    """What a button does: `verb` is add, remove or up, `name` is of the list or of its entry."""

    verb: str = ""
    name: str = ""

    @classmethod
    def of(cls, text: str) -> Edit:
        verb, _, name = text.partition(":")
        return cls(verb, name)


@dataclass(frozen=True)
class Text:
    """A text, or a list of texts with one a line. `rows` is 1 where a text has no line ends."""

    key: str
    label: str
    help: str = ""
    rows: int = 2
    choices: tuple[Choice, ...] = ()
    is_list: bool = False

    def show(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(self.key)
        if not self._fits(value):
            return _odd(self.label, value)
        is_list = isinstance(value, list) or value is None and self.is_list
        text = self._shown(value)
        choices = list(self.choices)
        if choices and text not in [each.value for each in choices]:
            choices.append(Choice(text, text))
        help_text = " ".join(
            filter(None, (self.help, "Write one on each line." if is_list else ""))
        )
        return {
            "kind": "select" if choices else "text",
            "name": name,
            "label": self.label,
            "help": help_text,
            "rows": max(self.rows, 2, min(12, text.count("\n") + 1)) if is_list else self.rows,
            "value": text,
            "choices": choices,
        }

    def apply(self, owner: dict[str, Any], typed: Typed, name: str, edit: Edit) -> None:
        value = owner.get(self.key)
        sent = typed.getlist(name)
        if not sent or not self._fits(value):
            return
        is_list = isinstance(value, list) or value is None and self.is_list
        is_one_line = self.rows == 1 and not is_list
        new = _carried(sent[-1], is_one_line)
        if new == _carried(self._shown(value), is_one_line):
            return
        if is_list:
            owner[self.key] = [line.strip() for line in new.split("\n") if line.strip()]
        else:
            owner[self.key] = new

    def _fits(self, value: Any) -> bool:
        if isinstance(value, list):
            return not self.choices and _is_list_of_lines(value)
        return value is None or isinstance(value, str)

    def _shown(self, value: Any) -> str:
        return "\n".join(value) if isinstance(value, list) else str(value or "")


@dataclass(frozen=True)
class Ids:
    """A list of ids, each with a box to tick. An id that nobody knows has one, too."""

    key: str
    label: str
    choices: tuple[Choice, ...] = ()
    empty: str = ""

    def show(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(self.key)
        if not self._fits(value):
            return _odd(self.label, value)
        known = {each.value for each in self.choices}
        strange = dict.fromkeys(each for each in value or [] if each not in known)
        return {
            "kind": "ids",
            "name": name,
            "label": self.label,
            "empty": self.empty,
            "boxes": [
                {"choice": each, "is_ticked": each.value in (value or []), "is_known": True}
                for each in self.choices
            ]
            + [
                {"choice": Choice(each, each), "is_ticked": True, "is_known": False}
                for each in strange
            ],
        }

    def apply(self, owner: dict[str, Any], typed: Typed, name: str, edit: Edit) -> None:
        value = owner.get(self.key)
        # Without a ticked box nothing is sent of the boxes, so another field says they were there.
        if f"{name}/shown" not in typed or not self._fits(value):
            return
        before = value or []
        ticked = {_carried(each) for each in typed.getlist(name)}
        after = [each for each in before if _carried(each) in ticked]
        after += [
            each.value
            for each in self.choices
            if _carried(each.value) in ticked and each.value not in before
        ]
        if after != before:
            owner[self.key] = after

    def _fits(self, value: Any) -> bool:
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return value is None or is_list


@dataclass(frozen=True)
class Group:
    """An object. Where it is free, its other texts have a field, too."""

    key: str
    label: str
    parts: tuple[Part, ...]
    help: str = ""
    is_free: bool = False

    def show(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(self.key)
        if value is not None and not isinstance(value, dict):
            return _odd(self.label, value)
        return self.show_inside(value or {}, name)

    def show_inside(self, value: dict[str, Any], name: str) -> dict[str, Any]:
        shown = list(self._shown_parts(value))
        keys = {each.key for each in shown}
        return {
            "kind": "group",
            "name": name,
            "label": self.label,
            "help": self.help,
            "parts": [each.show(value, _below(name, each.key)) for each in shown],
            "kept": [key if len(key) <= 60 else f"{key[:59]}…" for key in value if key not in keys],
        }

    def apply(self, owner: dict[str, Any], typed: Typed, name: str, edit: Edit) -> None:
        value = owner.get(self.key)
        if value is None:
            made: dict[str, Any] = {}
            self.apply_inside(made, typed, name, edit)
            if made:
                owner[self.key] = made
        elif isinstance(value, dict):
            self.apply_inside(value, typed, name, edit)

    def apply_inside(self, value: dict[str, Any], typed: Typed, name: str, edit: Edit) -> None:
        keys = list(value)
        for each in list(self._shown_parts(value)):
            each.apply(value, typed, _below(name, each.key), edit)
        if len(value) > len(keys):
            self._put_in_order(value, keys)

    def _put_in_order(self, value: dict[str, Any], keys: list[str]) -> None:
        """Put each new key before those that follow it in the layout. The others, `keys`, stay."""
        order = [each.key for each in self.parts]
        for key in [each for each in value if each not in keys]:
            later = order[order.index(key) + 1 :]
            place = next((i for i, each in enumerate(keys) if each in later), len(keys))
            keys.insert(place, key)
        ordered = {key: value[key] for key in keys}
        value.clear()
        value.update(ordered)

    def _shown_parts(self, value: dict[str, Any]) -> Iterator[Part]:
        yield from self.parts
        if not self.is_free:
            return
        known = {each.key for each in self.parts}
        for key, each in value.items():
            is_words = isinstance(each, str) or isinstance(each, list) and _is_list_of_lines(each)
            if key not in known and is_words and key.strip() and len(key) <= 60:
                yield Text(key, words_of_key(key))


@dataclass(frozen=True)
class Rows:
    """A list of objects. `new` is an entry without content.

    title_keys: whose texts name an entry. id_kind: an entry whose name was typed and that has an
    empty id gets the id that its name makes; `character` or `environment`.
    """

    key: str
    label: str
    noun: str
    parts: tuple[Part, ...]
    new: dict[str, Any] = field(default_factory=dict)
    help: str = ""
    is_free: bool = True
    title_keys: tuple[str, ...] = ()
    id_kind: str = ""
    # The addresses of their pictures, by id.
    pictures: dict[str, str] = field(default_factory=dict)

    def show(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(self.key)
        if value is not None and not isinstance(value, list):
            return _odd(self.label, value)
        return {
            "kind": "rows",
            "name": name,
            "label": self.label,
            "noun": self.noun,
            "help": self.help,
            "rows": [
                {
                    "name": f"{name}/{index}",
                    "number": index + 1,
                    "title": self._title(each),
                    "picture_url": self._picture(each),
                    "group": self._entry.show_inside(each, f"{name}/{index}")
                    if isinstance(each, dict)
                    else _odd(f"{self.noun.capitalize()} {index + 1}", each),
                }
                for index, each in enumerate(value or [])
            ],
        }

    def apply(self, owner: dict[str, Any], typed: Typed, name: str, edit: Edit) -> None:
        value = owner.get(self.key)
        if value is not None and not isinstance(value, list):
            return
        for index, each in enumerate(value or []):
            if isinstance(each, dict):
                before = each.get(f"{self.id_kind}_name")
                self._entry.apply_inside(each, typed, f"{name}/{index}", edit)
                if self.id_kind and each.get(f"{self.id_kind}_name") != before:
                    self._fill_in_id(each, value or [])
        if edit.verb == "add" and edit.name == name:
            owner[self.key] = [*(value or []), copy.deepcopy(self.new)]
        for index in range(len(value or [])):
            if value and edit.name == f"{name}/{index}":
                if edit.verb == "remove":
                    del value[index]
                elif edit.verb == "up" and index:
                    value[index - 1 : index + 1] = [value[index], value[index - 1]]
                return

    @property
    def _entry(self) -> Group:
        return Group("", self.noun, self.parts, is_free=self.is_free)

    def _fill_in_id(self, entry: dict[str, Any], entries: Sequence[Any]) -> None:
        key = f"{self.id_kind}_id"
        if entry.get(key) != "":
            return
        others = [each for each in entries if isinstance(each, dict) and each is not entry]
        taken = {design_id(each, self.id_kind) for each in others}
        wanted = found = design_id(entry, self.id_kind)
        number = 2
        while found and found in taken:
            found, number = f"{wanted}-{number}", number + 1
        entry[key] = found

    def _title(self, entry: Any) -> str:
        texts = [entry.get(key) for key in self.title_keys] if isinstance(entry, dict) else []
        return next((each for each in texts if isinstance(each, str) and each.strip()), "")[:80]

    def _picture(self, entry: Any) -> str:
        if not (self.pictures and isinstance(entry, dict)):
            return ""
        return self.pictures.get(design_id(entry, self.id_kind), "")


Part = Text | Ids | Group | Rows


def show(layout: Group, document: dict[str, Any]) -> dict[str, Any]:
    """Return what a page draws of the document: names, labels and values of its fields."""
    return layout.show_inside(document, PREFIX)


def apply(layout: Group, document: dict[str, Any], typed: Typed, edit: Edit) -> dict[str, Any]:
    """Return a copy of the document with what was typed, and with what the button does."""
    changed = copy.deepcopy(document)
    layout.apply_inside(changed, typed, PREFIX, edit)
    return changed


def count_fields(view: dict[str, Any]) -> int:
    """Return how many fields a page has that draws this."""
    below = [row["group"] for row in view["rows"]] if view["kind"] == "rows" else view.get("parts")
    return sum(map(count_fields, below or [])) + max(1, len(view.get("boxes", [])))


def words_of_key(key: str) -> str:
    """Return a key as a label: `costume_and_props` is “Costume and props”."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    words = re.sub(r"[_\-\s]+", " ", words).strip()
    return words[:1].upper() + words[1:].lower() if words.isascii() else words


def _odd(label: str, value: Any) -> dict[str, Any]:
    return {"kind": "odd", "label": label, "given": named(value)}


def _below(name: str, key: str) -> str:
    return f"{name}/{quote(key, safe='')}"


def _is_list_of_lines(value: list[Any]) -> bool:
    """Whether the list comes back from a text with one entry a line as it was."""
    return all(
        isinstance(each, str) and each == each.strip() and each and not re.search(r"[\r\n\0]", each)
        for each in value
    )


def _carried(text: str, is_one_line: bool = False) -> str:
    """Return the text as a browser sends it back."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.replace("\n", "") if is_one_line else text
