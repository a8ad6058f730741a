"""Names that a person may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

# More are not read in one sentence.
_MOST = 3


def near_names(name: str, known: Iterable[str] | Mapping[str, str]) -> list[str]:
    """Return the known names that are like `name`, the likeliest first.

    known: the names; or the title of each, by its name, where people may say the title instead.
    Case, and whether words are parted by a space, a hyphen or an underscore, do not matter.
    """
    titles = known if isinstance(known, Mapping) else dict.fromkeys(known, "")
    # The name comes first, so that a title never hides it.
    by_spelling: dict[str, str] = {}
    for spelling, each in [
        *((_plain(each), each) for each in titles),
        *((_plain(title), each) for each, title in titles.items() if title),
    ]:
        by_spelling.setdefault(spelling, each)
    wanted = _plain(name)
    found = get_close_matches(wanted, by_spelling, n=_MOST, cutoff=0.6)
    # Who types a part of a name has typed too little, not something else.
    parts = [each for each in by_spelling if len(wanted) > 2 and wanted in each]
    near = dict.fromkeys(by_spelling[each] for each in [*found, *parts])
    return list(near)[:_MOST]


def did_you_mean(name: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """Return the question that names what `name` may have meant; empty if nothing is like it."""
    near = near_names(name, known)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
