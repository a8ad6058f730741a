"""Which known name somebody may have meant. Nothing is matched by it: it only makes hints."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache

_between_words = re.compile(r"[\W_]+")
_in_brackets = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_article = re.compile(r"^(?:the|a|an|der|die|das|le|la|el)-")
_space = re.compile(r"\s+")
# Longer texts are no names, and comparing them takes long.
_longest = 200
# Among more ids only those are found that differ in case, spaces and the like.
_most_compared = 300
_most_kept = 1000


class NearIds:
    """Known ids, each with its name, to find which of them a text may stand for."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {each: name for each, name in names.items() if len(each) <= _longest}
        self._found: dict[str, str] = {}

    def near(self, text: str) -> str:
        """Return the id that `text` may stand for, or ""."""
        if len(text) > _longest:
            return ""
        if text not in self._found:
            if len(self._found) > _most_kept:
                self._found.clear()
            self._found[text] = self._find(text)
        return self._found[text]

    def _find(self, text: str) -> str:
        for form, ids in self._forms:
            if found := ids.get(form(text)):
                return found
        if len(self._slugs) > _most_compared:
            return ""
        close = difflib.get_close_matches(_slug(text), self._slugs, n=1, cutoff=0.8)
        return self._slugs[close[0]] if close else ""

    @cached_property
    def _forms(self) -> list[tuple[Callable[[str], str], dict[str, str]]]:
        found: list[tuple[Callable[[str], str], dict[str, str]]] = []
        for form in (folded, _slug, _bare, _without_remarks):
            ids: dict[str, str] = {}
            for each, name in self._names.items():
                ids.setdefault(form(each), each)
                ids.setdefault(form(name[:_longest]), each)
            ids.pop("", None)
            found.append((form, ids))
        return found

    @cached_property
    def _slugs(self) -> dict[str, str]:
        return {_slug(each): each for each in self._names}


def near_id(text: str, names: Mapping[str, str]) -> str:
    """Return the id that `text` may stand for, or "". `names` has each id with its name."""
    return NearIds(names).near(text)


def near_key(key: str, known: Iterable[str], cutoff: float = 0.8) -> str:
    """Return the known key that `key` may stand for, or "". A known key stands for itself."""
    return _near_key(key, tuple(known), cutoff) if len(key) <= _longest else ""


# The shots of a story have the same keys.
@lru_cache(maxsize=_most_kept)
def _near_key(key: str, known: tuple[str, ...], cutoff: float) -> str:
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
