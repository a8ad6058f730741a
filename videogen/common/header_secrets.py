"""Whether a key or a token can be sent in a header at all.

Only what is sure is said here. Whether a key is valid, only the API can tell.
"""

from __future__ import annotations

import re

from storybook.printable import is_harmless

_QUOTES = (
    "\"'`´\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a\u00ab\u00bb"
)
# Visible ASCII characters: whatever else a header had, somebody on the way might read differently.
_SENDABLE = re.compile(r"[!-~]+")


def copy_problem(secret: str) -> str:
    """Return a phrase that says what is wrong with the characters of a key or token, such as "it
    has a line break among its characters"; empty if it can be sent."""
    if any(char in "\r\n\v\f\x85\u2028\u2029" for char in secret):
        return "it has a line break among its characters"
    if any(char in _QUOTES for char in secret):
        return "it has quotation marks among its characters"
    if any(char.isspace() for char in secret):
        return "it has a space among its characters"
    if any(not is_harmless(char) for char in secret):
        return "it has an invisible one among its characters"
    if not _SENDABLE.fullmatch(secret):
        return "it has a letter that no key has among its characters"
    return ""
