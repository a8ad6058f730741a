from __future__ import annotations

import json

import pytest

from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import WarningCode

MODEL = {"model": "veo-9", "resolution": "4k"}
FORMAT = {**MODEL, "aspect_ratio": "1:1", "seconds": 5}
# The copy: every code with its parameters and what people read of it.
SENTENCES = [
    (
        ProblemCode.NO_DOCUMENT,
        {"kind": "visual"},
        "The story has no visual design document: import it or write it in the admin.",
    ),
    (ProblemCode.NO_STORYBOARD, {}, "The shot has no storyboard payload."),
    (
        ProblemCode.PIN_MISSING,
        {"reference": "key frame 7"},
        "The pinned key frame 7 cannot be used: the shot has none.",
    ),
    (
        ProblemCode.PIN_UNUSABLE,
        {"reference": "key frame 1", "problem": "The file {x} is empty."},
        "The pinned key frame 1 cannot be used: The file {x} is empty.",
    ),
    (
        ProblemCode.OVER_TOKEN_LIMIT,
        {"tokens": 1500, "limit": 1024},
        "The prompt has about 1500 tokens, the model reads 1024: what lies at its end may be "
        "ignored.",
    ),
    (
        ProblemCode.RESOLUTION_NOT_MADE,
        {**MODEL, "known": ["1080p", "720p"]},
        "veo-9 does not make 4k: set VIDEO_RESOLUTION to 1080p or 720p, or choose another model.",
    ),
    (
        ProblemCode.NO_REFERENCES,
        MODEL,
        "veo-9 takes no reference pictures: choose another model.",
    ),
    (
        ProblemCode.NO_REFERENCES_AT_RESOLUTION,
        MODEL,
        "veo-9 takes no reference pictures at 4k: choose another model.",
    ),
    (
        ProblemCode.TOO_MANY_REFERENCES,
        {**MODEL, "most": 3, "references": 4},
        "veo-9 takes at most 3 reference pictures, this shot has 4: leave some out.",
    ),
    (
        ProblemCode.ASPECT_RATIO_NOT_MADE,
        {**FORMAT, "with_references": False, "known": ["16:9", "9:16"]},
        "veo-9 makes no 1:1 at 4k: set VIDEO_ASPECT_RATIO to 16:9 or 9:16.",
    ),
    (
        ProblemCode.ASPECT_RATIO_NOT_MADE,
        {**FORMAT, "with_references": True, "known": ["16:9"]},
        "veo-9 makes no 1:1 at 4k with reference pictures: set VIDEO_ASPECT_RATIO to 16:9.",
    ),
    (
        ProblemCode.DURATION_NOT_MADE,
        {**FORMAT, "with_references": False, "known": [4, 6, 8]},
        "veo-9 makes no 5 seconds at 4k: set VIDEO_DURATION_SECONDS to 4, 6 or 8.",
    ),
    (
        ProblemCode.DURATION_NOT_MADE,
        {**FORMAT, "with_references": True, "known": [8]},
        "veo-9 makes no 5 seconds at 4k with reference pictures: set VIDEO_DURATION_SECONDS to 8.",
    ),
    (
        ProblemCode.PERSON_GENERATION_NOT_TAKEN,
        {**MODEL, "asked": "allow_all", "known": ["allow_adult"]},
        "veo-9 takes no person generation 'allow_all' with reference pictures: set "
        "VIDEO_PERSON_GENERATION, or that of the story, to allow_adult.",
    ),
    (
        ProblemCode.OTHER_BACKEND,
        {"backend": "vertex"},
        "It was started with vertex: set VIDEO_BACKEND=vertex first.",
    ),
    (ProblemCode.NOT_SET_UP, {"setting": "GEMINI_API_KEY"}, "GEMINI_API_KEY is not set."),
    (
        ProblemCode.KEY_NOT_COPIED,
        {"setting": "GEMINI_API_KEY", "problem": "it has a space among its characters"},
        "The key was not copied well: it has a space among its characters (GEMINI_API_KEY).",
    ),
    (
        ProblemCode.NO_PRICE,
        MODEL,
        "No price is known for veo-9 at 4k, and a video without a known price is never sent: add "
        "the price to the list of prices, or set VIDEO_PRICE_USD_PER_SECOND.",
    ),
    (
        ProblemCode.OVER_SPEND_WINDOW,
        {"model": "", "price": "3.20", "window": "1.00", "span": "10 minutes"},
        "it costs $3.20, and the account's spend limit lets $1.00 through in 10 minutes "
        "(VIDEO_QUOTA_TIER or VIDEO_SPEND_WINDOW_USD): it could never be sent.",
    ),
    (
        ProblemCode.OVER_SPEND_WINDOW,
        {"model": "veo-9", "price": "3.20", "window": "1.00", "span": "10 minutes"},
        "On veo-9 it costs $3.20, and the account's spend limit lets $1.00 through in 10 minutes "
        "(VIDEO_QUOTA_TIER or VIDEO_SPEND_WINDOW_USD): it could never be sent.",
    ),
    (ProblemCode.STORY_ARCHIVED, {}, "The story is archived: bring it back first."),
    (ProblemCode.TEXT, {"text": "As it was {stored}."}, "As it was {stored}."),
]


@pytest.mark.parametrize(("code", "params", "sentence"), SENTENCES)
def test_a_problem_is_stored_as_a_code_and_read_as_a_sentence(code, params, sentence):
    problem = Problem(code, params)

    stored = json.loads(json.dumps(problem.as_dict()))

    assert stored == {"code": code.value, "params": params}
    assert Problem.read(stored) == problem
    assert hash(Problem.read(stored)) == hash(problem)
    assert problem.sentence == str(problem) == sentence


def test_every_code_has_its_sentence_here():
    assert {code for code, _, _ in SENTENCES} == set(ProblemCode)


def test_a_warning_that_blocks_says_the_same():
    assert ProblemCode.OVER_TOKEN_LIMIT.label == WarningCode.OVER_TOKEN_LIMIT.label


def test_problems_are_told_apart_by_code_and_parameters():
    same = [Problem(ProblemCode.NO_REFERENCES, {"model": "veo-9"}) for _ in range(2)]
    other = Problem(ProblemCode.NO_REFERENCES, {"model": "veo-8"})

    assert len({*same, other}) == 2


def test_a_sentence_of_an_older_row_stays_as_it_is():
    problem = Problem.read("The {shot} has no storyboard.")

    assert (problem.code, problem.sentence) == (ProblemCode.TEXT, "The {shot} has no storyboard.")
