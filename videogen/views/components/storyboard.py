"""A shot's storyboard as lines that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from videogen.common.formats import spaced


@dataclass(frozen=True)
class StoryboardLine:
    label: str
    text: str
    is_speech: bool = False


def storyboard_lines(payload: Mapping[str, Any] | None) -> list[StoryboardLine]:
    """Return the texts and the spoken lines of a payload, in its order and under its own names."""
    lines: list[StoryboardLine] = []
    for key, value in (payload or {}).items():
        if isinstance(value, str) and value.strip():
            lines.append(StoryboardLine(spaced(key), value))
        elif key == "audioAndNarrative" and isinstance(value, list):
            lines += [
                StoryboardLine(str(each.get("source", "")), str(each["line"]), is_speech=True)
                for each in value
                if isinstance(each, dict) and each.get("line")
            ]
    return lines
