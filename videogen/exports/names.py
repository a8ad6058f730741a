"""Names of files that every system accepts, in which no two differ by case alone."""

from __future__ import annotations

from collections.abc import Iterable

from storybook.paths import safe_name

# Windows gives these to devices, whatever follows the first dot.
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


def portable_name(text: str) -> str:
    """Return the text as a name for a file or a folder: without spaces, so that it is the same in a
    link, and valid on Windows."""
    name = safe_name(text).replace(" ", "-").rstrip(".")
    return f"_{name}" if name.split(".")[0].lower() in _RESERVED or not name else name


def unique_names(texts: Iterable[str]) -> dict[str, str]:
    """Return a portable name for each text. What differs by case alone gets a number."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        name = plain = portable_name(text)
        number = 2
        while name.casefold() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.casefold())
        found[text] = name
    return found
