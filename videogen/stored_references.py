"""The pictures that a story has and what people chose of them, as the pure steps take them. One
query each, however many shots there are."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from storybook.models import KeyFrame, Picture, Shot, Story

from .models import ReferenceChoice
from .references import Choice, StoredPicture


def stored_pictures(story: Story) -> dict[str, StoredPicture]:
    return {each.path: _stored_picture(each) for each in Picture.objects.filter(story=story)}


def _stored_picture(picture: Picture) -> StoredPicture:
    return StoredPicture(
        path=picture.path,
        file=picture.file,
        mime_type=picture.mime_type,
        byte_size=picture.byte_size,
        sha256=picture.sha256,
        problem=picture.problem,
    )


def key_frames_of(
    shots: QuerySet[Shot], pictures: Mapping[str, StoredPicture]
) -> dict[int, list[StoredPicture]]:
    found: dict[int, list[StoredPicture]] = {}
    key_frames = KeyFrame.objects.filter(shot__in=shots.order_by()).order_by("shot", "position")
    for shot_id, path in key_frames.values_list("shot_id", "picture__path"):
        if path in pictures:  # else it was imported a moment ago
            found.setdefault(shot_id, []).append(pictures[path])
    return found


def choices_of(shots: QuerySet[Shot]) -> dict[int, list[Choice]]:
    found: dict[int, list[Choice]] = {}
    for each in ReferenceChoice.objects.filter(shot__in=shots.order_by()):
        found.setdefault(each.shot_id, []).append(
            Choice(each.kind, each.reference_id, each.choice, each.position)
        )
    return found
