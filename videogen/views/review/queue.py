"""Which takes wait for a verdict, in story order, and what the room shows of each.

The queue knows how many takes each story has, and the order of the takes of those stories that
somebody looks at; what is shown is read for a few takes at a time. The number of queries does not
depend on how many there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from storybook.models import KeyFrame, Scenelet, Shot, Story, shot_code
from storybook.thumbnails import thumbnail_url
from videogen.common.formats import media_url
from videogen.models import GuestNote, RenderBatch, TakeNote, VideoRender, counts_simulated
from videogen.models.shot_status import REVIEWS_IN_ROOM
from videogen.models.states import SHOT_WORDS, BadgeWord
from videogen.planning.shot_status import current_standings, standings_at_work
from videogen.views.components.badges import REVIEW_BADGES, Badge
from videogen.views.components.ignored_options import tell_of_ignored
from videogen.views.components.notes import ShownNote, shown_notes, with_notes
from videogen.views.components.pictures import ShownPicture
from videogen.views.components.shot_filters import ShotFilters, number
from videogen.views.components.storyboard import StoryboardLine, storyboard_lines
from videogen.views.takes.render_card import RenderCard

State = VideoRender.State
Review = VideoRender.Review

# How many takes one answer describes.
PAGE = 25


@dataclass(frozen=True)
class Filters:
    """What the address asks for. What makes no sense in it counts as not asked for."""

    story: int = 0
    batch: int = 0
    status: str = BadgeWord.NEEDS_REVIEW.value
    shots: ShotFilters = ShotFilters()

    @classmethod
    def of(cls, request: HttpRequest) -> Filters:
        status = request.GET.get("status", "")
        return cls(
            number(request.GET.get("story", "")),
            number(request.GET.get("batch", "")),
            status if status in REVIEWS_IN_ROOM else cls.status,
            ShotFilters.of(request.GET),
        )

    @property
    def query(self) -> dict[str, str]:
        """The filters as the query of an address."""
        status = "" if self.status == Filters.status else self.status
        asked = {"story": str(self.story or ""), "batch": str(self.batch or "")}
        asked |= self.shots.query | {"status": status}
        return {name: value for name, value in asked.items() if value}

    def tell_of_ignored(self, request: HttpRequest) -> None:
        """Say what of the room's address asks for nothing."""
        usual = {"status": Filters.status}
        tell_of_ignored(request, self.query, usual=usual, others=("take", "after"))

    def url(self, name: str = "videogen_review", **more: object) -> str:
        query = urlencode(self.query | {key: str(value) for key, value in more.items()})
        address = reverse(f"admin:{name}")
        return f"{address}?{query}" if query else address

    @property
    def words(self) -> list[str]:
        """What is left out, as people call it. At most three queries."""
        told: list[str] = []
        shots = self.shots
        if self.story:
            told.append(str(Story.objects.filter(pk=self.story).first() or "no such story"))
        if self.batch:
            found = RenderBatch.objects.filter(pk=self.batch).first()
            told.append(f"batch {found.number}" if found else "no such batch")
        if shots.scenelet:
            scenelet = Scenelet.objects.filter(pk=shots.scenelet).first()
            told.append(str(scenelet or "no scenelet"))
        told += filter(None, (shots.character, shots.environment, shots.person))
        if shots.text:
            told.append(f"“{shots.text}”")
        if self.status != Filters.status:
            told.append(SHOT_WORDS[BadgeWord(self.status)])
        return told


class Place(NamedTuple):
    """A take's place in the queue: these sort in story order, the newest take of a shot first."""

    title: str
    story: int
    sequence: int
    scenelet: int
    shot_index: int
    take: int
    render: int


