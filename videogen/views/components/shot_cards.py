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

from django.db.models import Prefetch, QuerySet

from storybook.models import KeyFrame, Shot
from storybook.thumbnails import thumbnail_url
from videogen.common.formats import media_url
from videogen.models import ShotStanding, VideoRender
from videogen.models.states import BadgeWord
from videogen.planning.shot_status import current_standings

from .badges import Badge
from .storyboard import storyboard_lines

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

_FILES = ("video_file", "poster_file")

# Beside a badge: the story has changed since the take that it uses.
OUTDATED = Badge("outdated", "out of date")

# What a picture shows is worth more in two lines than how it is framed.
_TELLING = ("compositionAndContent", "characterActionAndEmotion")


def for_cards(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """With what a card shows of each shot: two more queries, however many shots there are, and
    none of them slows down counting or sorting the shots."""
    standings = (
        current_standings()
        .select_related("render", "newest_take", "used_take")
        .only(
            *(field.name for field in ShotStanding._meta.fields),
            *(f"render__{name}" for name in ("state", "state_since", "beat_at")),
            *(f"{take}__{name}" for take in ("newest_take", "used_take") for name in _FILES),
            "used_take__content_sha256",
        )
    )
    frames = KeyFrame.objects.filter(picture__file__gt="").select_related("picture")
    return shots.prefetch_related(
        Prefetch("standings", standings, to_attr="current_standings"),
        Prefetch("key_frames", frames.order_by("position"), to_attr="frames_with_picture"),
    )


@dataclass(frozen=True)
class ShotCard:
    """A shot of `for_cards()`, with its scenelet. `is_outdated`: one of those that
    planning/outdated.py finds."""

    shot: Shot
    is_outdated: bool = False

    @property
    def key(self) -> str:
        return str(self.shot.pk)

    @property
    def code(self) -> str:
        return str(self.shot)

    @cached_property
    def standing(self) -> ShotStanding:
        """A fresh one for a shot without renders."""
        return next(iter(self.shot.current_standings), None) or ShotStanding(shot=self.shot)

    @property
    def word(self) -> str:
        return self.standing.word.value

    @property
    def badge(self) -> Badge:
        return badge_of_word(self.word)

    @property
    def takes(self) -> int:
        return self.standing.takes

    @property
    def used_video_url(self) -> str:
        """Of the selected or approved take; empty without one."""
        return _video_url(self.standing.used_take)

    @property
    def latest_video_url(self) -> str:
        return _video_url(self.standing.newest_take)

    @cached_property
    def video_url(self) -> str:
        return self.used_video_url or self.latest_video_url

    @cached_property
    def still_url(self) -> str:
        """The poster of that take; without a video, the first key frame."""
        take = self.standing.used_take or self.standing.newest_take
        poster = media_url(take.poster_file) if take else ""
        if poster or not self.shot.frames_with_picture:
            return poster
        return thumbnail_url(self.shot.frames_with_picture[0].picture.file)

    @property
    def look(self) -> tuple[object, ...]:
        """All that changes in a card while renders run."""
        return (
            self.word,
            self.takes,
            self.video_url,
            self.still_url,
            self.used_video_url,
            self.is_outdated,
        )

    @property
    def second_badge(self) -> Badge | None:
        return OUTDATED if self.is_outdated else None

    @property
    def text(self) -> str:
        return telling_text(self.shot.storyboard_payload)


def _video_url(take: VideoRender | None) -> str:
    return media_url(take.video_file) if take else ""


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
    def of(cls, cards: Iterable[ShotCard]) -> Progress:
        return cls(Counter(card.word for card in cards))

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


def key_frame_urls(shots: Iterable[int]) -> dict[int, str]:
    """By shot: a small copy of its first key frame that can be shown. One query."""
    frames = KeyFrame.objects.filter(shot__in=list(shots), picture__file__gt="")
    found: dict[int, str] = {}
    for shot, file in frames.order_by("position").values_list("shot_id", "picture__file"):
        found.setdefault(shot, thumbnail_url(file))
    return found
