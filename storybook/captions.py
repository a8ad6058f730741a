"""The spoken lines of a shot, as captions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SpokenLine:
    source: str
    text: str


@dataclass(frozen=True)
class Cue:
    """A caption and when it is shown, in milliseconds from the start of what it belongs to."""

    start: int
    end: int
    text: str


def spoken_lines(payload: Any) -> list[SpokenLine]:
    """Return the lines of a `storyboard_payload`, in their order. Whatever is none is left out: the
    import and the plan tell of it."""
    entries = payload.get("audioAndNarrative") if isinstance(payload, Mapping) else None
    if not isinstance(entries, list):
        return []
    lines = []
    for entry in entries:
        text = entry.get("line") if isinstance(entry, Mapping) else None
        if isinstance(text, str) and (words := " ".join(text.split())):
            source = entry.get("source")
            lines.append(SpokenLine(source.strip() if isinstance(source, str) else "", words))
    return lines


def cues(lines: Iterable[SpokenLine], seconds: float) -> list[Cue]:
    """Spread the lines over `seconds`, each for a time in proportion to its length. Nobody knows
    when a line is spoken in a generated clip; the order is all that the storyboard tells."""
    lines = list(lines)
    weights = [max(8, len(each.text)) for each in lines]
    total = sum(weights)
    found, passed = [], 0
    for line, weight in zip(lines, weights, strict=True):
        start = round(1000 * seconds * passed / total)
        passed += weight
        end = round(1000 * seconds * passed / total)
        if end > start:
            found.append(Cue(start, end, line.text))
    return found


def shifted(found: Iterable[Cue], by: int) -> list[Cue]:
    """Return the cues `by` milliseconds later."""
    return [Cue(each.start + by, each.end + by, each.text) for each in found]


def webvtt(found: Iterable[Cue]) -> str:
    """Return a WebVTT document. What the format would read as markup is written as text."""
    parts = ["WEBVTT\n"]
    for cue in found:
        text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{text}\n")
    return "\n".join(parts)


def subrip(found: Iterable[Cue]) -> str:
    """Return a SubRip document (.srt)."""
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(found, start=1)
    )


def _time(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{rest:03d}"