def _takes_of(filters: Filters) -> QuerySet[VideoRender]:
    """All takes that the filters ask for. No query, one with filters of shots."""
    counting = {} if counts_simulated() else {"is_simulated": False}
    done = VideoRender.objects.filter(state=State.DONE, **counting)
    takes = done.filter(
        review__in=REVIEWS_IN_ROOM[filters.status],
        shot__in=standings_at_work(filters.status).values("shot"),
    )
    if filters.status == BadgeWord.NEEDS_REVIEW:
        # An approval settles what came before it.
        approved = done.filter(shot=OuterRef("shot"), review=Review.APPROVED)
        at = Coalesce("reviewed_at", "state_since")
        takes = takes.exclude(Exists(approved.alias(at=at).filter(at__gte=OuterRef("state_since"))))
    if filters.story:
        takes = takes.filter(shot__scenelet__story=filters.story)
    if filters.batch:
        takes = takes.filter(batch=filters.batch)
    if filters.shots.scenelet:
        takes = takes.filter(shot__scenelet=filters.shots.scenelet)
    if filters.shots.query:
        takes = takes.filter(pk__in=_takes_that_fit(filters.shots, takes))
    return takes


class Queue:
    """All takes that the filters ask for, in order. One query, two with filters of shots, and one
    more whenever takes of another story are looked at."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self._takes = _takes_of(filters)
        counts = sorted(self._count_by_story())
        # In order: the title and the key of each story, and where its takes begin.
        self._stories: list[tuple[str, int]] = [(title, story) for title, story, _ in counts]
        self._begins = list(accumulate((number for *_, number in counts), initial=0))
        # The places of the stories that somebody has looked at.
        self._places: dict[int, list[Place]] = {}

    def _count_by_story(self) -> Iterable[tuple[str, int, int]]:
        """The title and the key of each story, and how many takes of it there are."""
        if self.filters.batch or self.filters.shots.query:
            by_story = self._takes.order_by().values_list(*_PLACE[:2])
            return by_story.annotate(number=Count("*"))
        # Stored with the status of each shot: there are several times as many takes.
        standings = standings_at_work(self.filters.status).filter(to_review__gt=0)
        if self.filters.story:
            standings = standings.filter(shot__scenelet__story=self.filters.story)
        return standings.order_by().values_list(*_PLACE[:2]).annotate(number=Sum("to_review"))

    def __len__(self) -> int:
        return self._begins[-1]

    def index(self, render: int) -> int | None:
        """Where the take is; None if it is not in the queue. Two queries at most."""
        place = place_of(render)
        at = self.after(place) - 1 if place else -1
        return at if self.keys(at, at + 1) == [render] else None

    def after(self, place: Place) -> int:
        """Where the queue goes on after a take that may have left it. One query at most."""
        story = bisect_left(self._stories, (place.title, place.story))
        begin = self._begins[story]
        if self._stories[story : story + 1] != [(place.title, place.story)]:
            return begin
        self._load([place.story])
        return begin + bisect_right(self._places[place.story], place)

    def keys(self, start: int, stop: int) -> list[int]:
        """The takes from one place up to another one. One query at most."""
        start, stop = max(start, 0), min(stop, len(self))
        if start >= stop:
            return []
        first = bisect_right(self._begins, start) - 1
        shown = self._stories[first : bisect_left(self._begins, stop)]
        self._load([story for _, story in shown])
        places = [place for _, story in shown for place in self._places[story]]
        begin = self._begins[first]
        return [place.render for place in places[start - begin : stop - begin]]

    def window(self, start: int) -> list[int]:
        start = max(start, 0)
        return self.keys(start, start + PAGE)

    def _load(self, stories: Sequence[int]) -> None:
        missing = [story for story in stories if story not in self._places]
        if not missing:
            return
        rows = self._takes.filter(shot__scenelet__story__in=missing).order_by()
        self._places |= {story: [] for story in missing}
        for place in sorted(map(_place_of, rows.values_list(*_PLACE))):
            self._places[place.story].append(place)


# In the order of the fields of Place; the highest number of a take comes first.
_PLACE = (
    "shot__scenelet__story__title",
    "shot__scenelet__story",
    "shot__scenelet__sequence",
    "shot__scenelet",
    "shot__shot_index",
    "take",
    "pk",
)


def _place_of(row: Sequence[Any]) -> Place:
    place = Place(*row)
    return place._replace(take=-(place.take or 0))


def place_of(render: int) -> Place | None:
    """The place that a take has, or would have. One query."""
    row = VideoRender.objects.filter(pk=render).order_by().values_list(*_PLACE).first()
    return _place_of(row) if row else None


def _takes_that_fit(filters: ShotFilters, takes: Any) -> list[int]:
    columns = ("requested_by_name", "shot__shot_index", "shot__storyboard_payload")
    scenelet = [f"shot__scenelet__{name}" for name in ("title", "scenelet_id", "place")]
    rows = takes.select_related("shot__scenelet").only(*columns, *scenelet).order_by()
    return [each.pk for each in rows if filters.fits(each.shot, (each.requested_by_name,))]


# -- what the room shows of a take -----------------------------------------------------------------


@dataclass(frozen=True)
class StripTake:
    """A picture of the filmstrip: a take of the shot, or the shot before or after it."""

    render: VideoRender
    words: str
    is_current: bool = False
    # How many notes of it are open.
    notes: int = 0

    @property
    def poster(self) -> str:
        return media_url(self.render.poster_file)

    @property
    def clip(self) -> str:
        return media_url(self.render.video_file)

    @property
    def badge(self) -> Badge:
        return REVIEW_BADGES[Review(self.render.review)]


@dataclass(frozen=True)
class Neighbour:
    """The shot before or after: its take in use, or else its newest, or none."""

    code: str
    take: StripTake | None


@dataclass(frozen=True)
class Entry:
    """All that the room shows of one take."""

    card: RenderCard
    takes: Sequence[StripTake]
    before: Neighbour | None
    after: Neighbour | None
    frame: str
    guest_notes: Sequence[GuestNote]

    @property
    def render(self) -> VideoRender:
        return self.card.render

    @property
    def shot(self) -> Shot:
        return self.render.shot

    @cached_property
    def notes(self) -> list[ShownNote]:
        """What the team says about this take."""
        return shown_notes(self.render)

    @property
    def note_count(self) -> int:
        """The number of open notes and of notes of guests."""
        return sum(each.note.is_open for each in self.notes) + len(self.guest_notes)

    @cached_property
    def storyboard(self) -> list[StoryboardLine]:
        return storyboard_lines(self.shot.storyboard_payload)

    @property
    def references(self) -> list[tuple[str, ShownPicture]]:
        """What was sent, each with the address of a small copy."""
        return [(thumbnail_url(each.path), each) for each in self.card.references if each.url]

    @property
    def locked_by(self) -> VideoRender | None:
        """The other take of the shot that is approved."""
        approved = (each.render for each in self.takes if each.render.review == Review.APPROVED)
        return next((each for each in approved if each.pk != self.render.pk), None)

    @property
    def file_facts(self) -> list[str]:
        """What the file is."""
        render = self.render
        found = []
        if render.width and render.height:
            found.append(f"{render.width} × {render.height}")
        if render.fps:
            found.append(f"{round(render.fps, 2):g} fps")
        if render.video_seconds:
            found.append(f"{round(render.video_seconds, 1):g} s")
        if render.has_audio is not None:
            found.append("sound" if render.has_audio else "no sound")
        return found

    @property
    def reviewed(self) -> list[VideoRender]:
        """The takes of the shot that somebody gave a verdict on, the last one first."""
        given = [
            (each.render.reviewed_at, each.render.pk, each.render)
            for each in self.takes
            if each.render.reviewed_at
        ]
        return [render for _, _, render in sorted(given, key=itemgetter(0, 1), reverse=True)]

    @property
    def compared(self) -> StripTake | None:
        """The other take that the wipe shows first."""
        return next((each for each in self.takes if not each.is_current), None)


_STRIP = (
    "shot",
    "take",
    "state",
    "kind",
    "review",
    "review_reason",
    "review_reasons",
    "reviewed_at",
    "reviewed_by_name",
    "poster_file",
    "video_file",
    "is_simulated",
    "requested_by_name",
    "queued_at",
)


def entries_of(keys: Sequence[int]) -> list[Entry]:
    """What the room shows of these takes, in this order. Ten queries."""
    renders = {
        each.pk: each
        for each in VideoRender.objects.filter(pk__in=keys, state=State.DONE)
        .select_related("shot__scenelet__story", "batch", "technical_check")
        .defer("technical_check__signature", "batch__plan", "batch__filters")
        .prefetch_related("submissions", with_notes())
    }
    shown = [renders[key] for key in keys if key in renders]
    shots = {each.shot_id for each in shown}
    takes: dict[int, list[VideoRender]] = {}
    counting = {} if counts_simulated() else {"is_simulated": False}
    strip = VideoRender.objects.filter(shot__in=shots, state=State.DONE, **counting)
    for take in strip.order_by("-take").only(*_STRIP):
        takes.setdefault(take.shot_id, []).append(take)
    open_notes = dict(
        TakeNote.objects.open()
        .filter(render__shot__in=shots)
        .order_by()
        .values_list("render")
        .annotate(number=Count("*"))
    )
    frames: dict[int, str] = {}
    rows = KeyFrame.objects.filter(shot__in=shots, picture__file__gt="").order_by("position")
    for shot, file in rows.values_list("shot_id", "picture__file"):
        frames.setdefault(shot, media_url(file))
    notes: dict[int, list[GuestNote]] = {}
    said = GuestNote.objects.filter(shot__in=shots).select_related("render")
    for note in said.order_by("-made_at", "-pk")[:500]:
        notes.setdefault(note.shot_id or 0, []).append(note)
    around = _neighbours({each.shot.scenelet.story_id for each in shown}, shots)
    return [
        Entry(
            RenderCard(render),
            [
                StripTake(
                    each, f"Take {each.take}", each.pk == render.pk, open_notes.get(each.pk, 0)
                )
                for each in takes.get(render.shot_id, [])
            ],
            *around.get(render.shot_id, (None, None)),
            frames.get(render.shot_id, ""),
            notes.get(render.shot_id, []),
        )
        for render in shown
    ]


def _neighbours(
    stories: Iterable[int], shots: set[int]
) -> dict[int, tuple[Neighbour | None, Neighbour | None]]:
    """The shots before and after each of `shots` in its story. Two queries."""
    rows = Shot.objects.filter(scenelet__story__in=stories).values_list(
        "pk", "scenelet__story", "scenelet__place", "shot_index"
    )
    ordered = sorted(rows, key=lambda row: row[1:])
    beside = {
        each[0]: [
            other if other and other[1] == each[1] else None
            for other in (
                ordered[at - 1] if at else None,
                next(iter(ordered[at + 1 : at + 2]), None),
            )
        ]
        for at, each in enumerate(ordered)
        if each[0] in shots
    }
    wanted = {each[0] for pair in beside.values() for each in pair if each}
    columns = ("shot", *(f"{take}__{name}" for take in _BESIDE for name in _STRIP))
    standings = current_standings(shot__in=wanted).select_related(*_BESIDE).only(*columns)
    used = {each.shot_id: each.used_take or each.newest_take for each in standings}

    def neighbour(row: Sequence[Any] | None) -> Neighbour | None:
        if row is None:
            return None
        code, take = shot_code(row[2], row[3]), used.get(row[0])
        return Neighbour(code, StripTake(take, code) if take else None)

    return {pk: (neighbour(before), neighbour(after)) for pk, (before, after) in beside.items()}


_BESIDE = ("used_take", "newest_take")
