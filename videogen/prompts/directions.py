"""The team's directions: what goes into the prompts of a shot, and the verbs that change it.

A direction is never edited or deleted. Wording it anew switches the row off and adds another one,
so that the rows say who wanted what, and when. An import touches none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from storybook.models import Scenelet, Shot, Story
from videogen.common.errors import RequestError
from videogen.models import Direction
from videogen.models.directions import MOST_CHARACTERS


@dataclass(frozen=True)
class DirectionPlace:
    """What a direction is about: a whole story, one of its scenelets, or one of its shots."""

    story: Story
    scenelet: Scenelet | None = None
    shot: Shot | None = None

    @classmethod
    def of_shot(cls, shot: Shot) -> DirectionPlace:
        """The scenelet and the story of the shot are loaded."""
        return cls(shot.scenelet.story, shot=shot)

    @property
    def columns(self) -> dict[str, object]:
        return {"story": self.story, "scenelet": self.scenelet, "shot": self.shot}


def add_direction(place: DirectionPlace, text: str, author: User) -> Direction:
    """Add a direction at the end of its place. RequestError where the words cannot be sent, or
    where the same direction is there already."""
    words = checked_words(text)
    with transaction.atomic():
        # Of two who add the same words at the same moment, the second one is told.
        Story.objects.select_for_update(no_key=True).get(pk=place.story.pk)
        here = Direction.objects.filter(**place.columns)
        if here.on().filter(text=words).exists():
            raise RequestError(
                "Nothing was added: the same direction is there already.", code="direction_exists"
            )
        last = here.aggregate(last=Max("position"))["last"] or 0
        return _write(author, text=words, position=last + 1, **place.columns)


def reword_direction(direction: Direction, text: str, author: User) -> Direction:
    """Replace the direction by another wording, in the same position. RequestError where somebody
    changed it meanwhile, or where the words cannot be sent."""
    words = checked_words(text)
    if words == direction.text and direction.is_on:
        return direction
    with transaction.atomic():
        switch_off_direction(direction, author)
        return _write_after(direction, words, author)


def switch_off_direction(direction: Direction, person: User) -> None:
    """Take the direction out of the prompts. RequestError where it is out of them already."""
    changes = {
        "switched_off_at": timezone.now(),
        "switched_off_by_name": person.get_username(),
    }
    if not Direction.objects.on().filter(pk=direction.pk).update(**changes):
        raise RequestError(
            "Nothing was changed: somebody switched this direction off meanwhile.", code="changed"
        )
    for name, value in changes.items():
        setattr(direction, name, value)


def switch_on_direction(direction: Direction, author: User) -> Direction:
    """Bring the words of a direction that is off back into the prompts, by a row that replaces it.
    RequestError where they are in the prompts already."""
    with transaction.atomic():
        Story.objects.select_for_update(no_key=True).get(pk=direction.story_id)
        same = Direction.objects.on().filter(
            story=direction.story_id,
            scenelet=direction.scenelet_id,
            shot=direction.shot_id,
            text=direction.text,
        )
        if same.exists():
            raise RequestError(
                "Nothing was changed: the same direction is on already.", code="direction_exists"
            )
        return _write_after(direction, direction.text, author)


def checked_words(text: str) -> str:
    """The words in one line. RequestError where there are none, too many, or some that no prompt
    can have."""
    words = " ".join(text.split())
    if not words:
        raise RequestError(
            "A direction needs words: write what the model should do.", code="direction_empty"
        )
    if len(words) > MOST_CHARACTERS:
        raise RequestError(
            f"A direction has at most {MOST_CHARACTERS} characters; this one has {len(words)}.",
            code="direction_long",
        )
    if not words.isprintable():
        raise RequestError(
            "The direction has characters that cannot be seen. Write it again without them.",
            code="direction_unprintable",
        )
    return words


def _write_after(direction: Direction, words: str, author: User) -> Direction:
    return _write(
        author,
        text=words,
        position=direction.position,
        replaces=direction,
        story_id=direction.story_id,
        scenelet_id=direction.scenelet_id,
        shot_id=direction.shot_id,
    )


def _write(author: User, **columns: object) -> Direction:
    return Direction.objects.create(author=author, author_name=author.get_username(), **columns)
