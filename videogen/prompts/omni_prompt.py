"""What only the prompts for Gemini Omni say, and stored prompts reworded for another route.

Omni takes pictures and text in one list, and has no field that says what a picture is. Its guide
names the pictures in the text, by the tags <IMAGE_REF_0>, <IMAGE_REF_1>… in the order in which they
are sent. It also warns that, unless the text says otherwise, a picture may become the first frame
and a video may be cut from several shots. These sentences stand at the end of the prompt; the rest
is the same for every route. No queries.
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
    """What Omni's prompt says in its critical instruction beside the sentences of every prompt."""
    return [*binding_sentences(picks), ONE_SHOT]


def is_binding(sentence: object) -> bool:
    """Whether the sentence is in the critical instruction for Omni only."""
    return sentence == ONE_SHOT or isinstance(sentence, str) and sentence.startswith(_TAG)


_INSTRUCTION = "critical_instruction"


def stored_prompt(
    text: str, references: Sequence[Mapping[str, Any]], before: str, after: str, *, limit: int
) -> Prompt | None:
    """The prompt that was stored for the route `before`, reworded for the route `after`. None where
    it can stay as it is, or is not a JSON object."""
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
    """A copy of the document with the instructions of that route."""
    said = document.get(_INSTRUCTION)
    said = said if isinstance(said, list) else list(CRITICAL_INSTRUCTION)
    own = bound_instructions(picks) if route == Route.OMNI else []
    return document | {_INSTRUCTION: [*(each for each in said if not is_binding(each)), *own]}
