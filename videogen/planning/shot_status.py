"""Derive a shot's status from its renders: its situation, which is its row of the mode table, and
its badge on the screens.

The badge is stored in `ShotStanding`, except for what changes with the time alone, and for a shot
that waits for its storyboard or for a design document of its story: that is looked up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import models
from django.db.models import (
    Count,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable
from django.utils import timezone

from storybook.models import DesignDocument, Scenelet, Shot, Story
from videogen.models import (
    STALE_AFTER,
    ShotStanding,
    VideoRender,
    badge_at_this_moment,
    badge_of_renders,
    counts_simulated,
    is_attempt,
)
from videogen.models.routes import SIMULATOR
from videogen.models.states import OPEN, RESUMABLE, TO_BE_MADE, BadgeWord

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review

# The statuses that are explained (`reason_of`).
TELL_WHY = frozenset(
    {
        BadgeWord.FAILED,
        BadgeWord.NEEDS_DECISION,
        BadgeWord.RETAKE,
        BadgeWord.CANCELLED,
        BadgeWord.GIVEN_UP,
    }
)


class Situation(models.TextChoices):
    """Rows of the mode table, in the order in which they are read. The words are part of the JSON
    contract."""

    IN_FLIGHT = "in_flight", "a render is queued or in flight"
    UNKNOWN = "unknown", "a render's submission has an unknown outcome"
    INTERRUPTED = "interrupted", "a render was interrupted, its operation is known"
    NOT_DOWNLOADED = "not_downloaded", "a finished video was not downloaded"
    APPROVED = "approved", "an approved take"
    VIDEO = "video", "a video"
    REJECTED = "rejected", "only rejected takes"
    WITHOUT_VIDEO = "without_video", "only failed / blocked / cancelled renders"
    NOTHING = "nothing", "no render, or only rehearsals"


def find_situations(
    shots: QuerySet[Shot], backend: str
) -> dict[int, tuple[Situation, VideoRender]]:
    """By shot: the first situation that fits, and the newest render that causes it. Shots that have
    no renders, or only rehearsals, are missing. One query.

    What the simulator made does not count as a video for a `backend` that makes real ones.
    """
    found: dict[int, tuple[Situation, VideoRender]] = {}
    renders = (
        VideoRender.objects.filter(shot__in=shots.order_by())
        .exclude(kind=Kind.REHEARSAL)
        .without_heavy_columns()
        .order_by("pk")
    )
    rank = {situation: number for number, situation in enumerate(Situation)}
    for render in renders:
        if not is_attempt(render, counts_simulated=backend == SIMULATOR):
            continue
        situation = situation_of(render)
        if render.shot_id not in found or rank[situation] <= rank[found[render.shot_id][0]]:
            found[render.shot_id] = (situation, render)
    return found


def find_resumable(shots: Collection[int], backend: str) -> list[VideoRender]:
    """The renders of these shots that can be resumed without paying, of batches that asked for
    several takes of a shot, the oldest first. One query, none without shots."""
    if not shots:
        return []
    renders = VideoRender.objects.filter(
        shot__in=shots,
        batch__takes_per_shot__gt=1,
        state__in=[*RESUMABLE, State.RUNNING, State.DOWNLOADING],
    ).exclude(kind=Kind.REHEARSAL)
    rows = renders.without_heavy_columns().order_by("pk")
    counts = backend == SIMULATOR
    return [
        each
        for each in rows
        if each.status in RESUMABLE and is_attempt(each, counts_simulated=counts)
    ]


def situation_of(render: VideoRender) -> Situation:
    status = State(render.status)
    if status in OPEN:
        return Situation.IN_FLIGHT
    if status == State.DONE:
        return _BY_REVIEW.get(Review(render.review), Situation.VIDEO)
    return {
        State.UNKNOWN: Situation.UNKNOWN,
        State.INTERRUPTED: Situation.INTERRUPTED,
        State.NOT_DOWNLOADED: Situation.NOT_DOWNLOADED,
    }.get(status, Situation.WITHOUT_VIDEO)


_BY_REVIEW = {Review.APPROVED: Situation.APPROVED, Review.REJECTED: Situation.REJECTED}


# -- the badge -------------------------------------------------------------------------------------


def badge_word_of(renders: Iterable[VideoRender], missing: str = "") -> BadgeWord:
    """The badge of one shot at this moment, from all its renders and from what it lacks, if it
    lacks something (`find_missing`). No query."""
    word, render = badge_of_renders(renders, counts_simulated=counts_simulated())
    return badge_with_missing(badge_at_this_moment(word, render), missing)


def badge_with_missing(word: BadgeWord, missing: str) -> BadgeWord:
    """The badge of a shot that lacks something. Only a shot that is still to be made waits for
    it."""
    return BadgeWord.BLOCKED if missing and word in TO_BE_MADE else word


def reason_of(word: str, render: VideoRender | None) -> str:
    """Why a shot has its status, if that is not good news; else empty. `render` causes the
    status."""
    if render is None or word not in TELL_WHY:
        return ""
    if word == BadgeWord.RETAKE:
        return told_of_rejection(render)
    if word == BadgeWord.NEEDS_DECISION:
        label = State(render.status).label.capitalize()
        # What is said of an unknown outcome says that it is unknown.
        if render.status == State.UNKNOWN and render.error_message:
            return render.error_message
        return f"{label}. {render.error_message}".strip()
    return render.error_message


def told_of_rejection(render: VideoRender) -> str:
    """Why the take was rejected, as "face, sound: the hat is gone"; empty where nobody said."""
    reasons = ", ".join(str(each.label) for each in render.rejected_for)
    return ": ".join(filter(None, [reasons, render.review_reason]))


def with_documents(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """Annotate the shots with what `missing_of` asks about their stories."""
    return shots.annotate(
        has_visual_document=_has_document(DesignDocument.Kind.VISUAL),
        has_audio_document=_has_document(DesignDocument.Kind.AUDIO),
    )


def missing_of(shot: Any) -> str:
    """What the shot lacks, so that nothing can be sent for it: "no storyboard". Empty if it lacks
    nothing. The shot is a row of `with_documents()`, whose annotations mypy does not know."""
    return _missing_in_words(
        has_visual=shot.has_visual_document,
        has_audio=shot.has_audio_document,
        has_storyboard=bool(shot.storyboard_payload),
    )


def find_missing(shot: Shot) -> str:
    """The same of one shot. One query."""
    documents = DesignDocument.objects.filter(story__scenelets=shot.scenelet_id)
    kinds = set(documents.exclude(document={}).values_list("kind", flat=True))
    return _missing_in_words(
        has_visual=DesignDocument.Kind.VISUAL in kinds,
        has_audio=DesignDocument.Kind.AUDIO in kinds,
        has_storyboard=bool(shot.storyboard_payload),
    )


def _missing_in_words(*, has_visual: bool, has_audio: bool, has_storyboard: bool) -> str:
    told = []
    if not has_visual and not has_audio:
        told.append("no design documents")
    elif not has_visual:
        told.append("no visual design document")
    elif not has_audio:
        told.append("no audio design document")
    if not has_storyboard:
        told.append("no storyboard")
    return ", ".join(told)


def _has_document(kind: str, story: str = "scenelet__story") -> Exists:
    """story: the path from the query's rows to their story."""
    documents = DesignDocument.objects.filter(story=OuterRef(story), kind=kind)
    return Exists(documents.exclude(document={}))


