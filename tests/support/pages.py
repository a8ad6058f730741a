"""What a page holds: its hooks (`data-` attributes), links and forms, and its text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from django.contrib.messages import get_messages
from django.urls import reverse

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)


class Element:
    """An element of a page. `element["shot"]` is the value of its hook `data-shot`."""

    def __init__(self, tag="", attributes=()):
        self.tag = tag
        self.attributes = dict(attributes)
        self.children = []

    def __getitem__(self, hook):
        return self.attributes[f"data-{hook}"]

    def __contains__(self, hook):
        """Whether the element or one inside it has this hook."""
        return f"data-{hook}" in self.attributes or bool(self.hooks(hook))

    def __iter__(self):
        """Every element inside it, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child

    @property
    def text(self):
        parts = [each.text if isinstance(each, Element) else each for each in self.children]
        return " ".join("".join(parts).split())

    @property
    def numbers(self):
        """The numbers and the sums of money in its text."""
        return re.findall(r"\$?\d+(?:,\d{3})*(?:\.\d+)?", self.text)

    @property
    def sums(self):
        """The sums of money in its text."""
        return [each for each in self.numbers if each.startswith("$")]

    def hooks(self, name, value=None):
        """The elements inside it that have this hook, and this value of it if one is given."""
        key = f"data-{name}"
        return [
            each
            for each in self
            if key in each.attributes and value in (None, each.attributes[key])
        ]

    def hook(self, name, value=None):
        """The one element inside it that has this hook."""
        (found,) = self.hooks(name, value)
        return found

    def values(self, name):
        return [each[name] for each in self.hooks(name)]

    def texts(self, name):
        return [each.text for each in self.hooks(name)]

    def tags(self, tag):
        return [each for each in self if each.tag == tag]

    @property
    def links(self):
        return [each.attributes.get("href") for each in self.tags("a")]

    @property
    def actions(self):
        """The addresses that its forms and buttons post to."""
        found = [each.attributes.get("action") for each in self.tags("form")]
        found += [each.attributes.get("formaction") for each in self]
        return {each for each in found if each}

    @property
    def fields(self):
        """The names of what its forms send."""
        return {each.attributes["name"] for each in self if _is_field(each)}


def _is_field(element):
    is_control = element.tag in ("input", "select", "textarea", "button")
    return is_control and "name" in element.attributes


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.page = Element()
        self._open = [self.page]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, [(name, value or "") for name, value in attrs])
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data):
        self._open[-1].children.append(data)


def page_of(source):
    """The page of a response, or a part of one as HTML."""
    reader = _Reader()
    reader.feed(source if isinstance(source, str) else source.content.decode())
    reader.close()
    return reader.page


def url(batch, name="progress"):
    return reverse(f"admin:videogen_renderbatch_{name}", args=[batch.pk])


def content(response):
    page = response.content.decode()
    return page[page.index('id="content-main"') : page.index('id="footer"')]


def messages(response):
    return [str(message) for message in response.context["messages"]]


def codes(response):
    """The codes of the messages that the page shows, of those that have one."""
    return [each.extra_tags for each in response.context["messages"] if each.extra_tags]


def levels(response):
    """The levels of the messages, which are not shown yet after a redirect."""
    return [message.level_tag for message in get_messages(response.wsgi_request)]


def slices(part):
    """How many there are of each status, as the one bar in a page or a part of it has them."""
    return [(each["slice"], int(each["number"])) for each in part.hooks("slice")]


def told(page):
    """Its text, without tags."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))
