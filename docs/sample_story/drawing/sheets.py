"""Character model sheets: turnaround, expressions, palette and props on clean paper."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from . import clockwork, fox, heron, whale
from .paint import Canvas, Pen
from .palette import INK
from .shapes import Colour, box, oval, shade

PAPER: Colour = (243, 235, 220)
WIDTH, HEIGHT = 1600, 900
SCALE = 1.6


def draw_maren_sheet() -> Image.Image:
    canvas = _paper()
    for x, view in ((180, "front"), (620, "side"), (930, "back")):
        _ground(canvas, x, 596, 120)
        fox.draw_fox(
            Pen(canvas, x, 596, 1.25), view, "calm", lantern="lit" if view != "back" else ""
        )
    fox.draw_lantern(Pen(canvas, 1330, 226, 4.8))
    canvas.glow(1330, 394, 190, (255, 214, 130), 0.35)
    faces = ("calm", "happy", "worried", "determined", "surprised")
    _faces(canvas, faces, lambda pen, face: fox.draw_fox_head(pen.at(0, 50), "front", face), 0.8)
    return _finish(canvas, "Maren", "the lamplighter", fox.PALETTE, "her lantern")


def draw_ostrel_sheet() -> Image.Image:
    canvas = _paper()
    for x, view in ((210, "front"), (520, "side"), (860, "back")):
        _ground(canvas, x, 600, 110)
        heron.draw_heron(Pen(canvas, x, 600, 1.02), view)
    _ground(canvas, 1310, 560, 120)
    pen = Pen(canvas, 1280, 560, 0.86)
    pen.stroke([(92, -440), (92, 6)], 9, (112, 80, 62))
    heron.draw_heron(pen, "side", "stern", pole=True)
    faces = ("calm", "happy", "stern", "surprised", "worried")
    _faces(
        canvas, faces, lambda pen, face: heron.draw_heron_head(pen.at(-20, 8), "side", face), 0.88
    )
    return _finish(canvas, "Captain Ostrel", "ferry pilot", heron.PALETTE, "with the pole")


def draw_tock_sheet() -> Image.Image:
    canvas = _paper()
    for x, view in ((210, "front"), (545, "side"), (880, "back")):
        _ground(canvas, x, 590, 120)
        clockwork.draw_tock(Pen(canvas, x, 590, 1.75), view)
    clockwork.draw_key(Pen(canvas, 1310, 480, 5.4), 10)
    faces = ("calm", "happy", "worried", "surprised", "tired")
    _faces(
        canvas,
        faces,
        lambda pen, face: clockwork.draw_tock_head(pen.at(0, 34), "front", face),
        1.28,
    )
    return _finish(canvas, "Tock", "the clockwork almanac", clockwork.PALETTE, "winding key")


def draw_ambra_sheet() -> Image.Image:
    canvas = _paper()
    pen = Pen(canvas, 592, 372, 0.82)
    whale.draw_whale(pen)
    whale.draw_whale_front(Pen(canvas, 1262, 276, 0.62))
    whale.draw_whale_above(Pen(canvas, 1298, 510, 0.4))
    _ground(canvas, 150, 616, 40)
    fox.draw_fox(Pen(canvas, 150, 616, 0.31), "side")
    _faces(canvas, ("calm", "happy", "sad", "wide", "asleep"), whale.draw_whale_head, 0.5)
    return _finish(canvas, "Ambra", "the old whale", whale.PALETTE, "")


def _paper() -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT, SCALE)
    canvas.wash([shade(PAPER, 0.2), shade(PAPER, -0.04)])
    canvas.fill(box(40, 112, 1560, 640, 18), shade(PAPER, 0.6), shadow=0.12)
    return canvas


def _ground(canvas: Canvas, x: float, y: float, wide: float) -> None:
    canvas.fill(oval(x, y, wide, wide * 0.13), (120, 100, 96), opacity=0.35, blur=5)


def _faces(
    canvas: Canvas, faces: tuple[str, ...], draw: Callable[[Pen, str], None], size: float
) -> None:
    for i, face in enumerate(faces):
        x = 134 + i * 200
        canvas.fill(oval(x, 764, 88, 88), shade(PAPER, -0.07))
        canvas.fill(oval(x, 764, 80, 80), shade(PAPER, 0.3))
        draw(Pen(canvas, x, 772, size), face)


def _finish(
    canvas: Canvas, name: str, role: str, palette: tuple[Colour, ...], prop: str
) -> Image.Image:
    for i, colour in enumerate(palette):
        x, y = 1120 + (i % 3) * 150, 690 + (i // 3) * 92
        canvas.fill(box(x, y, x + 132, y + 74, 12), colour, shadow=0.18)
    picture = canvas.finish(vignette=0.12, grain=0.1)
    draw = ImageDraw.Draw(picture)
    draw.text((54, 34), name, fill=INK, font=ImageFont.load_default(50))
    left = 54 + draw.textlength(name, font=ImageFont.load_default(50)) + 22
    draw.text((left, 54), role, fill=(120, 104, 104), font=ImageFont.load_default(26))
    if prop:
        draw.text(
            (1330, 604), prop, fill=(120, 104, 104), font=ImageFont.load_default(20), anchor="mm"
        )
    return picture
