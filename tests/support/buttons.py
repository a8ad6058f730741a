"""Every button of a page that sends something, with what a browser would send unchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction

from .pages import page_of

# Of each page another, though the button is the same.
_PASSING = frozenset({"csrfmiddlewaretoken", "next"})


@dataclass(frozen=True)
class Button:
    """words: what it says. target: the address. fields: names and values, its own among them."""

    words: str
    target: str
    fields: tuple[tuple[str, str], ...]

    @property
    def key(self):
        """The same for the same button of several pages."""
        return self.target, tuple(each for each in self.fields if each[0] not in _PASSING)


def buttons_of(html: str, address: str) -> Iterator[Button]:
    """The buttons of the forms that post. Where several rows can be ticked and none is, each button
    once with all of them, too; in a list with actions, each action with all rows."""
    page = page_of(html)
    for form in page.tags("form"):
        if form.attributes.get("method", "").lower() != "post":
            continue
        controls = [each for each in form if "form" not in each.attributes]
        if name := form.attributes.get("id"):
            controls += [each for each in page if each.attributes.get("form") == name]
        controls = [each for each in controls if "disabled" not in each.attributes]
        fields = [pair for each in controls for pair in _sent(each)]
        rows = _rows(controls)
        action = urljoin(address, form.attributes.get("action") or address)
        for each in filter(_is_button, controls):
            words = each.text or each.attributes.get("value", "")
            target = urljoin(address, each.attributes.get("formaction") or action)
            own = _own(each)
            if own == [("index", "0")]:
                for choice, called in _actions(controls):
                    sent = [pair for pair in fields if pair[0] != "action"]
                    yield Button(called, target, (*sent, ("action", choice), *rows))
                continue
            yield Button(words, target, (*fields, *own))
            if rows:
                yield Button(f"{words}, all", target, (*fields, *rows, *own))


def press(browser, button: Button):
    """The page that comes, after all redirects. Nothing of what is written stays."""
    data: dict[str, list[str]] = {}
    for name, value in button.fields:
        data.setdefault(name, []).append(value)
    cookies = dict(browser.cookies)
    with transaction.atomic():
        response = browser.post(button.target, data, follow=True)
        if response.streaming:
            response.close()
        transaction.set_rollback(True)
    browser.cookies.clear()
    browser.cookies.update(cookies)
    return response


def _rows(controls):
    """The boxes of several rows of which none is ticked, as if all were."""
    boxes = [each for each in controls if each.attributes.get("type") == "checkbox"]
    names = Counter(each.attributes.get("name") for each in boxes)
    ticked = {each.attributes.get("name") for each in boxes if "checked" in each.attributes}
    return [
        (name, each.attributes.get("value", "on"))
        for each in boxes
        if (name := each.attributes.get("name")) not in ticked
        and (names[name] > 1 or name == ACTION_CHECKBOX_NAME)
    ]


def _actions(controls):
    [choice] = [each for each in controls if each.attributes.get("name") == "action"]
    for option in choice.tags("option"):
        if value := option.attributes.get("value"):
            yield value, option.text


def _is_button(element):
    if element.tag == "button":
        return element.attributes.get("type", "submit") == "submit"
    return element.tag == "input" and element.attributes.get("type") in ("submit", "image")


def _own(button):
    name = button.attributes.get("name")
    return [(name, button.attributes.get("value", ""))] if name else []


def _sent(control):
    """What the control adds to the form as it stands there: nothing, or names with values."""
    name = control.attributes.get("name")
    if not name:
        return
    if control.tag == "textarea":
        text = "".join(each for each in control.children if isinstance(each, str))
        yield name, text.removeprefix("\n")
    elif control.tag == "select":
        options = control.tags("option")
        chosen = [each for each in options if "selected" in each.attributes]
        if not chosen and "multiple" not in control.attributes:
            chosen = options[:1]
        for each in chosen:
            yield name, each.attributes.get("value", each.text)
    elif control.tag == "input":
        kind = control.attributes.get("type", "text")
        is_off = kind in ("checkbox", "radio") and "checked" not in control.attributes
        if not is_off and kind not in ("submit", "image", "button", "reset", "file"):
            yield name, control.attributes.get("value", "on" if kind == "checkbox" else "")
