"""Badges: one word and a colour for where a shot or a render stands, or what a plan would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from videogen.models import VideoRender
from videogen.models.states import BadgeWord
from videogen.planning.modes import Action
from videogen.planning.shot_status import badge_word_of

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


BADGES = {
    Action.GENERATE: Badge("blue", "generate"),
    Action.RESUME: Badge("blue", "resume"),
    Action.DOWNLOAD: Badge("blue", "download"),
    Action.REHEARSE: Badge("green", "rehearse"),
    Action.SKIP: Badge("grey", "skip"),
    Action.BLOCKED: Badge("red", "blocked"),
}
