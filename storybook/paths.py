"""Names of folders and files, made from ids that another tool chose."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 100

_marked = re.compile(r"-[0-9a-f]{8}")


def safe_name(text: str) -> str:
    """Return `text` as one component of a path, with at most 100 bytes of UTF-8.

    Letters and digits of any script, `-`, `_`, `.` and spaces stay; everything else becomes `-`. A
    name that was changed ends in a mark of 8 hex digits, so that two ids never share a folder. A
    text that already looks marked gets another mark, because it could be another text's name.
    """
    name = "".join(
        char if _may_stay(char) else "-" for char in unicodedata.normalize("NFC", text).strip()
    )
    if name.startswith("."):
        name = "-" + name[1:]
    if name and name == text and not _marked.fullmatch(name[-9:]):
        encoded = name.encode()
        if len(encoded) <= LONGEST:
            return name
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    kept = name.encode()[: LONGEST - 9].decode(errors="ignore")
    return f"{kept or '_'}-{mark}"


def _may_stay(char: str) -> bool:
    # Combining marks belong to the letter before them. Hindi and Thai are unreadable without them.
    return char in "-_. " or unicodedata.category(char)[0] in "LNM"
