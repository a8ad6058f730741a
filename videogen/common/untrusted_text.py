"""What the other side says, made fit for a row, a log and a screen: bounded, without the key, and
without what a database or a terminal takes amiss."""

from __future__ import annotations

import re
from collections import deque
from unicodedata import category

from django.conf import settings

# Bearer tokens of this process, the last ones: they change every hour.
_secrets: deque[str] = deque(maxlen=16)
# The longest quota is a day's: who says more says nothing that can be meant.
LONGEST_RETRY_SECONDS = 48 * 3600.0


def keep_secret(token: str) -> None:
    """From now on `clean` takes it for a key."""
    if token and token not in _secrets:
        _secrets.append(token)


def without_key(link: str) -> str:
    """The link, should it hold the key: the key goes in a header, and only to its own host."""
    key = settings.GEMINI_API_KEY
    if not key or key not in link:
        return link
    bare = re.sub(rf"(?<=[?&])[^?&=#]*={re.escape(key)}(?=[&#]|$)&?", "", link)
    return bare.replace(key, "").rstrip("?&")


def clean(words: object) -> str:
    """The API's words for a record or a log: one line, bounded, and never with the key in it."""
    text = words if isinstance(words, str) else str(words) or type(words).__name__
    # A terminal obeys control characters, and a database refuses NUL.
    text = "".join(each for each in text if category(each) != "Cc" or each.isspace())
    text = " ".join(text.split())
    for key in filter(None, [settings.GEMINI_API_KEY, *_secrets]):
        text = text.replace(key, "[key]")
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 1000 else text[:1000] + "…"


def clean_link(link: str) -> str:
    """Without what no database takes."""
    return link.replace("\0", "").encode("utf-8", "replace").decode()


def read_seconds(header: str | None) -> float | None:
    """A Retry-After header in its usual form; None where it makes no sense."""
    return believable(float(header)) if header and header.isdecimal() else None


def believable(seconds: float) -> float | None:
    return seconds if seconds <= LONGEST_RETRY_SECONDS else None
