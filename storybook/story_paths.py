"""The ways through a story: from a first scenelet to each ending."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from .errors import StorybookError
from .models import Scenelet, Shot, Story


class PathProblem(StrEnum):
    """Why the paths of a story cannot be told."""

    UNKNOWN_ENDING = "unknown_ending"
    NOT_AN_ENDING = "not_an_ending"
    TOO_MANY = "too_many_paths"


class PathError(StorybookError):
    """`code` says what is wrong, `params` with what: the endings' ids, or the number of paths."""

    def __init__(self, code: PathProblem, params: dict[str, Any]) -> None:
        self.code = code
        self.params = params
        super().__init__(_sentence(code, params))


@dataclass(frozen=True)
class StoryPath:
    """The scenelets that a reader walks through to one ending, the first one first."""

    scenelets: tuple[Scenelet, ...]

    @property
    def ending(self) -> Scenelet:
        return self.scenelets[-1]

    @property
    def title(self) -> str:
        return self.ending.title or self.ending.scenelet_id


def current_scenelets(story: Story | int) -> QuerySet[Scenelet]:
    """Return the scenelets of a story, or of its primary key, in their order, without those whose
    shots are all gone from its bundle."""
    shots = Shot.objects.filter(scenelet=OuterRef("pk"))
    is_current = Exists(shots.filter(gone_since=None)) | ~Exists(shots)
    return Scenelet.objects.filter(is_current, story=story).order_by("place")


def find_endings(story: Story) -> list[Scenelet]:
    """Return the scenelets without branches, in the story's order. Makes one query.

    `is_terminal` does not matter: a scenelet that is said to be an ending and has branches goes on,
    and one that has none ends there.
    """
    return _endings(current_scenelets(story))


def find_paths(story: Story, endings: Collection[str] = ()) -> list[StoryPath]:
    """Return the paths to the endings with these scenelet_ids, or to all endings, in the story's
    order. Makes one query.

    A scenelet has one parent, so an ending has one path. Scenelets that form a circle lead from no
    beginning to no ending and are on no path. Raises PathError where an id is not the story's or no
    ending's, and where no ending is named and there are more than VIDEO_MOST_PATHS.
    """
    scenelets = list(current_scenelets(story))
    by_pk = {each.pk: each for each in scenelets}
    found = _endings(scenelets)
    if endings:
        found = _named(found, endings, {each.scenelet_id for each in scenelets})
    elif len(found) > settings.VIDEO_MOST_PATHS:
        raise PathError(
            PathProblem.TOO_MANY, {"paths": len(found), "most": settings.VIDEO_MOST_PATHS}
        )
    return [StoryPath(_walk_back(ending, by_pk)) for ending in found]


def _endings(scenelets: Iterable[Scenelet]) -> list[Scenelet]:
    scenelets = list(scenelets)
    parents = {each.parent_id for each in scenelets}
    return [each for each in scenelets if each.pk not in parents]


def _named(
    found: Iterable[Scenelet], endings: Collection[str], known: Collection[str]
) -> list[Scenelet]:
    if strange := sorted(set(endings) - set(known)):
        raise PathError(PathProblem.UNKNOWN_ENDING, {"endings": strange})
    chosen = [each for each in found if each.scenelet_id in set(endings)]
    if inner := sorted(set(endings) - {each.scenelet_id for each in chosen}):
        raise PathError(
            PathProblem.NOT_AN_ENDING,
            {"endings": inner, "known": [each.scenelet_id for each in found]},
        )
    return chosen


def _walk_back(ending: Scenelet, by_pk: dict[int, Scenelet]) -> tuple[Scenelet, ...]:
    walked, seen = [ending], {ending.pk}
    # A branch that hangs on a circle begins in the circle: no scenelet comes twice.
    while (parent := walked[-1].parent_id) in by_pk and parent not in seen:
        seen.add(parent)
        walked.append(by_pk[parent])
    return tuple(reversed(walked))


def _sentence(code: PathProblem, params: dict[str, Any]) -> str:
    if code == PathProblem.TOO_MANY:
        return (
            f"The story has {params['paths']} paths, and at most {params['most']} are taken at "
            "once. Name the endings."
        )
    ids = ", ".join(params["endings"])
    if code == PathProblem.UNKNOWN_ENDING:
        return f"The story has no scenelet {ids}."
    known = ", ".join(params["known"][:20])
    return f"{ids} is no ending of the story. Its endings are {known}."
