"""The ids of the designs in a visual or audio design document."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_between_words = re.compile(r"[\W_]+")


def design_id(design: Mapping[str, Any], kind: str) -> str:
    """Return the id under which shots refer to the design, or "".

    `kind` is `character` or `environment`. Designs of older exports have only a name. Their id is
    made from the name: "Mentor Guide" → "mentor-guide".
    """
    given = design.get(f"{kind}_id")
    if isinstance(given, str) and given:
        return given
    name = design.get(f"{kind}_name")
    if not isinstance(name, str):
        return ""
    # NFC first, because an accent as a character of its own would count as a gap between words.
    return _between_words.sub("-", unicodedata.normalize("NFC", name).lower()).strip("-")


def character_id(design: Mapping[str, Any]) -> str:
    return design_id(design, "character")


def environment_id(design: Mapping[str, Any]) -> str:
    return design_id(design, "environment")
