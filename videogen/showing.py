"""What the screens have in common: badges, pictures, prompts and prices as people read them.

Plain values in, plain values out; the templates escape them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.files.storage import default_storage
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .models import VideoRender
from .references import KIND_WORDS
from .situations import BadgeWord, badge_word_of

State = VideoRender.State


@dataclass(frozen=True)
class Badge:
    """`tone` names a colour of the style sheet; the word says the same without the colour."""

    tone: str
    word: str

    def __html__(self) -> SafeString:
        return format_html('<span class="st-badge st-badge--{}">{}</span>', self.tone, self.word)

    __str__ = __html__


_TONES = {
    State.QUEUED: "blue",
    State.SUBMITTING: "blue",
    State.RUNNING: "blue",
    State.DOWNLOADING: "blue",
    State.DONE: "green",
    State.INTERRUPTED: "amber",
    State.NOT_DOWNLOADED: "amber",
    State.UNKNOWN: "violet",
    State.FAILED: "red",
    State.BLOCKED: "red",
}
_SHOT_TONES = {
    BadgeWord.GENERATING: "blue",
    BadgeWord.NEEDS_DECISION: "violet",
    BadgeWord.FAILED: "red",
    BadgeWord.NEEDS_REVIEW: "amber",
    BadgeWord.APPROVED: "green",
    BadgeWord.READY: "grey",
}


def badge_of_state(state: str) -> Badge:
    return Badge(_TONES.get(State(state), "grey"), State(state).label)


def badge_of_shot(renders: Iterable[VideoRender]) -> Badge:
    """Where the shot stands, derived from all its renders: what waits for a person comes first."""
    return badge_of_word(badge_word_of(renders))


def badge_of_word(word: str) -> Badge:
    """Of a shot in a list, whose word its row has (ShotStanding)."""
    return Badge(_SHOT_TONES[BadgeWord(word)], str(word))


@dataclass(frozen=True)
class ShownPicture:
    """`url` is empty where there is no file to show."""

    url: str
    kind: str
    id: str
    path: str
    reason: str = ""


def shown_pictures(records: Iterable[Mapping[str, Any]]) -> list[ShownPicture]:
    """`references` or `dropped_references` of a render, or of a plan's row as dicts."""
    return [
        ShownPicture(
            url=media_url(str(each.get("path") or "")),
            kind=KIND_WORDS.get(each.get("kind", ""), each.get("kind", "")),
            id=str(each.get("id", "")),
            path=str(each.get("path", "")),
            reason=str(each.get("reason", "")),
        )
        for each in records
    ]


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


@dataclass(frozen=True)
class StoryboardLine:
    label: str
    text: str
    is_speech: bool = False


def storyboard_lines(payload: Mapping[str, Any] | None) -> list[StoryboardLine]:
    """The texts and the spoken lines of a payload, in its own order and under its own names."""
    lines: list[StoryboardLine] = []
    for key, value in (payload or {}).items():
        if isinstance(value, str) and value.strip():
            lines.append(StoryboardLine(_in_words(key), value))
        elif key == "audioAndNarrative" and isinstance(value, list):
            lines += [
                StoryboardLine(str(each.get("source", "")), str(each["line"]), is_speech=True)
                for each in value
                if isinstance(each, dict) and each.get("line")
            ]
    return lines


def _in_words(key: str) -> str:
    """cameraDynamics, camera_dynamics → camera dynamics"""
    spaced = "".join(f" {char.lower()}" if char.isupper() else char for char in key)
    return spaced.replace("_", " ").strip()
