"""Cards of shots: a picture, a badge and two lines of storyboard for each.

The board, the first page and the list of shots show the same cards. `for_cards()` prepares a
queryset of shots, and `ShotCard` wraps one of its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import (
    Count,
    F,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from storybook.models import KeyFrame, Shot, Story
from storybook.thumbnails import thumbnail_url
from videogen.common.formats import clock, media_url
from videogen.models import ShotStanding, TakeNote, VideoRender, badge_at_this_moment
from videogen.models.states import TO_BE_MADE, BadgeWord
from videogen.planning.outdated import usable_key_frames, with_key_frames
from videogen.planning.shot_status import (
    TELL_WHY,
    badge_with_missing,
    current_standings,
    missing_of,
    reason_of,
    with_documents,
)

from .badges import GONE, OUTDATED, SHOT_BADGES, Badge, badge_of_word, counted_in_words
from .segments import Slice, slices_of
from .storyboard import storyboard_lines

_FILES = ("video_file", "poster_file", "video_seconds", "requested_by_name", "content_sha256")
# The columns of the render that decides the badge, in the order that from_db() expects.
_CAUSE = tuple(
    field.attname
    for field in VideoRender._meta.concrete_fields
    if field.attname
    in {
        "state",
        "state_since",
        "beat_at",
        "error_message",
        "review_reason",
        "review_reasons",
        "requested_by_name",
    }
)
_RENDERS = {"render": _CAUSE, "newest_take": _FILES, "used_take": _FILES}
# By render: reads its columns from a standing that has them (`_standings()`).
_columns_of = {
    render: attrgetter(*(f"{render}_{name}" for name in names))
    for render, names in _RENDERS.items()
}
# At most so many model sheets stand in for a shot that has no picture.
MOST_SHEETS = 3

# The fields of a payload that two lines of text are best spent on: what the picture shows, and not
# how it is framed.
_TELLING = ("compositionAndContent", "characterActionAndEmotion")


def for_cards(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """Prefetch what the cards show: two more queries, however many shots there are.

    Nothing is joined to the shots, so counting and sorting them stays fast.
    """
    return with_key_frames(_annotated(shots)).prefetch_related(
        Prefetch("standings", _standings(), to_attr="current_standings")
    )


def load_for_cards(story: Story, shots: QuerySet[Shot]) -> list[Any]:
    """Load shots of one story, often all of them, as `for_cards()` prefetches them, and with their
    scenelets. Four queries: the database finds the rest by the story, for which it need not be sent
    hundreds of keys."""
    prefetch_related_objects([story], "scenelets")
    scenelets = {each.pk: each for each in story.scenelets.all()}
    frames = _by_shot(usable_key_frames(shot__scenelet__story=story))
    standings = _by_shot(_standings().filter(shot__scenelet__story=story))
    # Joined, each shot would have a scenelet of its own.
    rows: list[Any] = list(_annotated(shots).select_related(None))
    for shot in rows:
        shot.frames_with_picture = frames.get(shot.pk, [])
        shot.current_standings = standings.get(shot.pk, [])
        if scenelet := scenelets.get(shot.scenelet_id):
            shot.scenelet = scenelet
    return rows


def _annotated(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    notes = TakeNote.objects.open().filter(render__shot=OuterRef("pk")).order_by()
    counted = notes.values("render__shot").annotate(number=Count("*")).values("number")
    return with_documents(shots).annotate(open_notes=Subquery(counted))


def _standings() -> QuerySet[ShotStanding]:
    """What is shown of renders comes as columns of the standings: to make three renders for each
    card takes longer than everything else about it."""
    columns = {
        f"{render}_{name}": F(f"{render}__{name}")
        for render, names in _RENDERS.items()
        for name in names
    }
    return current_standings().annotate(**columns)


def _by_shot(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.shot_id, []).append(row)
    return found


class _Take(NamedTuple):
    """What a card shows of a take: the columns _FILES."""

    video_file: str
    poster_file: str
    video_seconds: float | None
    requested_by_name: str
    content_sha256: str


@dataclass(frozen=True)
class CardLook:
    """Everything that the changing part of a card follows from, as plain values: equal looks have
    equal HTML. See live.py and `live_html`."""

    word: str
    missing: str
    reason: str
    takes: int
    notes: int
    video_url: str
    used_video_url: str
    still_url: str
    shown_sheets: tuple[str, ...]
    seconds: float | None
    renders_since: datetime | None
    is_outdated: bool
    is_gone: bool

    @property
    def badge(self) -> Badge:
        return badge_of_word(self.word, self.missing)

    @property
    def length(self) -> str:
        return clock(self.seconds) if self.seconds else ""

    @property
    def is_to_make(self) -> bool:
        """Whether the mode default would render the shot, as far as its status tells."""
        return self.word in TO_BE_MADE or (self.word == BadgeWord.FAILED and not self.takes)

    @property
    def second_badge(self) -> Badge | None:
        if self.is_gone:
            return GONE
        return OUTDATED if self.is_outdated else None

    @property
    def second_badge_hint(self) -> str:
        if self.is_gone:
            return "The story's bundle does not have this shot any more. Batches leave it out."
        return "The story has changed since the take that it uses."


# A board of hundreds of cards is opened again and again, and few of them have changed since. The
# HTML that is kept is of a look, so it is never out of date.
MOST_KEPT = 4_000


@lru_cache(maxsize=MOST_KEPT)
def live_html(look: CardLook) -> SafeString:
    """The changing part of a card on the board."""
    return render_to_string("admin/videogen/board/card_live.html", {"card": look})


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
    def standing(self) -> Any:
        """The stored status of the shot, with the columns of _RENDERS. A shot without renders has
        none, and gets a new one."""
        return next(iter(self.shot.current_standings), None) or ShotStanding(shot=self.shot)

    @cached_property
    def render(self) -> VideoRender | None:
        """The render that decides the badge, with the columns _CAUSE."""
        standing = self.standing
        if standing.render_id is None:
            return None
        values = (standing.render_id, *_columns_of["render"](standing))
        return VideoRender.from_db(standing._state.db, ("id", *_CAUSE), values)

    @cached_property
    def used_take(self) -> _Take | None:
        """The selected or approved take."""
        return self._take("used_take")

    @cached_property
    def newest_take(self) -> _Take | None:
        return self._take("newest_take")

    def _take(self, name: str) -> _Take | None:
        if getattr(self.standing, f"{name}_id") is None:
            return None
        return _Take(*_columns_of[name](self.standing))

    @cached_property
    def missing(self) -> str:
        return missing_of(self.shot)

    @cached_property
    def word(self) -> str:
        stored = self.standing.badge
        # Only of a shot that is generated the moment tells more than what is stored.
        render = self.render if stored == BadgeWord.GENERATING else None
        return badge_with_missing(badge_at_this_moment(stored, render), self.missing).value

    @property
    def badge(self) -> Badge:
        return self.look.badge

    @cached_property
    def reason(self) -> str:
        """Why the shot is where it is, if that is not good news. Of a blocked shot the badge
        says it."""
        return reason_of(self.word, self.render) if self.word in TELL_WHY else ""

    @property
    def takes(self) -> int:
        return self.standing.takes

    @property
    def notes(self) -> int:
        """How many notes on its takes are open."""
        return self.shot.open_notes or 0

    @cached_property
    def used_video_url(self) -> str:
        """The selected or approved take; empty without one."""
        return _video_url(self.used_take)

    @property
    def latest_video_url(self) -> str:
        return _video_url(self.newest_take)

    @property
    def _played(self) -> _Take | None:
        """The take that `video_url` plays."""
        return self.used_take or self.newest_take

    @property
    def seconds(self) -> float | None:
        """How long the take is that `video_url` plays; None if nobody knows."""
        return self._played.video_seconds if self._played else None

    @property
    def length(self) -> str:
        return self.look.length

    @property
    def renders_since(self) -> datetime | None:
        """Since when a render of the shot is in its present state; None if none is open."""
        if self.word != BadgeWord.GENERATING or self.render is None:
            return None
        return self.render.state_since

    @property
    def people(self) -> set[str]:
        """The names of those who asked for what the card shows."""
        names = {
            getattr(self.standing, f"{each}_requested_by_name", None) or "" for each in _RENDERS
        }
        return names - {""}

    @cached_property
    def video_url(self) -> str:
        return self.used_video_url or self.latest_video_url

    @cached_property
    def still_url(self) -> str:
        """The poster of the take that `video_url` plays; without one, the first key frame."""
        poster = media_url(self._played.poster_file) if self._played else ""
        if poster or not self.shot.frames_with_picture:
            return poster
        return thumbnail_url(self.shot.frames_with_picture[0].picture_file)

    @property
    def shown_sheets(self) -> tuple[str, ...]:
        return () if self.still_url else tuple(self.sheets[:MOST_SHEETS])

    @cached_property
    def look(self) -> CardLook:
        """Everything in the card that can change while renders run."""
        return CardLook(
            word=self.word,
            missing=self.missing,
            reason=self.reason,
            takes=self.takes,
            notes=self.notes,
            video_url=self.video_url,
            used_video_url=self.used_video_url,
            still_url=self.still_url,
            shown_sheets=self.shown_sheets,
            seconds=self.seconds,
            renders_since=self.renders_since,
            is_outdated=self.is_outdated,
            is_gone=bool(self.shot.gone_since),
        )

    @property
    def text(self) -> str:
        return telling_text(self.shot.storyboard_payload)


def _video_url(take: _Take | None) -> str:
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
