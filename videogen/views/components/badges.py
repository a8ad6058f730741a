"""Badges: a word and a colour for the status of a shot or a render."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from videogen.models import VideoRender
from videogen.models.outcomes import Outcome
from videogen.models.states import SHOT_WORDS, BadgeWord
from videogen.planning.shot_status import badge_word_of

State = VideoRender.State
Review = VideoRender.Review


@dataclass(frozen=True)
class Badge:
    """`tone` names a colour of the style sheet. The word alone says everything, too.

    code: what a status or a decision is stored as, and called in addresses and in `data-badge`.
    """

    tone: str
    word: str
    code: str = ""

    def __html__(self) -> SafeString:
        return format_html(
            '<span class="st-badge st-badge--{}" data-badge="{}">{}</span>',
            self.tone,
            self.code,
            self.word,
        )

    __str__ = __html__


_STATE_TONES = {
    State.QUEUED: "blue",
    State.SUBMITTING: "blue",
    State.RUNNING: "blue",
    State.DOWNLOADING: "blue",
    State.DONE: "green",
    # As the shot, which needs a decision.
    State.INTERRUPTED: "violet",
    State.NOT_DOWNLOADED: "violet",
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
    word.value: Badge(tone, SHOT_WORDS[word], word.value)
    for word, tone in (
        (BadgeWord.APPROVED, "green"),
        (BadgeWord.NEEDS_REVIEW, "amber"),
        (BadgeWord.GENERATING, "blue"),
        (BadgeWord.NEEDS_DECISION, "violet"),
        (BadgeWord.FAILED, "red"),
        (BadgeWord.BLOCKED, "red"),
        (BadgeWord.RETAKE, "orange"),
        (BadgeWord.GIVEN_UP, "grey"),
        (BadgeWord.CANCELLED, "grey"),
        (BadgeWord.READY, "grey"),
    )
}
REVIEW_BADGES = {
    Review.UNREVIEWED: Badge("amber", "unreviewed", Review.UNREVIEWED),
    Review.SELECTED: Badge("blue", "selected", Review.SELECTED),
    Review.APPROVED: Badge("green", "approved · locked", Review.APPROVED),
    Review.REJECTED: Badge("red", "rejected", Review.REJECTED),
}
# Shown beside another badge: the story has changed since the take that it uses was made.
OUTDATED = Badge("outdated", "out of date", "out of date")
# The same: the story's bundle does not have the shot any more.
GONE = Badge("grey", "not in the bundle", "gone")


def badge_of_state(state: str) -> Badge:
    return Badge(_STATE_TONES.get(State(state), "grey"), State(state).label, State(state).value)


def badge_of_shot(renders: Iterable[VideoRender], missing: str = "") -> Badge:
    """Derive the shot's status from all its renders, and from what it lacks, in words."""
    return badge_of_word(badge_word_of(renders, missing), missing)


def badge_of_word(word: str, missing: str = "") -> Badge:
    """Return the badge of a shot's status (BadgeWord). That of a blocked shot says what is
    missing, if that is given."""
    badge = SHOT_BADGES.get(word) or Badge("grey", word, word)
    if word == BadgeWord.BLOCKED and missing:
        return replace(badge, word=f"{badge.word}: {missing}")
    return badge


def counted_in_words(number: int, word: str) -> str:
    """Return how many shots have a status: "1 needs a decision", "2 need a decision"."""
    if word in _NEEDS:
        return ngettext(*_NEEDS[word], number) % number
    return f"{number} {badge_of_word(word).word}"


# The statuses whose words have a verb.
_NEEDS: dict[str, tuple[str, str]] = {
    BadgeWord.NEEDS_REVIEW: ("%d needs review", "%d need review"),
    BadgeWord.NEEDS_DECISION: ("%d needs a decision", "%d need a decision"),
}


# A clip that expires within these times is shown in red, or in amber.
LAST_HOURS = timedelta(hours=6)
LAST_DAY = timedelta(hours=24)


def badge_of_time_left(render: VideoRender) -> Badge:
    """Return how long the server keeps the render's clip."""
    # The modules that download take long to load, and badges are part of every page.
    from videogen.takes.fetch import LOST

    if render.error_code == LOST:
        return Badge("grey", "gone, the server says", "lost")
    left = render.clip_time_left
    if left <= timedelta(0):
        return Badge("grey", "may be gone from the server", "expired")
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    words = f"{hours} h left" if hours else f"{minutes} min left"
    if render.rendered_at is None:
        # Nobody has said when it was made, so it counts from the submission.
        words = f"at least {words}"
    tone = "red" if left < LAST_HOURS else "amber" if left < LAST_DAY else "blue"
    return Badge(tone, words, "kept")


def badge_of_outcome(outcome: Outcome) -> Badge:
    return Badge(_OUTCOME_TONES.get(outcome, "grey"), outcome.label, outcome.value)