def _lacks_something() -> Q:
    """`missing_of` as SQL."""
    # The stories are looked up once, and not for each of thousands of shots.
    stories = _stories_without_documents().values("pk")
    return _lacks_storyboard() | Q(scenelet__story__in=stories)


def _lacks_nothing() -> Q:
    """The opposite. Said in this way, the documents are joined, and the rows of one page found
    without looking at all others."""
    # An index has the shots without storyboard. To look into the storyboards of all others takes
    # twice as long.
    without = Shot.objects.filter(_lacks_storyboard()).order_by().values("pk")
    return (
        ~Q(pk__in=without)
        & Q(_has_document(DesignDocument.Kind.VISUAL))
        & Q(_has_document(DesignDocument.Kind.AUDIO))
    )


def _lacks_storyboard() -> Q:
    return Q(storyboard_payload=None) | Q(storyboard_payload={})


def with_shots(stories: QuerySet[Story]) -> QuerySet[Story]:
    """Return those of the stories that have shots."""
    # One shot of each is looked up. To join all shots of all stories is slow.
    one = Shot.objects.filter(scenelet__story=OuterRef("pk")).order_by().values("pk")[:1]
    return stories.alias(a_shot=Subquery(one)).filter(a_shot__isnull=False)


def _stories_without_documents() -> QuerySet[Story]:
    visual, audio = DesignDocument.Kind.VISUAL, DesignDocument.Kind.AUDIO
    lacks = ~_has_document(visual, "pk") | ~_has_document(audio, "pk")
    return Story.objects.filter(lacks).order_by()


