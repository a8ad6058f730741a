"""Why a render was blocked, and links to what can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from storybook.models import DesignDocument, Shot
from videogen.safety.blocks import Block, Place, where_of
from videogen.views.components.reasons import Link

_WORDS = {
    Place.REFERENCES: "Its references",
    Place.STORYBOARD: "Its storyboard",
    Place.DESIGN: "The design",
}
_MAY_CHANGE = {
    Place.REFERENCES: ("storybook.change_shot", "videogen.change_referencechoice"),
    Place.STORYBOARD: ("storybook.change_shot",),
    Place.DESIGN: ("storybook.change_designdocument",),
}


@dataclass(frozen=True)
class BlockCard:
    block: Block
    ways: Mapping[str, Link]

    @property
    def meanings(self) -> list[str]:
        return self.block.meanings

    @property
    def reasons(self) -> list[str]:
        return self.block.reasons

    @property
    def codes(self) -> list[tuple[str, str]]:
        return self.block.codes

    @property
    def suspects(self) -> list[tuple[str, str, str]]:
        """For each suspect: the place, the words, and the sentence around them."""
        return [(where_of(each), each.words, each.quote) for each in self.block.suspects]

    @property
    def advice(self) -> list[tuple[str, str, Link | None]]:
        """For each piece of advice: where it is followed, the sentence, and a link to the place."""
        return [
            (each.place, each.sentence, self.ways.get(each.place)) for each in self.block.advice
        ]


def ways_to_change(request: HttpRequest, shot: Shot) -> dict[str, Link]:
    """Return a link to each place where the person may change something. At most one query."""
    shot_url = reverse("admin:storybook_shot_change", args=[shot.pk])
    urls = {
        Place.REFERENCES: f"{shot_url}#reference_choices-group",
        Place.STORYBOARD: shot_url,
    }
    allowed = [each for each in _WORDS if request.user.has_perms(_MAY_CHANGE[each])]
    if Place.DESIGN in allowed:
        documents = DesignDocument.objects.filter(story=shot.scenelet.story_id, kind="visual")
        if pk := documents.values_list("pk", flat=True).first():
            urls[Place.DESIGN] = reverse("admin:storybook_designdocument_change", args=[pk])
    return {each: Link(_WORDS[each], urls[each]) for each in allowed if each in urls}
