from __future__ import annotations

import pytest

from storybook.designs import character_id, environment_id


@pytest.mark.parametrize(
    ("design", "expected"),
    [
        ({"character_id": "ada", "character_name": "Ada Quill"}, "ada"),
        ({"character_id": "Ada Quill"}, "Ada Quill"),
        ({"character_name": "Mentor Guide"}, "mentor-guide"),
        ({"character_name": "  Dr. O'Hara_II  "}, "dr-o-hara-ii"),
        ({"character_name": "Zoë"}, "zoë"),
        ({"character_name": "Zoe\u0308"}, "zoë"),
        ({"character_name": "林 小雨"}, "林-小雨"),
        ({"character_name": "🦊"}, ""),
        ({"character_id": "", "character_name": "Ada"}, "ada"),
        ({"character_id": None, "character_name": "Ada"}, "ada"),
        ({"character_id": 7, "character_name": ["Ada"]}, ""),
        ({"environment_id": "attic"}, ""),
        ({}, ""),
    ],
)
def test_id_of_a_character(design, expected):
    assert character_id(design) == expected


def test_id_of_an_environment():
    assert environment_id({"environment_name": "The Old  Attic!"}) == "the-old-attic"
