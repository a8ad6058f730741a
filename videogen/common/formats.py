"""Prices, numbers, JSON and links as people read them: plain values in, text out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.core.files.storage import default_storage


def media_url(path: str) -> str:
    return default_storage.url(path) if path else ""


def indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def indented_text(text: str) -> str:
    """JSON text indented for reading; a text that is no JSON as it is."""
    try:
        return indented(json.loads(text))
    except ValueError:
        return text


def usd(amount: Decimal | None) -> str:
    return "no price known" if amount is None else f"${amount:,.2f}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
