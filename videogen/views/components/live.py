"""What a page knows already, so that a poll is answered with what changed only.

Each live part has a look (any value that its HTML follows from). The looks of many parts become one
short text, their marks: the page gets it, sends it back as `since`, and parts whose marks are the
same are left out. Nothing is stored between two polls; whoever sends no marks gets everything.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from zlib import crc32

from videogen.models.states import BadgeWord

TROUBLE = (BadgeWord.FAILED.value, BadgeWord.NEEDS_DECISION.value)


# Parts share marks, so that an address stays short whatever the number of parts: one that changed
# brings the others of its group along.
_GROUPS = 64
_BYTES = 3
_LETTERS = 4


def marks_of(looks: Mapping[str, object]) -> str:
    hashes = [blake2b(digest_size=_BYTES) for _ in range(_GROUPS)]
    for key, look in looks.items():
        hashes[_group(key)].update(f"{key}\0{look!r}\0".encode())
    return "".join(urlsafe_b64encode(each.digest()).decode() for each in hashes)


def changed_since(looks: Mapping[str, object], since: str) -> list[str]:
    """The keys of what may have changed since the marks; all where they are none of ours."""
    marks = marks_of(looks)
    if len(since) != len(marks):
        return list(looks)

    def is_same(key: str) -> bool:
        place = _group(key) * _LETTERS
        return marks[place : place + _LETTERS] == since[place : place + _LETTERS]

    return [key for key in looks if not is_same(key)]


def _group(key: str) -> int:
    return crc32(key.encode()) % _GROUPS
