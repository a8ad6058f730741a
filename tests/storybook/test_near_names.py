from __future__ import annotations

import unicodedata

import pytest

from storybook.near_names import near_id, near_key

NAMES = {"pim": "Pim", "brook": "The Brook", "mentor-guide": "Old Mentor", "zoé": "Zoé", "皮姆": ""}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Pim", "pim"),
        ("PIM", "pim"),
        (" pim\n", "pim"),
        ("pi\u200bm", "pim"),
        ("\ufeffpim", "pim"),
        ("ｐｉｍ", "pim"),
        ("The Brook", "brook"),
        ("the_brook", "brook"),
        ("Mentor Guide", "mentor-guide"),
        ("mentor_guide", "mentor-guide"),
        ("old mentor", "mentor-guide"),
        ("mentor-giude", "mentor-guide"),
        (unicodedata.normalize("NFD", "zoé"), "zoé"),
        ("zoe", "zoé"),
        ("Pim (V.O.)", "pim"),
        ("皮姆 ", "皮姆"),
        ("ola", ""),
        ("pam", ""),
        ("", ""),
        (" ", ""),
        ("p" * 10_000, ""),
    ],
)
def test_the_id_that_is_meant(given, meant):
    assert near_id(given, NAMES) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("referenced_designs", "referencedDesigns"),
        ("ReferencedDesigns ", "referencedDesigns"),
        ("referencedDesign", "referencedDesigns"),
        ("audio_and_narrative", "audioAndNarrative"),
        ("audioNarrative", "audioAndNarrative"),
        ("lightingAndAtmosphere", ""),
        ("continuityNotes", ""),
    ],
)
def test_the_key_that_is_meant(given, meant):
    assert near_key(given, ["referencedDesigns", "audioAndNarrative"]) == meant
