from __future__ import annotations

import pytest

from storybook.near_names import did_you_mean, near_names

STORIES = {"the-lamp": "The night the tide forgot", "the-lamb": "", "moss": "Under the moss"}


@pytest.mark.parametrize(
    ("said", "meant"),
    {
        "a slip of the finger": ("the-lmap", ["the-lamp", "the-lamb"]),
        "another case": ("MOSS", ["moss"]),
        "words parted otherwise": ("the lamp", ["the-lamp", "the-lamb"]),
        "a part of it": ("lam", ["the-lamp", "the-lamb"]),
        "the title": ("the night the tide forgot", ["the-lamp"]),
        "something else": ("zanzibar", []),
        "nothing": ("", []),
    }.values(),
)
def test_what_may_have_been_meant(said, meant):
    assert near_names(said, STORIES) == meant


def test_the_question_names_at_most_three():
    known = [f"harbour-{number}" for number in range(20)]

    question = did_you_mean("harbour", known)

    assert question.startswith("Did you mean harbour-")
    assert question.count(" or ") == 2


def test_there_is_no_question_where_nothing_is_like_it():
    assert did_you_mean("zanzibar", STORIES) == ""
