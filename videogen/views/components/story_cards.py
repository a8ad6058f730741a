"""Cards of stories: pictures, progress and length, for the first page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import Case, Count, F, FloatField, Sum, Value, When, Window
from django.db.models.functions import Coalesce, NullIf, RowNumber
from django.urls import NoReverseMatch, reverse

from storybook.models import KeyFrame, Story
from storybook.thumbnails import thumbnail_url
from videogen.common.formats import clock, media_url
from videogen.models.states import BadgeWord
from videogen.planning.shot_status import count_badges_by_story, current_standings

from .shot_cards import Progress

MOST_FRAMES = 3

_STORY = "shot__scenelet__story"
# The first shots of the scenelets before their second ones, so that the pictures differ.
_ACROSS = ("shot__shot_index", "shot__scenelet__sequence", "shot__scenelet")


@dataclass(frozen=True)
class StoryCard:
    story: Story
    progress: Progress
    # URLs of up to MOST_FRAMES pictures: of approved takes, else of other takes, else key frames.
    frames: tuple[str, ...]
    seconds: float
    # Whether shots without a take count with the length that they will have.
    is_estimated: bool

    @cached_property
    def board_url(self) -> str:
        return reverse("admin:storybook_story_board", args=[self.story.pk])

    @property
    def review_url(self) -> str:
        try:
            return reverse("admin:videogen_review", query={"story": self.story.pk})
        except NoReverseMatch:
            # There is no page of its own for it: the board, filtered.
            board = "admin:storybook_story_board"
            query = {"status": BadgeWord.NEEDS_REVIEW.value}
            return reverse(board, args=[self.story.pk], query=query)

    @property
    def to_review(self) -> int:
        return self.progress.counts.get(BadgeWord.NEEDS_REVIEW, 0)

    @property
    def percent(self) -> int:
        """How much is approved. Only a story that is finished has 100."""
        total = self.progress.total
        return int(100 * self.progress.approved / total) if total else 0

    @property
    def length(self) -> str:
        return clock(self.seconds, is_estimated=self.is_estimated)


def story_cards(stories: Collection[Story]) -> list[StoryCard]:
    """Return the cards in the order of the stories. At most seven queries."""
    keys = [story.pk for story in stories]
    counts = count_badges_by_story(keys)
    frames = _frames(keys)
    lengths = _lengths(keys)
    cards = []
    for story in stories:
        progress = Progress(counts[story.pk])
        seconds, made = lengths.get(story.pk, (0.0, 0))
        to_make = max(progress.total - made, 0)
        seconds += to_make * settings.VIDEO_DURATION_SECONDS
        cards.append(StoryCard(story, progress, frames[story.pk], seconds, bool(to_make)))
    return cards


def _frames(keys: Collection[int]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {key: [] for key in keys}
    approved_first = Case(When(badge=BadgeWord.APPROVED, then=Value(0)), default=Value(1))
    posters = (
        current_standings(**{f"{_STORY}__in": keys})
        .annotate(
            poster=Coalesce(NullIf("used_take__poster_file", Value("")), "newest_take__poster_file")
        )
        .filter(poster__gt="")
        .annotate(place=_place(approved_first, *_ACROSS))
        .filter(place__lte=MOST_FRAMES)
        .order_by(_STORY, "place")
    )
    for key, poster in posters.values_list(_STORY, "poster"):
        found[key].append(media_url(poster))
    lacking = [key for key, urls in found.items() if len(urls) < MOST_FRAMES]
    key_frames = (
        KeyFrame.objects.filter(**{f"{_STORY}__in": lacking}, picture__file__gt="")
        .annotate(place=_place("position", *_ACROSS))
        .filter(place__lte=MOST_FRAMES)
        .order_by(_STORY, "place")
    )
    for key, file in key_frames.values_list(_STORY, "picture__file"):
        if len(found[key]) < MOST_FRAMES:
            found[key].append(thumbnail_url(file))
    return {key: tuple(urls) for key, urls in found.items()}


def _place(*order: str | Case) -> Window:
    return Window(RowNumber(), partition_by=F(_STORY), order_by=list(order))


def _lengths(keys: Collection[int]) -> dict[int, tuple[float, int]]:
    """How many seconds the takes of each story have, and how many shots have one."""
    standings = current_standings(**{f"{_STORY}__in": keys}, takes__gt=0)
    seconds = Coalesce(
        "used_take__video_seconds",
        "newest_take__video_seconds",
        "newest_take__duration_seconds",
        output_field=FloatField(),
    )
    rows = standings.values_list(_STORY).annotate(seconds=Sum(seconds), made=Count("*"))
    return {key: (total, made) for key, total, made in rows.order_by()}
