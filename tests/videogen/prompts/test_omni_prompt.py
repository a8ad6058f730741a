from __future__ import annotations

import json

import pytest

from videogen.prompts.omni_prompt import (
    ONE_SHOT,
    binding_sentences,
    bound_instructions,
    stored_prompt,
)
from videogen.prompts.references import CHARACTER, ENVIRONMENT, KEY_FRAME, Pick


def pick(kind, each):
    return Pick(kind, each, f"pictures/{each}.png", "image/png", 100, "0" * 64)


def test_each_picture_is_bound_in_the_order_in_which_it_is_sent():
    picks = [pick(KEY_FRAME, "1"), pick(CHARACTER, "mira"), pick(ENVIRONMENT, "old quay")]

    assert binding_sentences(picks) == [
        "<IMAGE_REF_0> is key frame 1 of this shot: a guide for what is seen in it; it is a "
        "reference and not the first frame.",
        "<IMAGE_REF_1> is the character model sheet of mira: binding for the look of mira; it is "
        "a reference and not the first frame.",
        "<IMAGE_REF_2> is the reference image of the environment old quay: a guide for its style, "
        "materials and light; it is a reference and not the first frame.",
    ]


def test_an_id_with_braces_is_only_text():
    (sentence,) = binding_sentences([pick(CHARACTER, "{id} {0}")])

    assert "sheet of {id} {0}: binding for the look of {id} {0};" in sentence


def test_one_continuous_shot_is_asked_for_with_and_without_pictures():
    assert bound_instructions([]) == [ONE_SHOT]
    assert bound_instructions([pick(CHARACTER, "mira")])[-1] == ONE_SHOT
    assert "one continuous, unbroken shot" in ONE_SHOT


@pytest.mark.parametrize("other", ["gemini", "vertex"])
def test_a_stored_prompt_gets_the_bindings_and_loses_them_again(other):
    document = {"global_aesthetic": "灯", "critical_instruction": ["No captions."]}
    references = [pick(CHARACTER, "mira").as_dict()]
    text = json.dumps(document, ensure_ascii=False)

    bound = stored_prompt(text, references, other, "omni", limit=1000)
    back = stored_prompt(bound.text, references, "omni", other, limit=1000)

    assert bound.document["critical_instruction"] == [
        "No captions.",
        *bound_instructions([pick(CHARACTER, "mira")]),
    ]
    assert back.document == document
    assert stored_prompt(text, references, "gemini", "vertex", limit=1000) is None
