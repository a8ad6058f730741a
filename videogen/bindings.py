"""What a picture is, said in the prompt: for a model that takes pictures and text in one list.

Gemini Omni has no field for it: its guide binds pictures by the tags <IMAGE_REF_0>, <IMAGE_REF_1>…
in the order in which they are sent, and says that without a word to the contrary a picture may
become the first frame and a video be cut from several shots. Pure; for prompts.py.
"""

from __future__ import annotations

from collections.abc import Sequence

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
