"""Arrange the references of one shot on the plan's page: pin, move up, leave out.

This changes the shot's ReferenceChoice rows, which the plan reads when it is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from storybook.models import DesignDocument, KeyFrame, Picture, Shot
from storybook.thumbnails import thumbnail_url
from videogen.common.errors import RequestError
from videogen.common.formats import media_url
from videogen.models import ReferenceChoice
from videogen.models.video_models import MAX_REFERENCES
from videogen.prompts.reference_choices import Key, store_choices
from videogen.prompts.references import (
    KEY_FRAME,
    KIND_WORDS,
    LEFT_OUT,
    PINNED,
    ChosenReference,
    ReferencePicture,
    Selection,
    StoredPicture,
    list_candidates,
    pick_references,
)

# The actions of the buttons, and the message that follows each.
ACTS = {
    "pin": "Pinned the {}.",
    "unpin": "Unpinned the {}.",
    "up": "Moved the {} up.",
    "leave_out": "Left out the {}.",
    "use": "The {} may be used again.",
}


@dataclass(frozen=True)
class ReferenceCard:
    kind: str
    id: str
    # Relative to MEDIA_ROOT.
    file: str = ""
    # Counts what is sent from 1; 0 for what is not sent.
    place: int = 0
    # Why it is not sent.
    reason: str = ""
    choice: str = ""

    @property
    def url(self) -> str:
        return media_url(self.file)

    @property
    def small_url(self) -> str:
        return thumbnail_url(self.file)

    @property
    def words(self) -> str:
        return KIND_WORDS.get(self.kind, self.kind)

    @property
    def is_pinned(self) -> bool:
        return self.choice == PINNED

    @property
    def is_left_out(self) -> bool:
        return self.choice == LEFT_OUT

    @property
    def can_pin(self) -> bool:
        return not self.choice and bool(self.file)


def reference_cards(shot: Shot) -> tuple[list[ReferenceCard], list[ReferenceCard]]:
    """The references that are sent, in order, and all others that the shot has. Five queries."""
    references = _ShotReferences(shot)
    sent = [
        ReferenceCard(
            pick.kind,
            pick.id,
            pick.path,
            place,
            choice=references.choice_of((pick.kind, pick.id)),
        )
        for place, pick in enumerate(references.selection.picks, start=1)
    ]
    candidates = {(each.kind, each.id): each for each in references.candidates}
    others = [key for key in candidates if key not in references.sent]
    lost = [key for key in references.keys_of_choices if key not in candidates]
    rest = [
        ReferenceCard(
            *key,
            _file_of(candidates.get(key)),
            reason=references.reason(key, candidates.get(key)),
            choice=references.choice_of(key),
        )
        for key in others + lost
    ]
    return sent, rest


def change_reference(shot: Shot, key: Key, act: str) -> str:
    """Do one of ACTS. Returns the message about it. RequestError where that is impossible."""
    with transaction.atomic():
        Shot.objects.select_for_update(no_key=True).get(pk=shot.pk)
        references = _ShotReferences(shot)
        if act not in ACTS or key not in references.all_keys:
            raise RequestError("The shot has no such reference (any more).", code="no_reference")
        left_out = [each for each in references.left_out if each != key]
        pins = [each for each in references.pins if each != key]
        if act == "leave_out":
            left_out.append(key)
        elif act == "pin":
            pins.insert(min(len(pins), MAX_REFERENCES - 1), key)
        elif act == "up":
            pins = _moved_up(references, key)
        store_choices(shot, pins, left_out)
    kind, reference_id = key
    return ACTS[act].format(f"{KIND_WORDS.get(kind, kind)} {reference_id}")


class _ShotReferences:
    """The shot's candidates, and what people chose for them."""

    def __init__(self, shot: Shot) -> None:
        documents = DesignDocument.objects.filter(story=shot.scenelet.story_id, kind="visual")
        visual = documents.values_list("document", flat=True).first() or {}
        pictures = {
            each.path: StoredPicture.of(each)
            for each in Picture.objects.filter(story=shot.scenelet.story_id)
        }
        frames = KeyFrame.objects.filter(shot=shot).order_by("position")
        key_frames = [pictures[path] for path in frames.values_list("picture__path", flat=True)]
        self.candidates: Sequence[ReferencePicture] = list_candidates(
            visual, shot.storyboard_payload or {}, key_frames, pictures
        )[0]
        self.choices = list(ReferenceChoice.objects.filter(shot=shot))
        self.selection: Selection = pick_references(
            self.candidates,
            [
                ChosenReference(each.kind, each.reference_id, each.choice, each.position)
                for each in self.choices
            ],
            use_key_frames=settings.VIDEO_USE_KEY_FRAMES,
        )

    @property
    def sent(self) -> list[Key]:
        return [(pick.kind, pick.id) for pick in self.selection.picks]

    @property
    def keys_of_choices(self) -> list[Key]:
        return [(each.kind, each.reference_id) for each in self.choices]

    @property
    def all_keys(self) -> set[Key]:
        return {*((each.kind, each.id) for each in self.candidates), *self.keys_of_choices}

    @property
    def pins(self) -> list[Key]:
        return [(each.kind, each.reference_id) for each in self.choices if each.choice == PINNED]

    @property
    def left_out(self) -> list[Key]:
        return [(each.kind, each.reference_id) for each in self.choices if each.choice == LEFT_OUT]

    def choice_of(self, key: Key) -> str:
        found = (e.choice for e in self.choices if (e.kind, e.reference_id) == key)
        return next(found, "")

    def reason(self, key: Key, candidate: ReferencePicture | None) -> str:
        """Why it is not sent."""
        if candidate is None:
            return "the shot has none"
        if candidate.problem:
            return candidate.problem
        if self.choice_of(key) == LEFT_OUT:
            return "a person left it out"
        for dropped in self.selection.dropped:
            if (dropped.kind, dropped.id) == key:
                return dropped.reason
        if key[0] == KEY_FRAME and not settings.VIDEO_USE_KEY_FRAMES:
            return "key frames are switched off"
        return "the same picture is sent already"


def _file_of(candidate: ReferencePicture | None) -> str:
    return candidate.picture.file if candidate and candidate.picture else ""


def _moved_up(references: _ShotReferences, key: Key) -> list[Key]:
    """The pins that give the order in which `key` stands one place higher."""
    order = references.sent
    place = order.index(key) if key in order else 0
    if not place:
        raise RequestError("It is the first reference already.", code="no_reference")
    order[place - 1], order[place] = key, order[place - 1]
    pinned = set(references.pins)
    last = max([place - 1, *(number for number, each in enumerate(order) if each in pinned)])
    return order[: last + 1] + [each for each in references.pins if each not in order]
