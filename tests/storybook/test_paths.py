from __future__ import annotations

import re
import unicodedata

import pytest

from storybook.paths import safe_name


@pytest.mark.parametrize(
    "text",
    ["my-story", "999c2177-c02b-41e1-bb4d-ec9dff2bb403", "Kapitel 2.1_b", "夜の潮", "à la carte"],
)
def test_a_harmless_name_stays(text):
    assert safe_name(text) == text


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a/b", "a-b"),
        ("../etc", "-.-etc"),
        (".hidden", "-hidden"),
        ("..", "-."),
        ("", "_"),
        ("   ", "_"),
        ("one\u2028two\0", "one-two-"),
        ("fox 🦊", "fox -"),
        ("a\\b:c*d?", "a-b-c-d-"),
        ("é" * 200, "é" * 45),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("already-0123abcd", "already-0123abcd"),
    ],
)
def test_a_changed_name_is_marked(text, start):
    name = safe_name(text)

    assert re.fullmatch(re.escape(start) + "-[0-9a-f]{8}", name)
    assert len(name.encode()) <= 100
    assert not name.startswith(".")
    assert "/" not in name


def test_two_ids_never_share_a_name():
    ids = ["a/b", "a-b", "a?b", "a\0b", "é", "e\u0301", "x" * 100, "x" * 101, "x" * 102]
    ids += [safe_name(text) for text in ids]

    assert len({safe_name(text) for text in ids}) == len(set(ids))
