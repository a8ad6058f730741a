"""Cards of shots: a picture, a badge and two lines of storyboard for each.

The board, the first page and the list of shots show the same cards. `for_cards()` prepares a
queryset of shots, and `ShotCard` wraps one of its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery

from storybook.models import KeyFrame, Shot
from storybook.thumbnails import thumbnail_url
from videogen.common.formats import clock, media_url
from videogen.models import ShotStanding, TakeNote, VideoRender
from videogen.models.states import TO_BE_MADE, BadgeWord
from videogen.planning.shot_status import (
    badge_with_missing,
    current_standings,
    missing_of,
    reason_of,
    with_documents,
)

from .badges import GONE, OUTDATED, SHOT_BADGES, Badge, badge_of_word, counted_in_words
from .segments import Slice, slices_of
from .storyboard import storyboard_lines

_FILES = ("video_file", "poster_file", "video_seconds", "requested_by_name")
# The columns of the render that decides the badge.
_CAUSE = (
    "state",
    "state_since",
    "beat_at",
    "error_message",
    "review_reason",
    "review_reasons",
    "requested_by_name",
)
# At most so many model sheets stand in for a shot that has no picture.
MOST_SHEETS = 3

# The fields of a payload that two lines of text are best spent on: what the picture shows, and not
# how it is framed.
_TELLING = ("compositionAndContent", "characterActionAndEmotion")


def for_cards(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """Prefetch what the cards show: two more queries, however many shots there are.

    Nothing is joined to the shots, so counting and sorting them stays fast.
    """
    standings = (
        current_standings()
        .select_related("render", "newest_take", "used_take")
        .only(
            *(field.name for field in ShotStanding._meta.fields),
            *(f"render__{name}" for name in _CAUSE),
            *(f"{take}__{name}" for take in ("newest_take", "used_take") for name in _FILES),
            "used_take__content_sha256",
        )
    )
    frames = KeyFrame.objects.filter(picture__file__gt="").select_related("picture")
    notes = TakeNote.objects.open().filter(render__shot=OuterRef("pk")).order_by()
    counted = notes.values("render__shot").annotate(number=Count("*")).values("number")
    return (
        with_documents(shots)
        .annotate(open_notes=Subquery(counted))
        .prefetch_related(
            Prefetch("standings", standings, to_attr="current_standings"),
            Prefetch("key_frames", frames.order_by("position"), to_attr="frames_with_picture"),
        )
    )


@dataclass(frozen=True)
class ShotCard:
    """One card. The shot is a row of `for_cards()`, and its scenelet is loaded."""

    # An Any, because mypy does not know the lists that `for_cards()` adds to each shot.
    shot: Any
    # Whether planning/outdated.py says that the story has changed since the take in use was made.
    is_outdated: bool = False
    # URLs of its characters' model sheets, which are shown as long as it has no picture.
    sheets: Sequence[str] = ()

    @property
    def key(self) -> str:
        return str(self.shot.pk)

    @property
    def name(self) -> str:
        return str(self.shot)

    @cached_property
    def standing(self) -> ShotStanding:
        """The stored status of the shot. A shot without renders has none, and gets a new one."""
        return next(iter(self.shot.current_standings), None) or ShotStanding(shot=self.shot)

    @cached_property
    def missing(self) -> str:
        return missing_of(self.shot)

    @property
    def word(self) -> str:
        return badge_with_missing(self.standing.word, self.missing).value

    @property
    def badge(self) -> Badge:
        return badge_of_word(self.word, self.missing)

    @property
    def reason(self) -> str:
        """Why the shot is where it is, if that is not good news. Of a blocked shot the badge
        says it."""
        return reason_of(self.word, self.standing.render)

    @property
    def takes(self) -> int:
        return self.standing.takes

    @property
    def notes(self) -> int:
        """How many notes on its takes are open."""
        return self.shot.open_notes or 0

    @property
    def used_video_url(self) -> str:
        """The selected or approved take; empty without one."""
        return _video_url(self.standing.used_take)

    @property
    def latest_video_url(self) -> str:
        return _video_url(self.standing.newest_take)

    @property
    def seconds(self) -> float | None:
        """How long the take is that `video_url` plays; None if nobody knows."""
        take = self.standing.used_take or self.standing.newest_take
        return take.video_seconds if take else None

    @property
    def length(self) -> str:
        return clock(self.seconds) if self.seconds else ""

    @property
    def renders_since(self) -> datetime | None:
        """Since when a render of the shot is in its present state; None if none is open."""
        render = self.standing.render
        return render.state_since if render and self.word == BadgeWord.GENERATING else None

    @property
    def people(self) -> set[str]:
        """The names of those who asked for what the card shows."""
        renders = (self.standing.render, self.standing.newest_take, self.standing.used_take)
        return {each.requested_by_name for each in renders if each} - {""}

    @cached_property
    def video_url(self) -> str:
        return self.used_video_url or self.latest_video_url

    @cached_property
    def still_url(self) -> str:
        """The poster of the take that `video_url` plays; without one, the first key frame."""
        take = self.standing.used_take or self.standing.newest_take
        poster = media_url(take.poster_file) if take else ""
        if poster or not self.shot.frames_with_picture:
            return poster
        return thumbnail_url(self.shot.frames_with_picture[0].picture.file)

    @property
    def is_to_make(self) -> bool:
        """Whether the mode default would render the shot, as far as its status tells."""
        return self.word in TO_BE_MADE or (self.word == BadgeWord.FAILED and not self.takes)

    @property
    def shown_sheets(self) -> Sequence[str]:
        return () if self.still_url else self.sheets[:MOST_SHEETS]

    @property
    def content(self) -> tuple[object, ...]:
        """Everything in the card that can change while renders run; see live.py."""
        return (
            self.word,
            self.takes,
            self.notes,
            self.video_url,
            self.still_url,
            self.used_video_url,
            self.is_outdated,
            self.missing,
            self.reason,
            bool(self.shot.gone_since),
            self.seconds,
            self.renders_since,
            self.shown_sheets,
        )

    @property
    def second_badge(self) -> Badge | None:
        if self.shot.gone_since:
            return GONE
        return OUTDATED if self.is_outdated else None

    @property
    def second_badge_hint(self) -> str:
        if self.shot.gone_since:
            return "The story's bundle does not have this shot any more. Batches leave it out."
        return "The story has changed since the take that it uses."

    @property
    def text(self) -> str:
        return telling_text(self.shot.storyboard_payload)


def _video_url(take: VideoRender | None) -> str:
    return media_url(take.video_file) if take else ""


def telling_text(payload: object) -> str:
    """Say what the shot is about: what the picture shows, or else the first texts there are."""
    fields = payload if isinstance(payload, dict) else {}
    texts = [fields.get(key) for key in _TELLING]
    told = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return " ".join(told) or " · ".join(line.text for line in storyboard_lines(fields)[:3])


# -- how far a story is ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How many shots of a story have each status."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, cards: Iterable[ShotCard]) -> Progress:
        return cls(Counter(card.word for card in cards))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def slices(self) -> list[Slice]:
        words = [*SHOT_BADGES, *sorted(set(self.counts) - set(SHOT_BADGES))]
        return slices_of((badge_of_word(word), self.counts.get(word, 0)) for word in words)

    @property
    def words(self) -> str:
        told = [counted_in_words(each.number, each.badge.code) for each in self.slices]
        return ", ".join(told) or "no shots"

    @property
    def approved(self) -> int:
        return self.counts.get(BadgeWord.APPROVED, 0)


def key_frame_urls(shots: Iterable[int]) -> dict[int, str]:
    """Return for each shot the URL of a small copy of its first key frame. One query."""
    frames = KeyFrame.objects.filter(shot__in=list(shots), picture__file__gt="")
    found: dict[int, str] = {}
    for shot, file in frames.order_by("position").values_list("shot_id", "picture__file"):
        found.setdefault(shot, thumbnail_url(file))
    return found
