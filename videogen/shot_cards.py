"""Shots as people see them side by side: a picture, a badge, two lines of storyboard.

`for_cards()` prepares a queryset of shots, `ShotCard` tells of each row; board, dashboard and the
list of shots show the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from storybook.models import KeyFrame, Shot
from storybook.thumbnails import thumbnail_url

from .models import VideoRender
from .showing import Badge, media_url, storyboard_lines
from .situations import BadgeWord, annotate_badges

Review = VideoRender.Review

# In the order in which a shot goes from nothing to done; what waits for a person is in between.
BADGES = {
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

# What a picture shows is worth more in two lines than how it is framed.
_TELLING = ("compositionAndContent", "characterActionAndEmotion")


def for_cards(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """With the badge, the take that the story uses, and the first key frame of each shot."""
    frames = KeyFrame.objects.filter(shot=OuterRef("pk"), picture__file__gt="")
    used = VideoRender.objects.filter(
        shot=OuterRef("pk"),
        state=VideoRender.State.DONE,
        review__in=[Review.SELECTED, Review.APPROVED],
    )
    return annotate_badges(shots).annotate(
        key_frame_file=Subquery(frames.order_by("position").values("picture__file")[:1]),
        used_video=Subquery(used.values("video_file")[:1]),
        used_poster=Subquery(used.values("poster_file")[:1]),
    )


@dataclass(frozen=True)
class ShotCard:
    """A shot of `for_cards()`, with its scenelet."""

    shot: Shot

    @property
    def key(self) -> str:
        return str(self.shot.pk)

    @property
    def code(self) -> str:
        return str(self.shot)

    @property
    def badge(self) -> Badge:
        return badge_of_word(self.shot.badge_word)

    @property
    def takes(self) -> int:
        return self.shot.takes

    @cached_property
    def video_url(self) -> str:
        return media_url(self.shot.used_video or self.shot.latest_video)

    @property
    def latest_video_url(self) -> str:
        return media_url(self.shot.latest_video)

    @cached_property
    def still_url(self) -> str:
        """The poster of that take; without a video, the first key frame."""
        used = self.shot.used_video
        poster = self.shot.used_poster if used else self.shot.latest_poster
        return media_url(poster) or thumbnail_url(self.shot.key_frame_file)

    @property
    def text(self) -> str:
        return telling_text(self.shot.storyboard_payload)


def badge_of_word(word: str) -> Badge:
    return BADGES.get(word) or Badge("grey", word)


def telling_text(payload: Mapping[str, Any] | None) -> str:
    """What the shot is about, in running text: what is seen, else whatever text comes first."""
    texts = [payload.get(key) for key in _TELLING] if isinstance(payload, dict) else []
    told = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return " ".join(told) or " · ".join(line.text for line in storyboard_lines(payload)[:3])


# -- how far a story is ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Slice:
    """One colour of a stacked bar; start and width in percent."""

    badge: Badge
    number: int
    start: float
    width: float


@dataclass(frozen=True)
class Progress:
    """How many shots of a story stand where."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, shots: Iterable[Shot]) -> Progress:
        return cls(Counter(shot.badge_word for shot in shots))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def slices(self) -> list[Slice]:
        words = [*BADGES, *sorted(set(self.counts) - set(BADGES))]
        found, start, total = [], 0.0, self.total
        for word in words:
            if number := self.counts.get(word, 0):
                width = 100 * number / total
                found.append(Slice(badge_of_word(word), number, round(start, 3), round(width, 3)))
                start += width
        return found

    @property
    def words(self) -> str:
        return ", ".join(f"{each.number} {each.badge.word}" for each in self.slices) or "no shots"

    @property
    def approved(self) -> int:
        return self.counts.get(BadgeWord.APPROVED, 0)
