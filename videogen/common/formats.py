"""Formats prices, numbers, names, JSON and links for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format

from storybook.media_store import media


def media_url(path: str) -> str:
    """Return the address of a media file; empty if there is no file."""
    return media.url(path) if path else ""


def indented(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def indented_text(text: str) -> str:
    """Return JSON text indented for reading, and any other text as it is."""
    try:
        return indented(json.loads(text))
    except ValueError:
        return text


def usd(amount: Decimal | None) -> str:
    return "no price known" if amount is None else f"${amount:,.2f}"


def usd_range(low: Decimal, high: Decimal) -> str:
    """Return two amounts as one range, such as "$16.00–24.00"."""
    return usd(low) if low == high else f"{usd(low)}–{high:,.2f}"


def moment(when: datetime) -> str:
    """Return "29 Nov 2026, 23:05", in the time zone of the settings."""
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")


def day_in_words(day: date) -> str:
    """Return "29 Nov 2026"."""
    return date_format(day, "DATE_FORMAT")


def month_day(day: date) -> str:
    """Return "29 Nov", for a day that is near."""
    return date_format(day, "MONTH_DAY_FORMAT")


def clock(seconds: float, *, is_estimated: bool = False) -> str:
    """Return a length as "2:08", or "≈ 2:08"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{'≈ ' if is_estimated else ''}{minutes}:{rest:02}"


def ended(words: str) -> str:
    """Return somebody else's words as the end of a sentence: with one stop."""
    words = unended(words)
    return words if not words or words.endswith(("!", "?", "…")) else f"{words}."


def unended(words: str) -> str:
    """Return somebody else's words without a stop, for the middle of a sentence."""
    return words.rstrip(" .,;:")


def as_sentence(words: str) -> str:
    """Return the words as a whole sentence. A name at the start, such as that of a file, stays as
    it is written."""
    first = words.partition(" ")[0].rstrip(",;:")
    if first.isalpha() and first.islower():
        words = f"{words[:1].upper()}{words[1:]}"
    return words if words.endswith((")", "”")) else ended(words)


def either(values: Sequence[object]) -> str:
    """Return the values as a choice: "a, b or c"."""
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


def spaced(key: str) -> str:
    """Return the key of a JSON object as words: cameraDynamics and camera_dynamics become "camera
    dynamics"."""
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in key)
    return words.replace("_", " ").strip()
