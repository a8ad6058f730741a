"""Everything that a story's prompts and references are made of, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from storybook.findings import StoryIds
from storybook.models import DesignDocument, KeyFrame, Picture, Shot, Story
from videogen.models import Direction, ReferenceChoice

from .references import ChosenReference, StoredPicture


@dataclass(frozen=True)
class Material:
    # By kind: "visual" and "audio".
    documents: Mapping[str, dict[str, Any]]
    # By path below the story's image folder.
    pictures: Mapping[str, StoredPicture]
    # By the primary key of the shot.
    key_frames: Mapping[int, Sequence[StoredPicture]]
    choices: Mapping[int, Sequence[ChosenReference]]
    # Those that are on, of the story and of all its scenelets and shots, in order.
    directions: Sequence[Direction]

    def directions_of(self, shot: Shot) -> list[str]:
        """The team's sentences for the shot: those of the story, of the scenelet, of the shot."""
        of_story = [each for each in self.directions if not (each.scenelet_id or each.shot_id)]
        of_scenelet = [each for each in self.directions if each.scenelet_id == shot.scenelet_id]
        of_shot = [each for each in self.directions if each.shot_id == shot.pk]
        return [each.text for each in (*of_story, *of_scenelet, *of_shot)]

    @cached_property
    def ids(self) -> StoryIds:
        """The ids that a shot can name."""
        return StoryIds.of(self.documents.get("visual"), self.documents.get("audio"))

    @classmethod
    def of(cls, story: Story, shots: QuerySet[Shot]) -> Material:
        documents = DesignDocument.objects.filter(story=story)
        pictures = _stored_pictures(story)
        return cls(
            documents={each.kind: each.document for each in documents},
            pictures=pictures,
            key_frames=_key_frames(shots, pictures),
            choices=_choices(shots),
            directions=list(Direction.objects.on().filter(story=story)),
        )


def _stored_pictures(story: Story) -> dict[str, StoredPicture]:
    return {each.path: StoredPicture.of(each) for each in Picture.objects.filter(story=story)}


def _key_frames(
    shots: QuerySet[Shot], pictures: Mapping[str, StoredPicture]
) -> dict[int, list[StoredPicture]]:
    found: dict[int, list[StoredPicture]] = {}
    key_frames = KeyFrame.objects.filter(shot__in=shots.order_by()).order_by("shot", "position")
    for shot_id, path in key_frames.values_list("shot_id", "picture__path"):
        # A picture that is missing here was imported after the others were read.
        if path in pictures:
            found.setdefault(shot_id, []).append(pictures[path])
    return found


def _choices(shots: QuerySet[Shot]) -> dict[int, list[ChosenReference]]:
    found: dict[int, list[ChosenReference]] = {}
    for each in ReferenceChoice.objects.filter(shot__in=shots.order_by()):
        found.setdefault(each.shot_id, []).append(
            ChosenReference(each.kind, each.reference_id, each.choice, each.position)
        )
    return found
