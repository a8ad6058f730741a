from __future__ import annotations

import pytest

from videogen.common.header_secrets import copy_problem

KEY = "AIzaSy-not-a-real-key"


@pytest.mark.parametrize(
    "key", [KEY, "AQ.Ab8RN6+/Kx==", "ya29.a0Af_B~x", "any-key-for-the-simulator"]
)
def test_a_key_that_can_be_sent(key):
    assert copy_problem(key) == ""


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (f"{KEY}\n", "a line break"),
        (f"{KEY[:5]}\r\n{KEY[5:]}", "a line break"),
        (f"{KEY}\u2028", "a line break"),
        (f"\u201c{KEY}\u201d", "quotation marks"),
        (f"'{KEY}'", "quotation marks"),
        (f"\u00ab{KEY}\u00bb", "quotation marks"),
        (f"{KEY} copied", "a space"),
        (f"{KEY}\u00a0", "a space"),
        (f"{KEY}\t", "a space"),
        (f"\u200b{KEY}", "an invisible one"),
        (f"\ufeff{KEY}", "an invisible one"),
        (f"{KEY}\0", "an invisible one"),
        (f"{KEY}\u202e", "an invisible one"),
        (f"{KEY}\u200d", "a letter"),
        (KEY.replace("-", "\u2013"), "a letter"),
        (f"{KEY}\u00e9", "a letter"),
        ("", "a letter"),
    ],
)
def test_a_key_that_was_not_copied_well(key, problem):
    assert problem in copy_problem(key)
