"""What `list_stories` and `story_status` tell: the stories with their progress, and where each shot
of one story stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Prefetch, QuerySet

from storybook.models import Shot, Story
from videogen.models import ShotStanding, VideoRender
from videogen.models.states import SHOT_WORDS, BadgeWord
from videogen.planning.outdated import outdated_shots, with_key_frames
from videogen.planning.shot_status import (
    badge_with_missing,
    count_badges_by_story,
    current_standings,
    missing_of,
    reason_of,
    with_documents,
)

_RENDERS = ("render", "newest_take", "used_take")
# Long texts of a render that nothing here shows.
_UNUSED = ("prompt_text", "references", "dropped_references", "warnings", "error_details")


@dataclass(frozen=True)
class StoryLine:
    """One story, and how many of its shots have which status."""

    story: Story
    scenelets: int
    counts: Mapping[str, int]

    @property
    def shots(self) -> int:
        return sum(self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "story_id": self.story.story_id,
            "title": self.story.title,
            "scenelets": self.scenelets,
            "shots": self.shots,
            "statuses": with_codes(self.counts),
        }


@dataclass(frozen=True)
class ShotLine:
    """Where one shot stands."""

    # Rows of a query with annotations that mypy does not know.
    shot: Any
    is_outdated: bool

    @property
    def standing(self) -> ShotStanding:
        # A shot without renders has none.
        return next(iter(self.shot.current_standings), None) or ShotStanding(shot=self.shot)

    @property
    def word(self) -> BadgeWord:
        return badge_with_missing(self.standing.word, missing_of(self.shot))

    @property
    def take(self) -> VideoRender | None:
        """The take that the story uses, else the newest."""
        return self.standing.used_take or self.standing.newest_take

    @property
    def reason(self) -> str:
        """Why the shot is where it is; empty where the status says it all."""
        if self.word == BadgeWord.BLOCKED:
            return missing_of(self.shot)
        return reason_of(self.word, self.standing.render)

    def as_dict(self) -> dict[str, Any]:
        take, render = self.take, self.standing.render
        return {
            "scenelet_id": self.shot.scenelet.scenelet_id,
            "shot_index": self.shot.shot_index,
            "code": self.shot.code,
            "status": code_of(self.word),
            "reason": self.reason or None,
            "render_id": render.pk if render else None,
            "render_status": str(render.status) if render else None,
            "takes": self.standing.takes,
            "take": take.take if take else None,
            "review": take.review if take else None,
            "video_file": take.video_file if take else None,
            "out_of_date": self.is_outdated,
        }


def code_of(word: str) -> str:
    """Return what programs read: the words that people read, without spaces."""
    return SHOT_WORDS[BadgeWord(word)].replace(" ", "_")


def with_codes(counts: Mapping[str, int]) -> dict[str, int]:
    return {code_of(word): number for word, number in counts.items()}


def in_words(counts: Mapping[str, int]) -> str:
    """Return "needs review 3, to do 4", without what there is none of."""
    told = [f"{SHOT_WORDS[BadgeWord(word)]} {number}" for word, number in counts.items() if number]
    return ", ".join(told)


def list_stories(*, archived: bool = False) -> list[StoryLine]:
    """Return the stories that people work on, or else the archived ones, by their titles. A fixed
    number of queries."""
    rows = Story.objects.filter(archived_at__isnull=not archived)
    stories = list(rows.annotate(scenelet_count=Count("scenelets")))
    counts = count_badges_by_story([each.pk for each in stories])
    return [StoryLine(each, each.scenelet_count, counts[each.pk]) for each in stories]


def list_shots(story: Story) -> list[ShotLine]:
    """Return the story's shots in story order. A fixed number of queries."""
    return shot_lines(story, list(shot_rows(story)))


def shot_rows(story: Story) -> QuerySet[Any]:
    """Return the story's shots, for `shot_lines`, in story order."""
    standings = (
        current_standings()
        .select_related(*_RENDERS)
        .defer(*(f"{of}__{name}" for of in _RENDERS for name in _UNUSED))
        # `outdated_shots` asks for it.
        .annotate(used_take_content_sha256=F("used_take__content_sha256"))
    )
    shots = with_documents(Shot.objects.filter(scenelet__story=story)).select_related(
        "scenelet__story"
    )
    return with_key_frames(shots).prefetch_related(
        Prefetch("standings", standings, to_attr="current_standings")
    )


def shot_lines(story: Story, rows: Sequence[Any]) -> list[ShotLine]:
    """Return where these rows of `shot_rows` stand. A fixed number of queries."""
    outdated = outdated_shots(story, rows)
    return [ShotLine(each, each.pk in outdated) for each in rows]


def count_lines(lines: Iterable[ShotLine]) -> dict[str, int]:
    """Return how many of the shots have which status."""
    counts = Counter(line.word for line in lines)
    return {word.value: counts[word] for word in BadgeWord}


def summarise_stories(lines: Iterable[StoryLine]) -> dict[str, int]:
    lines = list(lines)
    return {"stories": len(lines), "shots": sum(each.shots for each in lines)}
