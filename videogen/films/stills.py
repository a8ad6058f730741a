"""Draws what a film shows where it has no take: stills with a line, slates and cards."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps, features

WIDTH, HEIGHT = 1920, 1080
MARGIN = 140
BACKGROUND, INK, QUIET = (14, 15, 18), (242, 242, 240), (160, 163, 170)

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
# A character that no font has: it is drawn as the box for whatever a font lacks.
_NOWHERE = "\U0010fffe"


def lacking(text: str) -> str:
    """Return the characters of `text` that cannot be drawn as they should be, each once: the font
    lacks them, or they run to the left and this installation cannot set them."""
    return "".join(dict.fromkeys(char for char in text if not _has(char)))


def draw_still(picture: Path | None, text: str, title: str = "") -> Image.Image:
    """Draw a key frame whole over its own blur, with its line below; without a picture, a slate
    with a title. Text that the font cannot draw in full is left out."""
    if picture is None:
        canvas = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
        _letter(canvas, title, 40, QUIET, top=HEIGHT // 2 - 150)
        _letter(canvas, text, 54, INK, top=HEIGHT // 2 - 60)
        return canvas
    with Image.open(picture) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    small = ImageOps.fit(image, (WIDTH // 8, HEIGHT // 8)).filter(ImageFilter.GaussianBlur(6))
    canvas = small.resize((WIDTH, HEIGHT)).point(lambda value: value * 0.55)
    whole = ImageOps.contain(image, (WIDTH, HEIGHT))
    canvas.paste(whole, ((WIDTH - whole.width) // 2, (HEIGHT - whole.height) // 2))
    if text and not lacking(text):
        _letter_below(canvas, text)
    return canvas


def draw_card(question: str, choice: str) -> Image.Image:
    """Draw the card between two scenelets: what the reader is asked, and what is chosen here."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    bottom = _letter(canvas, question, 44, QUIET, top=HEIGHT // 2 - 170)
    _letter(canvas, choice, 68, INK, top=max(bottom + 40, HEIGHT // 2 - 40))
    return canvas


def _letter_below(canvas: Image.Image, text: str) -> None:
    font = _font(44)
    lines = _wrap(text, font, WIDTH - 2 * MARGIN)[-3:]
    height = len(lines) * 60 + 60
    shade = Image.new("L", (WIDTH, height), 150)
    canvas.paste((0, 0, 0), (0, HEIGHT - height), shade)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        place = (WIDTH // 2, HEIGHT - height + 30 + number * 60)
        draw.text(place, line, INK, font, anchor="ma")


def _letter(
    canvas: Image.Image, text: str, size: int, ink: tuple[int, int, int], *, top: int
) -> int:
    """Letter the text in the middle from `top` on, and return where it ends."""
    if not text or lacking(text):
        return top
    font = _font(size)
    draw = ImageDraw.Draw(canvas)
    step = round(size * 1.35)
    lines = _wrap(text, font, WIDTH - 2 * MARGIN)[: max(1, (HEIGHT - top - 60) // step)]
    for line in lines:
        draw.text((WIDTH // 2, top), line, ink, font, anchor="ma")
        top += step
    return top


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
        # A word that is longer than a line, or a script without spaces, is cut where it is full.
        while font.getlength(lines[-1]) > width and len(lines[-1]) > 1:
            cut = len(lines[-1])
            while cut > 1 and font.getlength(lines[-1][:cut]) > width:
                cut -= 1
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONT), size)


@lru_cache(maxsize=4096)
def _has(char: str) -> bool:
    if char.isspace():
        return True
    # Without Raqm, which needs the system's FriBidi, Pillow sets every letter to the right of the
    # one before, and joins none.
    if unicodedata.bidirectional(char) in ("R", "AL") and not features.check("raqm"):
        return False
    font = _font(24)
    return bytes(font.getmask(char)) != bytes(font.getmask(_NOWHERE))
