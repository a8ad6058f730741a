"""Badges: a word and a colour for the status of a shot or a render, and for a plan's decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from videogen.models import VideoRender
from videogen.models.outcomes import Outcome
from videogen.models.states import BadgeWord
from videogen.planning.modes import Action
from videogen.planning.shot_status import badge_word_of
from videogen.takes.fetch import LOST

State = VideoRender.State
Review = VideoRender.Review


@dataclass(frozen=True)
class Badge:
    """`tone` names a colour of the style sheet. The word alone says everything, too."""

    tone: str
    word: str

    def __html__(self) -> SafeString:
        return format_html('<span class="st-badge st-badge--{}">{}</span>', self.tone, self.word)

    __str__ = __html__


_STATE_TONES = {
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
_OUTCOME_TONES = {
    Outcome.SUCCEEDED: "green",
    Outcome.BLOCKED: "red",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "violet",
    Outcome.IN_FLIGHT: "blue",
}
# Filters and bars show the statuses of shots in this order: from finished to not begun.
SHOT_BADGES = {
    word: Badge(tone, word)
    for word, tone in (
        (BadgeWord.APPROVED.value, "green"),
        (BadgeWord.NEEDS_REVIEW.value, "amber"),
        (BadgeWord.GENERATING.value, "blue"),
        (BadgeWord.NEEDS_DECISION.value, "violet"),
        (BadgeWord.FAILED.value, "red"),
        (BadgeWord.READY.value, "grey"),
    )
}
REVIEW_BADGES = {
    Review.UNREVIEWED: Badge("amber", "unreviewed"),
    Review.SELECTED: Badge("blue", "selected"),
    Review.APPROVED: Badge("green", "approved · locked"),
    Review.REJECTED: Badge("red", "rejected"),
}
# Shown beside another badge: the story has changed since the take that it uses was made.
OUTDATED = Badge("outdated", "out of date")
# The same: the story's bundle does not have the shot any more.
GONE = Badge("grey", "not in the bundle")


def badge_of_state(state: str) -> Badge:
    return Badge(_STATE_TONES.get(State(state), "grey"), State(state).label)


def badge_of_shot(renders: Iterable[VideoRender]) -> Badge:
    """Derive the shot's status from all its renders."""
    return badge_of_word(badge_word_of(renders))


def badge_of_word(word: str) -> Badge:
    """Return the badge of a stored shot status (ShotStanding.word)."""
    return SHOT_BADGES.get(word) or Badge("grey", word)


# A clip that expires within these times is shown in red, or in amber.
LAST_HOURS = timedelta(hours=6)
LAST_DAY = timedelta(hours=24)


def badge_of_time_left(render: VideoRender) -> Badge:
    """Return how long the server keeps the render's clip."""
    if render.error_code == LOST:
        return Badge("grey", "gone, the server says")
    left = render.clip_time_left
    if left <= timedelta(0):
        return Badge("grey", "may be gone from the server")
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    words = f"{hours} h left" if hours else f"{minutes} min left"
    if render.rendered_at is None:
        # Nobody has said when it was made, so it counts from the submission.
        words = f"at least {words}"
    return Badge("red" if left < LAST_HOURS else "amber" if left < LAST_DAY else "blue", words)


def badge_of_outcome(outcome: Outcome) -> Badge:
    return Badge(_OUTCOME_TONES.get(outcome, "grey"), outcome.label)


# The badges of a plan's decisions.
BADGES = {
    Action.GENERATE: Badge("blue", "generate"),
    Action.RESUME: Badge("blue", "resume"),
    Action.DOWNLOAD: Badge("blue", "download"),
    Action.REHEARSE: Badge("green", "rehearse"),
    Action.SKIP: Badge("grey", "skip"),
    Action.BLOCKED: Badge("red", "blocked"),
}
