from __future__ import annotations

import pytest

from storybook.documents import parse_json


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1 column 2"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ('{"a": 1e999}', "1e999 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "5000 digits"),
        ("[" * 100_000, "nested deeper"),
        ("[" * 102 + "]" * 102, "nested deeper"),
        # Some versions of Python read these to their end, others give up before.
        ("[" * 5000 + "]" * 5000, "nested deeper"),
        ("[" * 5000, "nested deeper"),
        ('{"[": ' * 101, "nested deeper"),
        ("[" * 5000 + "NaN", "nested deeper"),
        ("[" * 5000 + '"no end', "nested deeper"),
        # Brackets that are closed again, and those of a string, are no levels.
        ("[" + "[], " * 200, "line 1 column 802"),
        (r'["\"' + "[" * 200 + '", "' + "{" * 200, "line 1 column 208"),
        (r'["\\", "' + "[" * 200, "line 1 column 8"),
        (r'{"a": ["\ud800"]}', r"a[0] holds half a character"),
        (r'{"\uDFFF": 1}', "holds half a character"),
    ],
)
def test_json_that_nothing_can_carry_is_refused(text, complaint):
    with pytest.raises(ValueError) as refusal:
        parse_json(text)

    assert complaint in str(refusal.value)
    str(refusal.value).encode()


def test_strange_but_sound_json_survives():
    text = r'{"z": "\u0000 \ud83e\udd8a \u2028", "a": [1.5, 12345678901234567890, true, null]}'

    document = parse_json(text)

    assert list(document) == ["z", "a"]
    assert document["z"] == "\0 🦊 \u2028"
    assert document["a"] == [1.5, 12345678901234567890, True, None]


def test_a_hundred_levels_are_fine():
    assert parse_json("[" * 100 + "]" * 100)
