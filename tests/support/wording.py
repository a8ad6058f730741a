"""What is wrong with the words of a page or a message, whatever they say."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# Elements that end a text: what stands beside them is another one.
_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "br", "button", "caption", "dd"),
        *("details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer"),
        *("form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "kbd", "label", "legend"),
        *("li", "main", "nav", "ol", "optgroup", "option", "p", "section", "select", "summary"),
        *("table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "ul"),
    ]
)
# What stands there is data or another program's.
_SILENT = frozenset({"script", "style", "pre", "code", "textarea", "svg"})

_RULES = {
    "a sentence ends twice": re.compile(r"(?<![.…])[.!?…:;,]\s*[.,;:](?![.\w])(?<!\.\.\.)"),
    "technical words come first": re.compile(
        r"(?:^|[.!?:]\s+)(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Timeout|Failure)\b(?!s)"
    ),
    "a number has the wrong verb": re.compile(
        r"\b(?:(?<![\d.,])1 (?:need|wait|are|were|have|do)\b(?! not a)"
        # ("Take 3 is selected" and "Render 10 is cancelled" name one.)
        r"|(?<![\w./-])(?<![Tt]ake )(?<![Rr]ender )"
        r"(?:0|[2-9]|\d\d+) (?:needs|waits|is|was|has|does)\b)"
        r"(?! of| not one of)"
    ),
    "a number has the wrong noun": re.compile(
        r"(?<![\d.,/:-])\b(?:1 (?:shots|takes|videos|renders|stories|scenelets|batches|pictures|"
        r"clips|warnings|problems|times|hours|minutes|seconds|days|candidates|cents)"
        r"|(?:0|[2-9]|\d\d+) (?:shot|take|video|render|story|scenelet|batch|clip|candidate))\b"
        r"(?!\s*[/#·]|[-:])"
    ),
    # (`"key": {}` is data.)
    "words are missing": re.compile(r"(?<!: )\{\w*\}|\{\{|\{%|%\(\w+\)[sd]|(?<![\d\w])%[sd]\b"),
    "None": re.compile(r"\bNone\b(?! of)"),
    "an empty pair": re.compile(r"\(\s*\)|“\s*”|\"\s*\""),
    "space before a stop": re.compile(r"\w\s+[.,;!?](?:\s|$)"),
}
# What only those who can set it understand.
_SETTING = re.compile(r"\b(?:VIDEO|STORY|GEMINI|GOOGLE|DJANGO|DATABASE|EMAIL|MEDIA)_[A-Z]+\b")
_SENTENCE = re.compile(r"[^.!?…]{12,}[.!?…]")
# A caption and a sentence beside it.
_TWO_TEXTS = re.compile(r"[a-z0-9] (?:The|It|A) ")
_LOWER_START = re.compile(r"^[a-z][a-z]+ (?:[\w’'-]+ ){3,}[^.]*\.$")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._now: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag, attrs):
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS or "st-badge" in (dict(attrs).get("class") or ""):
            self._end()
        else:
            for name, value in attrs:
                if name in ("title", "aria-label", "alt", "placeholder") and value:
                    self.texts.append(value)

    def handle_endtag(self, tag):
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
            self._now.append("x" if tag == "code" else "")
        elif tag in _BLOCKS:
            self._end()

    def handle_data(self, data):
        if not self._silent:
            self._now.append(data)

    def _end(self):
        if text := " ".join("".join(self._now).split()):
            self.texts.append(text)
        self._now = []

    def close(self):
        super().close()
        self._end()


def texts_of(html: str) -> list[str]:
    """The texts of a page, one for each paragraph, cell, label and so on."""
    reader = _Texts()
    reader.feed(html)
    reader.close()
    return reader.texts


def names_a_setting(text: str) -> bool:
    return bool(_SETTING.search(text))


def flaws(text: str) -> list[str]:
    """What is wrong with a text; empty where nothing is."""
    found = [f"{name}: {text}" for name, rule in _RULES.items() if rule.search(text)]
    sentences = [each.strip().casefold() for each in _SENTENCE.findall(text)]
    if len(sentences) != len(set(sentences)):
        found.append(f"a sentence stands twice: {text}")
    if _LOWER_START.match(text) and not _TWO_TEXTS.search(text):
        found.append(f"a sentence begins small: {text}")
    return found
