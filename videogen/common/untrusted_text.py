"""Cleans text from other servers, so that it may be stored, logged and shown: it is bounded,
without our keys, and without characters that harm a database or a terminal."""

from __future__ import annotations

import re
from collections import deque
from unicodedata import category

from django.conf import settings

# The last bearer tokens of this process. They change every hour.
_secrets: deque[str] = deque(maxlen=16)
# The longest quota is that of a day, so nobody can mean a longer wait.
LONGEST_RETRY_SECONDS = 48 * 3600.0


def keep_secret(token: str) -> None:
    """Make `clean` remove this token from now on."""
    if token and token not in _secrets:
        _secrets.append(token)


def without_key(link: str) -> str:
    """Return the link without the key, if it contains it. The key is sent in a header only, and
    only to its own host."""
    key = settings.GEMINI_API_KEY
    if not key or key not in link:
        return link
    bare = re.sub(rf"(?<=[?&])[^?&=#]*={re.escape(key)}(?=[&#]|$)&?", "", link)
    return bare.replace(key, "").rstrip("?&")


def clean(words: object) -> str:
    """Return text of the API for a record or a log: one line, at most 1,000 characters, and without
    any key. An error without a message gives the name of its class."""
    text = words if isinstance(words, str) else str(words) or type(words).__name__
    # A terminal obeys control characters, and PostgreSQL refuses NUL.
    text = "".join(each for each in text if category(each) != "Cc" or each.isspace())
    text = " ".join(text.split())
    for key in filter(None, [settings.GEMINI_API_KEY, *_secrets]):
        text = text.replace(key, "[key]")
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 1000 else text[:1000] + "…"


def clean_link(link: str) -> str:
    """Return the link without characters that a database refuses."""
    return link.replace("\0", "").encode("utf-8", "replace").decode()


def read_seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, or None if it makes no sense. The form with a
    date is not read."""
    return believable(float(header)) if header and header.isdecimal() else None


def believable(seconds: float) -> float | None:
    """Return the seconds if somebody can mean so many, else None."""
    return seconds if seconds <= LONGEST_RETRY_SECONDS else None
