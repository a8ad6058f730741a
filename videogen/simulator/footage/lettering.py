"""Text on a clip: fonts that have the glyphs, and lines that fit."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw, ImageFont

# Pillow brings a Latin font. For other scripts the system's fonts are used.
FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/Library/Fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
FONT_NAMES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "segoeui.ttf",
)
MISSING = "\U0010fffe"


def writable(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return the text without what no font can draw, and the font that draws most of it."""
    text = "".join(map(_plain, unicodedata.normalize("NFC", text)))
    best = max(_fonts(size), key=lambda font: sum(_draws(font, one) for one in text))
    kept = "".join(one if _draws(best, one) else " " for one in text)
    if kept != text:
        # No stray punctuation where words were left out.
        kept = re.sub(r"[\s,;:]+(?=[.!?…])", "", kept)
    return " ".join(kept.split()), best


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int, lines: int) -> list[str]:
    """Return at most `lines` lines of at most `width` pixels; an ellipsis marks cut text."""
    found: list[str] = []
    words = _words(text)
    while words and len(found) < lines:
        line = words.pop(0)
        while words and font.getlength(line + words[0]) <= width:
            line += words.pop(0)
        found.append(line.strip())
    if words and found:
        found[-1] = shorten(found[-1] + " …", font, width)
    return [shorten(line, font, width) for line in found]


def shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    while len(text) > 2 and font.getlength(text) > width:
        text = text[:-2].rstrip(" …,.;:") + "…"
    return text


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: tuple[int, int, int, int],
    *,
    spacing: float = 0,
) -> float:
    """Draw from the left end of the baseline and return the width. `spacing` is between letters."""
    if not spacing:
        draw.text(at, text, font=font, fill=colour, anchor="ls")
        return font.getlength(text)
    x = at[0]
    for letter in text:
        draw.text((x, at[1]), letter, font=font, fill=colour, anchor="ls")
        x += font.getlength(letter) + spacing
    return x - at[0] - spacing


def pill(text: str, size: int) -> Image.Image:
    """Return a small rounded mark as an RGBA image."""
    text, font = writable(text, size)
    width = int(sum(font.getlength(letter) + 3 for letter in text))
    image = Image.new("RGBA", ((width + 33) // 2 * 2, size * 2))
    draw = ImageDraw.Draw(image)
    box = (0, 0, image.width - 1, image.height - 1)
    draw.rounded_rectangle(box, radius=size, fill=(12, 14, 18, 120), outline=(255, 255, 255, 70))
    write(draw, (17, size * 1.36), text, font, (255, 255, 255, 205), spacing=3)
    return image


def _words(text: str) -> list[str]:
    """Split into words with the space before them, and into single ideographs."""
    pieces: list[str] = []
    for character in text:
        is_wide = unicodedata.east_asian_width(character) in "WF"
        if not pieces or character == " " or is_wide:
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _plain(character: str) -> str:
    """Turn controls and separators into spaces, and drop the joiners and selectors of emoji."""
    category = unicodedata.category(character)
    if category in ("Cf", "Cs", "Co", "Cn") or "\ufe00" <= character <= "\ufe0f":
        return ""
    return " " if category[0] in "ZC" else character


@lru_cache(maxsize=16)
def _fonts(size: int) -> list[ImageFont.FreeTypeFont]:
    # With a size, Pillow gives its own TrueType font, never the bitmap font.
    found = [cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))]
    return found + [ImageFont.truetype(str(path), size) for path in _font_files()]


@lru_cache(maxsize=1)
def _font_files() -> list[Path]:
    by_name: dict[str, Path] = {}
    for folder in FONT_FOLDERS:
        for path in Path(folder).expanduser().rglob("*.[ot]t[fc]"):
            by_name.setdefault(path.name, path)
    return [by_name[name] for name in FONT_NAMES if name in by_name]


@lru_cache(maxsize=4096)
def _draws(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """Whether the font has a glyph. Pillow does not say, so compare with the one for nothing."""
    if character == " ":
        return True
    mask, nothing = font.getmask(character), font.getmask(MISSING)
    return bytes(mask) != bytes(nothing) or mask.size != nothing.size
