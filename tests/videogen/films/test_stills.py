"""What is lettered on stills, slates and cards, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, features

from videogen.films import stills
from videogen.films.stills import draw_card, draw_still, lacking

CHINESE, ARABIC, MIXED = "回家的路", "العودة", "Home 回家"
LICENCE = Path(stills.__file__).parent / "fonts" / "LICENSE.txt"


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "frame.png"
    Image.new("RGB", (64, 36), "teal").save(path)
    return path


def test_the_font_comes_with_its_licence():
    assert "Bitstream Vera" in LICENCE.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [CHINESE, MIXED, "नमस्ते", "🏮"])
def test_what_the_font_lacks_is_left_out_and_not_boxed(picture, text):
    assert lacking(text)
    assert set(lacking(text)) <= {char for char in text if ord(char) > 127}
    assert draw_card(text, text) == draw_card("", "")
    assert draw_still(None, text, text) == draw_still(None, "", "")
    assert draw_still(picture, text) == draw_still(picture, "")


@pytest.mark.parametrize("text", ["Home", "Où est-elle ?", "Дом", "Σπίτι", "e\u0301"])
def test_what_the_font_has_is_lettered(picture, text):
    assert lacking(text) == ""
    assert draw_card(text, "") != draw_card("", "")
    assert draw_still(None, text) != draw_still(None, "")
    assert draw_still(picture, text) != draw_still(picture, "")


@pytest.mark.skipif(not features.check("raqm"), reason="Pillow joins no Arabic letters here.")
def test_arabic_is_joined_and_runs_to_the_left():
    assert lacking(ARABIC) == ""
    font = stills._font(44)
    # Joined letters are narrower than the same letters apart.
    assert font.getlength(ARABIC) < sum(font.getlength(char) for char in ARABIC)


@pytest.mark.parametrize("text", [ARABIC, "שלום"])
def test_where_letters_cannot_be_set_to_the_left_they_are_left_out(monkeypatch, text):
    monkeypatch.setattr(stills.features, "check", lambda name: False)
    stills._has.cache_clear()
    try:
        assert lacking(f"Home {text}") == "".join(dict.fromkeys(text))
    finally:
        stills._has.cache_clear()