def current_standings(**conditions: object) -> QuerySet[ShotStanding]:
    """The stored statuses that hold for VIDEO_BACKEND. Shots without renders have none."""
    # SQLite uses the index for a list, but not for the bare column of a boolean.
    return ShotStanding.objects.filter(counts_simulated__in=[counts_simulated()], **conditions)


def standings_with(word: str) -> QuerySet[ShotStanding]:
    """The stored statuses of the shots that have this badge at this moment."""
    match word:
        case BadgeWord.GENERATING:
            return current_standings(badge=BadgeWord.GENERATING).exclude(_is_stale())
        case BadgeWord.NEEDS_DECISION:
            kept = (BadgeWord.GENERATING, BadgeWord.NEEDS_DECISION)
            return current_standings(badge__in=kept).filter(
                Q(badge=BadgeWord.NEEDS_DECISION) | _is_stale()
            )
    return current_standings(badge=word)


def standings_at_work(word: str) -> QuerySet[ShotStanding]:
    """The same, without the shots of archived stories: they are in nobody's way."""
    archived = Shot.objects.filter(scenelet__story__archived_at__isnull=False)
    return standings_with(word).exclude(shot__in=archived.order_by().values("pk"))


def filter_by_badge(shots: QuerySet[Shot], word: str) -> QuerySet[Shot]:
    if word == BadgeWord.BLOCKED:
        return _without_badges(shots, set(BadgeWord) - set(TO_BE_MADE)).filter(_lacks_something())
    if word == BadgeWord.READY:
        others = set(BadgeWord) - {BadgeWord.READY}
        return _without_badges(shots, others).filter(_lacks_nothing())
    found = shots.filter(pk__in=standings_with(word).values("shot"))
    return found.filter(_lacks_nothing()) if word in TO_BE_MADE else found


def _without_badges(shots: QuerySet[Shot], words: Collection[BadgeWord]) -> QuerySet[Shot]:
    # Most shots that are still to be made have no renders, and therefore no standing.
    return shots.filter(~_has_standing(badge__in=sorted(words)))


def filter_by_video(shots: QuerySet[Shot], *, has_video: bool) -> QuerySet[Shot]:
    if has_video:
        return shots.filter(pk__in=current_standings(takes__gt=0).values("shot"))
    return shots.filter(~_has_standing(takes__gt=0))


def _has_standing(**conditions: object) -> Exists:
    # To leave out shots, PostgreSQL looks up each that may be shown, and stops at the end of the
    # page. With `NOT IN`, it would first make a list of all the others.
    return Exists(current_standings(shot=OuterRef("pk"), **conditions))


def count_badges(shots: QuerySet[Shot]) -> dict[str, int]:
    """How many of the shots have which badge: all words, in their order. Five queries at most."""
    if shots.query.has_filters():
        return _badges_by(shots, Value(0)).get(0) or _as_of_now(Counter(), 0, Counter())
    # Of all shots. Most have a stored status, and these are counted from their index alone.
    stored = current_standings().order_by().values_list("badge").annotate(number=Count("*"))
    kept: Counter[str | None] = Counter(dict(stored))
    kept[None] = Shot.objects.count() - kept.total()
    return _with_exceptions({0: kept}, shots, Value(0))[0]


def count_badges_by_story(stories: Collection[int]) -> dict[int, dict[str, int]]:
    """The same of each story, by its key. Four queries."""
    shots = Shot.objects.filter(scenelet__story__in=stories)
    counts = _badges_by(shots, F("scenelet__story"))
    return {key: counts.get(key) or _as_of_now(Counter(), 0, Counter()) for key in stories}


class Videos(NamedTuple):
    """How many shots have a video, and how many have none."""

    yes: int
    no: int


def count_videos(shots: QuerySet[Shot]) -> Videos:
    """Of all shots, or of those that filters leave. Two queries at most."""
    if shots.query.has_filters():
        return added_up(count_videos_by_story(shots).values())
    # Their indexes alone are counted.
    with_video = current_standings(takes__gt=0).count()
    return Videos(with_video, Shot.objects.count() - with_video)


