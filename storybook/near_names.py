"""Which known name somebody may have meant. Nothing is matched by it: it only makes hints."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping

_between_words = re.compile(r"[\W_]+")
_in_brackets = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_article = re.compile(r"^(?:the|a|an|der|die|das|le|la|el)-")
_space = re.compile(r"\s+")
# Longer texts are no names, and comparing them takes long.
_longest = 200


def near_id(text: str, names: Mapping[str, str]) -> str:
    """Return the id that `text` may stand for, or "". `names` has each id with its name."""
    if len(text) > _longest:
        return ""
    for form in (folded, _slug, _bare, _without_remarks):
        wanted = form(text)
        for each, name in names.items():
            if wanted and wanted in (form(each), form(name)):
                return each
    slugs = {_slug(each): each for each in names if len(each) <= _longest}
    close = difflib.get_close_matches(_slug(text), slugs, n=1, cutoff=0.8)
    return slugs[close[0]] if close else ""


def near_key(key: str, known: Iterable[str], cutoff: float = 0.8) -> str:
    """Return the known key that `key` may stand for, or "". A known key stands for itself."""
    if len(key) > _longest:
        return ""
    forms = {squeezed(each): each for each in known}
    wanted = squeezed(key)
    if wanted in forms:
        return forms[wanted]
    close = difflib.get_close_matches(wanted, forms, n=1, cutoff=cutoff)
    return forms[close[0]] if close else ""


def folded(text: str) -> str:
    """Return the text in one case and one Unicode form, without invisible characters, and without
    white space around it."""
    visible = "".join(
        char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf"
    )
    return unicodedata.normalize("NFKC", _space.sub(" ", visible).strip().casefold())


def _slug(text: str) -> str:
    return _between_words.sub("-", folded(text)).strip("-")


def _bare(text: str) -> str:
    """Without accents and a leading article."""
    plain = unicodedata.normalize("NFD", _slug(text))
    return _article.sub("", "".join(char for char in plain if not unicodedata.combining(char)))


def _without_remarks(text: str) -> str:
    """Without what stands in brackets: "Narrator (V.O.)"."""
    return _bare(_in_brackets.sub(" ", text))


def squeezed(text: str) -> str:
    """Return the letters and digits of the text in one case: `shotIndex` is `shot_index`."""
    return _between_words.sub("", folded(text))
