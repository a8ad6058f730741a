"""Text from outside (a bundle, an id, an answer of a server) for a terminal or a log."""

from __future__ import annotations

from unicodedata import category

# They join letters and emoji, and do nothing else.
_JOINERS = "\u200c\u200d"


def printable(text: str, *, keeps_lines: bool = False) -> str:
    """Return the text with everything written out that a terminal obeys or that forges a line:
    control characters, changes of the direction, ends of lines (unless `keeps_lines`)."""
    if text.isprintable():
        return text
    return "".join(
        char if is_harmless(char) or keeps_lines and char == "\n" else ascii(char)[1:-1]
        for char in text
    )


def is_harmless(char: str) -> bool:
    """Whether the character shows itself and nothing else."""
    return category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in _JOINERS or char == "\t"
