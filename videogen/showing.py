"""What the screens have in common: badges, pictures, prompts and prices as people read them.

Plain values in, plain values out; the templates escape them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .models import VideoRender
from .money import SIMULATOR
from .references import KIND_WORDS

State = VideoRender.State
Review = VideoRender.Review


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
_NEEDS_DECISION = frozenset({State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED})
_WENT_WRONG = frozenset({State.FAILED, State.BLOCKED})


def badge_of_state(state: str) -> Badge:
    return Badge(_TONES.get(State(state), "grey"), State(state).label)


def badge_of_shot(renders: Iterable[VideoRender]) -> Badge:
    """Where the shot stands, derived from all its renders: what waits for a person comes first."""
    attempts = sorted(
        (render for render in renders if _counts(render)), key=lambda render: render.pk
    )
    statuses = [render.status for render in attempts]
    if VideoRender.OPEN.intersection(statuses):
        return Badge("blue", "generating")
    if _NEEDS_DECISION.intersection(statuses):
        return Badge("violet", "needs a decision")
    if statuses and statuses[-1] in _WENT_WRONG:
        return Badge("red", "failed")
    reviews = [render.review for render in attempts if render.status == State.DONE]
    if Review.APPROVED in reviews:
        return Badge("green", "approved")
    if Review.UNREVIEWED in reviews or Review.SELECTED in reviews:
        return Badge("amber", "needs review")
    return Badge("grey", "ready")


def _counts(render: VideoRender) -> bool:
    if render.kind == VideoRender.Kind.REHEARSAL:
        return False
    # As planning sees it: to a backend that makes real videos, a simulated one is none.
    is_real = settings.VIDEO_BACKEND == SIMULATOR or not render.is_simulated
    return is_real or render.status in VideoRender.OPEN


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
