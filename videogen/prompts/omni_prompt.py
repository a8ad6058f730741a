"""The prompt of a model that takes pictures and text in one list: what each picture is, is said in
the text. And a stored prompt for another route.

Gemini Omni has no field for it: its guide binds pictures by the tags <IMAGE_REF_0>, <IMAGE_REF_1>…
in the order in which they are sent, and says that without a word to the contrary a picture may
become the first frame and a video be cut from several shots. Of a stored prompt, what differs by
route is what the model is told at its end. No queries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from videogen.models.routes import Route

from .prompt import CRITICAL_INSTRUCTION, Prompt, write_prompt
from .references import CHARACTER, ENVIRONMENT, KEY_FRAME, Pick

ONE_SHOT = (
    "Render the whole video as one continuous, unbroken shot from a single camera, without scene "
    "cuts."
)

_TAG = "<IMAGE_REF_"
_ROLES = {
    CHARACTER: "the character model sheet of {id}: binding for the look of {id}",
    ENVIRONMENT: "the reference image of the environment {id}: a guide for its style, materials "
    "and light",
    KEY_FRAME: "key frame {id} of this shot: a guide for what is seen in it",
}


def binding_sentences(picks: Sequence[Pick]) -> list[str]:
    """One sentence per picture, in the order in which they are sent."""
    return [
        f"{_TAG}{number}> is {_ROLES[pick.kind].format(id=pick.id)}; it is a reference and "
        "not the first frame."
        for number, pick in enumerate(picks)
    ]


def bound_instructions(picks: Sequence[Pick]) -> list[str]:
    """All that goes to the prompt's critical instruction beside its own sentences."""
    return [*binding_sentences(picks), ONE_SHOT]


def is_binding(sentence: object) -> bool:
    """Whether it stands among the instructions for this kind of model's sake."""
    return sentence == ONE_SHOT or isinstance(sentence, str) and sentence.startswith(_TAG)


_INSTRUCTION = "critical_instruction"


def stored_prompt(
    text: str, references: Sequence[Mapping[str, Any]], before: str, after: str, *, limit: int
) -> Prompt | None:
    """The prompt that was stored for the route `before`, in the words of `after`; None where it
    can stay as it is, and where it is no document."""
    if (before == Route.OMNI) == (after == Route.OMNI):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    picks = [
        Pick(**{field.name: each.get(field.name, "") for field in fields(Pick)})
        for each in references
    ]
    return write_prompt(prompt_for_route(document, picks, after), limit=limit)


def prompt_for_route(document: dict[str, Any], picks: Sequence[Pick], route: str) -> dict[str, Any]:
    """The document with the instructions of that route, and else as it is."""
    said = document.get(_INSTRUCTION)
    said = said if isinstance(said, list) else list(CRITICAL_INSTRUCTION)
    own = bound_instructions(picks) if route == Route.OMNI else []
    return document | {_INSTRUCTION: [*(each for each in said if not is_binding(each)), *own]}