def count_videos_by_story(shots: QuerySet[Shot]) -> dict[int, Videos]:
    """The same of each story that has some of the shots, by its key. One query."""
    has_video = Q(standing__takes__gt=0)
    rows = _with_standing(shots).values_list("scenelet__story")
    counts = rows.annotate(yes=Count("pk", filter=has_video), shots=Count("pk"))
    return {story: Videos(yes, number - yes) for story, yes, number in counts}


def added_up(counts: Iterable[Videos]) -> Videos:
    return Videos(*map(sum, zip(Videos(0, 0), *counts, strict=True)))


# The number of shots with each stored badge, None for none, by the values of some key.
_Counts = dict[Any, Counter[str | None]]


def _badges_by(shots: QuerySet[Shot], key: Combinable) -> dict[Any, dict[str, int]]:
    """How many of the shots have which badge, for each value of `key`. Four queries."""
    return _with_exceptions(_count_by(_with_standing(shots), key), shots, key)


def _with_exceptions(
    kept: _Counts, shots: QuerySet[Shot], key: Combinable
) -> dict[Any, dict[str, int]]:
    """The badges at this moment, from those that are stored. Three queries for the few shots that
    are not as it was stored."""
    rows = _with_standing(shots)
    stale = _count_by(rows.filter(_is_stale("standing__")), key)
    # Mostly there are no such stories, and an index has the shots without storyboard.
    stories = with_shots(_stories_without_documents()).values_list("pk", flat=True)
    of_stories = Q(scenelet__story__in=list(stories))
    lacking = _count_by(rows.filter(_lacks_storyboard() | of_stories), key)
    return {
        value: _as_of_now(numbers, stale[value].total(), lacking[value])
        for value, numbers in kept.items()
    }


def _count_by(rows: QuerySet[Any], key: Combinable) -> _Counts:
    """rows: of `_with_standing()`."""
    numbers: _Counts = defaultdict(Counter)
    counted = rows.annotate(key=key, badge=F("standing__badge")).values_list("key", "badge")
    for value, badge, number in counted.annotate(number=Count("*")):
        numbers[value][badge] += number
    return numbers


def _with_standing(shots: QuerySet[Shot]) -> QuerySet[Any]:
    """Each of the shots once, with the status that holds for VIDEO_BACKEND as `standing`, if it
    has one. mypy does not know that annotation."""
    if not _finds_each_once(shots):
        shots = Shot.objects.filter(pk__in=shots.order_by().values("pk"))
    holds = Q(standings__counts_simulated__in=[counts_simulated()])
    return shots.order_by().annotate(standing=FilteredRelation("standings", condition=holds))


def _finds_each_once(shots: QuerySet[Shot]) -> bool:
    """Whether the query joins nothing but the scenelet and the story of each shot. A search may
    join more, and find a shot twice."""
    query = shots.query
    tables = [
        join.table_name for alias, join in query.alias_map.items() if query.alias_refcount[alias]
    ]
    own = {model._meta.db_table for model in (Shot, Scenelet, Story)}
    return not query.distinct and len(tables) == len(set(tables)) and own.issuperset(tables)


def _as_of_now(
    kept: Mapping[str | None, int], stale: int, lacking: Mapping[str | None, int]
) -> dict[str, int]:
    """The badges at this moment, from those that are stored; None is a shot that has none, as most
    that were never rendered."""
    counts = {word.value: kept.get(word, 0) for word in BadgeWord}
    counts[BadgeWord.GENERATING] -= stale
    counts[BadgeWord.NEEDS_DECISION] += stale
    counts[BadgeWord.READY] += kept.get(None, 0)
    for badge, number in lacking.items():
        word = badge or BadgeWord.READY.value
        if word in TO_BE_MADE:
            counts[word] -= number
            counts[BadgeWord.BLOCKED] += number
    return counts


def _is_stale(standing: str = "") -> Q:
    """VideoRender.is_stale as SQL, for the render of a stored status. standing: the path from the
    query's rows to that status as a prefix, or "" if they are statuses."""
    before = timezone.now() - STALE_AFTER
    beat = f"{standing}render__beat_at"
    return Q(
        Q(**{beat: None}) | Q(**{f"{beat}__lt": before}),
        **{
            f"{standing}badge": BadgeWord.GENERATING,
            f"{standing}render__state__in": [State.RUNNING, State.DOWNLOADING],
            f"{standing}render__state_since__lt": before,
        },
    )
