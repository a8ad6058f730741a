"""A blocked render explained: what the filter means, what is likely the cause, and what to try."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from videogen.common.formats import spaced
from videogen.models import VideoRender

from .codes import CATEGORIES, categories_of_block, is_audio_block
from .suspicious_words import Suspect, find_suspects

AUDIO = "audio"
UNNAMED = ""


class Place(StrEnum):
    """Where something can be changed."""

    REFERENCES = "references"
    STORYBOARD = "storyboard"
    DESIGN = "design"
    NOWHERE = ""


@dataclass(frozen=True)
class Advice:
    sentence: str
    place: Place = Place.NOWHERE


MEANINGS = {
    "child": "The filter takes somebody in the pictures or in the words for a child.",
    "celebrity": "The filter takes somebody for a person who is known.",
    "video safety": "It was the finished video that the filter refused, not the words.",
    "third-party content": "The filter sees somebody else's work: a brand, a character, a style.",
    "prohibited content": "The filter sees what its rules exclude, such as drugs or crime.",
    "sexual": "The filter finds it too intimate.",
    "violence": "The filter finds it too violent.",
    "hate": "The filter finds that it demeans somebody.",
    "other safety": "The filter gives a code that stands for no single subject.",
    AUDIO: "It was the sound only: the API could not make it, or would not.",
    UNNAMED: "The filter does not say what it minds.",
}

_ADVICE: dict[str, tuple[Advice, ...]] = {
    "child": (
        Advice(
            "Leave out the model sheet of whoever may look like a child: the filter judges the "
            "pictures, too.",
            Place.REFERENCES,
        ),
        Advice(
            "Age the wording of the design: a name, “young adult” or “small figure” "
            "instead of “girl”, “boy” or an age.",
            Place.DESIGN,
        ),
        Advice(
            "Show the child from behind, from afar or as a silhouette, without a close-up.",
            Place.STORYBOARD,
        ),
    ),
    "celebrity": (
        Advice("Take out names of people, and whatever likens somebody to one.", Place.STORYBOARD),
        Advice("Say in the design what somebody looks like, not whom.", Place.DESIGN),
        Advice("Leave out a picture that resembles somebody known.", Place.REFERENCES),
    ),
    "third-party content": (
        Advice("Remove names of brands, products and titles.", Place.STORYBOARD),
        Advice(
            "Describe a look by what is seen, not by an artist or a studio that it comes from.",
            Place.DESIGN,
        ),
        Advice("Leave out a picture with a logo or a known character in it.", Place.REFERENCES),
    ),
    "violence": (
        Advice(
            "Describe the action less literally: the moment before or after it, a shadow, a sound.",
            Place.STORYBOARD,
        ),
        Advice("Take weapons and wounds out of the designs.", Place.DESIGN),
        Advice("Leave out a picture that shows them.", Place.REFERENCES),
    ),
    "sexual": (
        Advice("Say what everybody wears, and tell of looks and gestures only.", Place.STORYBOARD),
        Advice("Leave out a picture with bare skin.", Place.REFERENCES),
    ),
    "hate": (
        Advice("Reword what is said, and what is said of a group of people.", Place.STORYBOARD),
        Advice("Leave out a picture with emblems in it.", Place.REFERENCES),
    ),
    "prohibited content": (
        Advice("Take it out of the shot, or only hint at it.", Place.STORYBOARD),
    ),
    "video safety": (
        Advice("Generate exactly this once more: another video may pass."),
        Advice("Describe the action less literally.", Place.STORYBOARD),
    ),
    AUDIO: (
        Advice("Generate exactly this once more: the same prompt often passes."),
        Advice("Shorten the lines; take out singing, screams and music.", Place.STORYBOARD),
    ),
    UNNAMED: (
        Advice("Change one thing at a time. First leave out the pictures.", Place.REFERENCES),
        Advice("Then shorten the storyboard to what is seen.", Place.STORYBOARD),
    ),
}
_ADVICE["other safety"] = _ADVICE[UNNAMED]

_WHERE = {
    "character": "the design of {}",
    "environment": "the design of {}",
    "line": "a line of {}",
    "storyboard": "the storyboard, {}",
    "direction": "a direction of the team",
    "style": "the overall style",
}

_IN_PICTURES = re.compile(r"\b(?:input|reference|uploaded) (?:image|picture|photo)s?\b", re.I)


@dataclass(frozen=True)
class Block:
    """The explanation of a render in the state BLOCKED. It needs its prompt and error_details."""

    render: VideoRender

    @cached_property
    def reasons(self) -> list[str]:
        """The filter's own words."""
        return [str(each) for each in self._details("reasons")]

    @cached_property
    def codes(self) -> list[tuple[str, str]]:
        """Each support code with what it stands for."""
        return [(code, CATEGORIES.get(code, "not documented")) for code in self._codes]

    @cached_property
    def categories(self) -> Sequence[str]:
        named = categories_of_block(self.reasons, self._codes)
        known = [each for each in named if each in MEANINGS]
        if is_audio_block(self.reasons, self._codes):
            known = [AUDIO]
        return known or [UNNAMED]

    @property
    def meanings(self) -> list[str]:
        return [MEANINGS[each] for each in self.categories]

    @cached_property
    def suspects(self) -> list[Suspect]:
        found = (find_suspects(self.render.prompt_text, each) for each in self.categories)
        return list(dict.fromkeys(suspect for suspects in found for suspect in suspects))

    @property
    def advice(self) -> list[Advice]:
        found = list(dict.fromkeys(each for name in self.categories for each in _ADVICE[name]))
        if _IN_PICTURES.search(" ".join(self.reasons)):
            # The filter says where it looked.
            found.sort(key=lambda each: each.place != Place.REFERENCES)
        return found

    @property
    def hint(self) -> str:
        """The likeliest cause in one sentence, or ""."""
        if not self.suspects:
            return ""
        first = self.suspects[0]
        return f"Likely at fault: “{first.words}” in {where_of(first)}."

    @property
    def _codes(self) -> list[str]:
        return [str(each) for each in self._details("support_codes")]

    def _details(self, key: str) -> list[object]:
        details = self.render.error_details
        value = details.get(key) if isinstance(details, dict) else None
        return value if isinstance(value, list) else []


def where_of(suspect: Suspect) -> str:
    """Where in the request the suspect stands, in the words of the screens."""
    words = _WHERE[suspect.what]
    name = suspect.name or "somebody"
    if suspect.what == "storyboard":
        name = spaced(suspect.name)
    return words.format(name)
