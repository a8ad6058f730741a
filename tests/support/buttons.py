"""The buttons of a page that change something, and what each of them sends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from django.urls import resolve

from .pages import page_of

WORDS = "Closer to her hands."
# Django's own, and the button that ends everything.
_OTHERS = ("admin/login/", "admin/logout/", "admin/password_change/")


@dataclass(frozen=True)
class Press:
    """A button that is pressed on a page, with the values that its form sends."""

    address: str
    values: dict[str, list[str]] = field(default_factory=dict)
    # Names of the fields that take a file.
    files: tuple[str, ...] = ()
    # Names of what a person types, chooses or ticks; the page itself brings the others.
    typed: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    # What each box sends that is not ticked.
    boxes: tuple[tuple[str, str], ...] = ()
    button: str = ""

    @property
    def kind(self) -> tuple[object, ...]:
        """The same for buttons that do the same to another row."""
        match = resolve(self.address.partition("?")[0])
        verbs = [each for each in match.kwargs.values() if not str(each).isdigit()]
        names = {re.sub(r"\d+", "", name) for name in self.values}
        return match.route, *verbs, self.button, *sorted(names)

    @property
    def variants(self) -> list[Press]:
        """The same button with other values, as far as its form has any."""
        found: list[Press] = []
        for each in (self.ticked, self.empty, self.odd, self.strange):
            if each != self and each not in found:
                found.append(each)
        return found

    @property
    def empty(self) -> Press:
        """The same button, pressed with nothing filled in."""
        values = {name: each for name, each in self.values.items() if name not in self.typed}
        return replace(self, values=values, files=())

    @property
    def ticked(self) -> Press:
        """The same button, with every box ticked."""
        values = {name: list(each) for name, each in self.values.items()}
        for name, value in self.boxes:
            values.setdefault(name, []).append(value)
        return replace(self, values=values)

    @property
    def odd(self) -> Press:
        """The same button with words in every field in which one can write."""
        odd = {name: ["no-such-thing"] for name in self.values if name in self.written}
        return replace(self, values=self.values | odd)

    @property
    def strange(self) -> Press:
        """The same button of a page that has nothing to do with what is there."""
        return replace(self, values=dict.fromkeys(self.values, ["999999999"]))

    def data(self, files: dict[str, object]) -> dict[str, object]:
        return self.values | {name: files[name] for name in self.files if name in files}


def presses(html: str, address: str) -> list[Press]:
    """Every button of the page whose form is posted to this site."""
    page = page_of(html)
    found = []
    for form in page.tags("form"):
        if form.attributes.get("method", "get").lower() != "post":
            continue
        controls = list(form)
        if name := form.attributes.get("id"):
            controls += [each for each in page if each.attributes.get("form") == name]
        base, buttons = _filled_in(controls), _buttons(controls)
        action = form.attributes.get("action") or address
        for button in buttons:
            attributes = button.attributes
            target = urljoin(address, attributes.get("formaction") or action)
            if not target.startswith("/") or resolve(target.partition("?")[0]).route in _OTHERS:
                continue
            pressed = f"{attributes.get('name', '')}={attributes.get('value', '')}"
            values = dict(base.values)
            if attributes.get("name"):
                values[attributes["name"]] = [attributes.get("value", "")]
            press = replace(base, address=target, values=values, button=pressed)
            found += _actions(press, controls) or [press]
    return found


def _actions(press: Press, controls) -> list[Press]:
    """The button of a list of records, once for each action that the list offers."""
    return [
        replace(
            press,
            values=press.ticked.values | {"action": [option.attributes["value"]]},
            button=option.attributes["value"],
        )
        for each in controls
        if each.tag == "select" and each.attributes.get("name") == "action"
        for option in each.tags("option")
        if option.attributes.get("value")
    ]


def _buttons(controls):
    return [
        each
        for each in controls
        if (each.tag == "button" and each.attributes.get("type", "submit") == "submit")
        or (each.tag == "input" and each.attributes.get("type") == "submit")
    ]


def _filled_in(controls) -> Press:
    """The values of a form as a browser sends them; what has to be filled in has some words."""
    values: dict[str, list[str]] = {}
    files, typed, written, boxes = [], set(), set(), []
    for each in controls:
        attributes, name = each.attributes, each.attributes.get("name")
        kind = attributes.get("type", "text") if each.tag == "input" else each.tag
        if not name or kind in ("submit", "button"):
            continue
        if each.tag not in ("input", "select", "textarea"):
            continue
        if kind != "hidden":
            typed.add(name)
        if kind not in ("hidden", "file", "checkbox", "radio", "select"):
            written.add(name)
        if kind == "file":
            files.append(name)
        elif kind in ("checkbox", "radio"):
            if "checked" not in attributes:
                boxes.append((name, attributes.get("value", "on")))
            else:
                values.setdefault(name, []).append(attributes.get("value", "on"))
        elif kind == "select":
            options = each.tags("option")
            chosen = [option for option in options if "selected" in option.attributes]
            if not chosen and "multiple" not in attributes:
                chosen = options[:1]
            values.setdefault(name, []).extend(
                option.attributes.get("value", option.text) for option in chosen
            )
        else:
            text = each.text if kind == "textarea" else attributes.get("value", "")
            if not text and "required" in attributes:
                text = WORDS
            values.setdefault(name, []).append(text)
    return Press("", values, tuple(files), frozenset(typed), frozenset(written), tuple(boxes))
