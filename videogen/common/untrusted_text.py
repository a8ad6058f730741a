"""Cleans text from other servers, so that it may be stored, logged and shown: it is bounded,
without our keys, and without characters that harm a database or a terminal."""

from __future__ import annotations

import os
import re
from collections import deque
from urllib.parse import unquote

from django.conf import settings

from storybook.printable import is_harmless, printable

from .spellings import without_secrets

# The last bearer tokens of this process. They change every hour.
_secrets: deque[str] = deque(maxlen=16)
_SECRET_VARIABLES = (
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
# The addresses of guests: who has one may open it. A slash may be encoded, more than once.
_SLASH = r"(?:\\*/|%(?:25){0,3}2f)"
_share_token = re.compile(rf"({_SLASH}share{_SLASH})[\w-]{{20,}}", re.IGNORECASE)
# The longest quota is that of a day, so nobody can mean a longer wait.
LONGEST_RETRY_SECONDS = 48 * 3600.0


def keep_secret(token: str) -> None:
    """Make `clean` remove this token from now on."""
    if token and token not in _secrets:
        _secrets.append(token)


def without_key(link: str) -> str:
    """Return the link without the key, if it contains it in any spelling. The key is sent in a
    header only, and only to its own host."""
    if not has_secret(link):
        return link
    head, mark, query = link.partition("?")
    query, hash_mark, fragment = query.partition("#")
    kept = [each for each in query.split("&") if not has_secret(each)]
    bare = head + (mark + "&".join(kept) if kept else "") + hash_mark + fragment
    return without_secrets(bare, _known_secrets(), "").rstrip("?&")


def has_secret(text: str) -> bool:
    """Whether the text contains a key or token of ours in any spelling."""
    secrets = _known_secrets()
    return any(without_secrets(each, secrets) != each for each in (text, unquote(text)))


def masked(text: str) -> str:
    """Return the text with [key] in the place of every spelling of our keys and tokens, and with
    [link] for the token in the address of a guest."""
    return _share_token.sub(r"\1[link]", without_secrets(text, _known_secrets()))


def for_terminal(text: object, *, keeps_lines: bool = False) -> str:
    """Return text for a terminal or a log, whoever wrote it: without any key, and with everything
    written out that a terminal would obey."""
    return printable(masked(str(text)), keeps_lines=keeps_lines)


def clean(words: object) -> str:
    """Return text of the API for a record or a log: one line, at most 1,000 characters, and without
    any key. An error without a message gives the name of its class."""
    text = words if isinstance(words, str) else str(words) or type(words).__name__
    # Before anything is cut off or tidied, so that no part of a key stays.
    text = masked(text)
    # A terminal obeys control characters, and PostgreSQL refuses NUL.
    text = "".join(each for each in text if is_harmless(each) or each.isspace())
    text = masked(" ".join(text.split()))
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 1000 else text[:1000] + "…"


def _known_secrets() -> set[str]:
    """Return the keys of this installation, also the one that is not used, and its tokens."""
    keys = {os.environ.get(name, "").strip() for name in _SECRET_VARIABLES}
    return {settings.GEMINI_API_KEY, *keys, *_secrets} - {"", None}


def clean_link(link: str) -> str:
    """Return the link without characters that a database refuses."""
    return link.replace("\0", "").encode("utf-8", "replace").decode()


def read_seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, or None if it makes no sense. The form with a
    date is not read."""
    return within_bounds(float(header)) if header and header.isdecimal() else None


def within_bounds(seconds: float) -> float | None:
    """Return the seconds if somebody can mean so many, else None."""
    return seconds if seconds <= LONGEST_RETRY_SECONDS else None
