"""Versions of a page's live parts, so that a poll is answered only with the parts that changed.

For each live part the page computes a content: any value that the part's HTML follows from. The
contents of all parts become one short text, the page's version. A page sends its version back as
`since`, and parts that are the same in both versions are left out of the answer. The server stores
nothing between two polls. A page that sends no version gets every part.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from zlib import crc32

from videogen.models.states import BadgeWord

TROUBLE = (BadgeWord.FAILED.value, BadgeWord.NEEDS_DECISION.value)

# A version has one hash for each group of parts, so that an address stays short however many parts
# there are. A part that changed therefore brings along the other parts of its group.
_GROUPS = 64
_BYTES = 3
_LETTERS = 4


def version_of(contents: Mapping[str, object]) -> str:
    """Return the version of the parts with these contents, by part's key."""
    hashes = [blake2b(digest_size=_BYTES) for _ in range(_GROUPS)]
    for key, content in contents.items():
        hashes[_group(key)].update(f"{key}\0{content!r}\0".encode())
    return "".join(urlsafe_b64encode(each.digest()).decode() for each in hashes)


def news_since(contents: Mapping[str, object], since: str) -> tuple[list[str], str]:
    """Return the keys of the parts that may have changed since a version, and the version now.

    If `since` cannot be one of our versions, all parts count as changed.
    """
    version = version_of(contents)
    if len(since) != len(version):
        return list(contents), version

    def is_same(key: str) -> bool:
        place = _group(key) * _LETTERS
        return version[place : place + _LETTERS] == since[place : place + _LETTERS]

    return [key for key in contents if not is_same(key)], version


def _group(key: str) -> int:
    return crc32(key.encode()) % _GROUPS
