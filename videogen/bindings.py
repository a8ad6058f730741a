"""What a picture is, said in the prompt: for a model that takes pictures and text in one list.

Gemini Omni has no field for it: its guide binds pictures by the tags <IMAGE_REF_0>, <IMAGE_REF_1>…
in the order in which they are sent, and says that without a word to the contrary a picture may
become the first frame and a video be cut from several shots. Pure; for prompts.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .references import CHARACTER, ENVIRONMENT, KEY_FRAME, Pick

ONE_SHOT = (
    "Render the whole video as one continuous, unbroken shot from a single camera, without scene "
    "cuts."
)

_ROLES = {
    CHARACTER: "the character model sheet of {id}: binding for the look of {id}",
    ENVIRONMENT: "the reference image of the environment {id}: a guide for its style, materials "
    "and light",
    KEY_FRAME: "key frame {id} of this shot: a guide for what is seen in it",
}


def binding_sentences(picks: Sequence[Pick]) -> list[str]:
    """One sentence per picture, in the order in which they are sent."""
    return [
        f"<IMAGE_REF_{number}> is {_ROLES[pick.kind].format(id=pick.id)}; it is a reference and "
        "not the first frame."
        for number, pick in enumerate(picks)
    ]


def bound_instructions(picks: Sequence[Pick]) -> list[str]:
    """All that goes to the prompt's critical instruction beside its own sentences."""
    return [*binding_sentences(picks), ONE_SHOT]


def bind_text(text: str, picks: Sequence[Pick]) -> str:
    """A stored prompt, perhaps written for another model, with what it does not say yet."""
    document = json.loads(text)
    said = document["critical_instruction"]
    missing = [each for each in bound_instructions(picks) if each not in said]
    if not missing:
        return text
    document["critical_instruction"] = [*said, *missing]
    if "\n" in text:
        return json.dumps(document, ensure_ascii=False, indent=2)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
