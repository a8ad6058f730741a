"""The lamp room: a round glass crown over the sea with the great beehive lens in its middle."""

from __future__ import annotations

import math

from .paint import Canvas, Pen
from .palette import AMBER, BRASS, CREAM, FOAM, TEAL, UMBER, Mood
from .quay import draw_moon, draw_sky
from .shapes import Ramp, box, mix, oval, shade, smooth

FLOOR = 556


def draw_lamp_room(
    canvas: Canvas,
    mood: Mood,
    *,
    lit: bool,
    lens: float = 640,
    seed: int = 8,
    close: float = 1.0,
    dry: bool = True,
) -> None:
    """The room from its door; `lens` is where the lens stands, `close` how large it is."""
    draw_sky(canvas, mood, 420, seed, 6)
    if mood.moon:
        draw_moon(canvas, 250, 130, 34, mood.moon)
    ground = mix(mood.haze, UMBER, 0.4) if dry else mix(mood.sky[2], TEAL, 0.5)
    canvas.fill(
        box(-4, 400, 1284, FLOOR + 30),
        Ramp(mix(ground, mood.sky[-1], 0.5), mix(ground, mood.ink, 0.3)),
    )
    pen = Pen(canvas)
    for x, y, wide in ((260, 424, 130), (900, 418, 170), (1120, 446, 110), (520, 462, 150)):
        pen.blob([(x - wide, y), (x, y - 6), (x + wide, y), (x, y + 5)], mood.sky[-1], opacity=0.5)
    _windows(canvas, mood)
    _floor(canvas, mood, lit)
    draw_lens(pen.at(lens, FLOOR + 34, close), mood, lit)
    if lit:
        x, y = pen.at(lens, FLOOR + 34, close).spot(0, -236)
        canvas.beam(
            [(x, y - 40), (x, y + 40), (-80, y + 96), (-80, y - 136)], (255, 176, 84), 0.4, 12
        )
        canvas.beam(
            [(x, y - 40), (x, y + 40), (1360, y + 96), (1360, y - 136)], (255, 176, 84), 0.4, 12
        )
        canvas.glow(x, y, 520 * close, AMBER, 0.62)
        canvas.glow(x, y, 150 * close, (255, 240, 206), 0.95)


def _windows(canvas: Canvas, mood: Mood) -> None:
    frame = mix(mood.ink, UMBER, 0.25)
    pen = Pen(canvas)
    for i in range(-5, 6):
        x = 640 + 660 * math.sin(i * 0.29)
        wide = 15 - abs(i) * 0.9
        top = (640 + 400 * math.sin(i * 0.29), -20)
        pen.poly(
            [
                (x - wide, FLOOR),
                (x - wide, 120),
                (top[0] - wide * 0.6, top[1]),
                (top[0] + wide * 0.6, top[1]),
                (x + wide, 120),
                (x + wide, FLOOR),
            ],
            Ramp(shade(frame, 0.08), frame),
        )
        pen.poly(
            [(x + wide - 3, FLOOR), (x + wide - 3, 120), (x + wide, 120), (x + wide, FLOOR)],
            mood.rim,
            opacity=0.3,
        )
    for y, bend in ((112, 26), (334, -4)):
        pen.stroke(
            [
                (-30, y + bend),
                (320, y + bend * 0.25),
                (640, y),
                (960, y + bend * 0.25),
                (1310, y + bend),
            ],
            13,
            frame,
        )
    pen.poly(
        [(-4, -4), (1284, -4), (1284, 34), (960, 15), (640, 9), (320, 15), (-4, 34)],
        frame,
        shadow=0.3,
    )
    for x in (170, 1030):
        sheen = [(x, 130), (x + 66, 130), (x - 40, 540), (x - 106, 540)]
        pen.poly(sheen, CREAM, opacity=0.06)
    pen.poly(
        [(-4, 496), (320, 482), (640, 478), (960, 482), (1284, 496), (1284, 590), (-4, 590)],
        Ramp(shade(frame, 0.14), frame),
        shadow=0.3,
    )
    pen.stroke([(-4, 498), (320, 484), (640, 480), (960, 484), (1284, 498)], 6, shade(BRASS, -0.35))


def _floor(canvas: Canvas, mood: Mood, lit: bool) -> None:
    wood = mix((150, 96, 70), mood.depth(0.8), 0.34 if lit else 0.58)
    pen = Pen(canvas)
    disc = oval(640, 690, 860, 148)
    pen.poly(disc, Ramp(shade(wood, 0.1), shade(wood, -0.4)), shadow=0.3)
    with pen.inside(disc):
        for i in range(-12, 13):
            x = 640 + i * 62
            pen.poly(
                [
                    (x - 1.5, 530),
                    (x + 1.5, 530),
                    (640 + i * 112 + 3, 724),
                    (640 + i * 112 - 3, 724),
                ],
                shade(wood, -0.5),
                opacity=0.6,
            )
        pen.cut(oval(640, 640, 330, 50), [oval(640, 640, 310, 45)], shade(BRASS, -0.3), opacity=0.6)
        if lit:
            canvas.glow(640, 640, 560, AMBER, 0.4, squash=0.24)


def draw_lens(pen: Pen, mood: Mood, lit: bool) -> None:
    """The lens on its pedestal, the foot at the frame's origin, 400 tall."""
    brass = mix(BRASS, mood.depth(0.7), 0.1 if lit else 0.34)
    glass = mix(FOAM, AMBER, 0.72) if lit else mix(FOAM, mood.depth(0.45), 0.5)
    pen.oval(0, 0, 118, 20, (10, 12, 30), opacity=0.5, blur=8)
    across = Ramp(shade(brass, 0.3), shade(brass, -0.45), across=True)
    pen.poly([(-96, 0), (96, 0), (70, -26), (-70, -26)], across, shadow=0.3)
    pen.poly([(-46, -26), (46, -26), (38, -90), (-38, -90)], across)
    for y in (-44, -60, -76):
        pen.poly(box(-48, y - 3, 48, y + 3, 2), shade(brass, -0.25))
    pen.poly(box(-100, -104, 100, -88, 6), across, shadow=0.3)
    shape = [(-92, -104), (-118, -170), (-124, -236), (-112, -304), (-72, -362), (0, -384)]
    shape += [(-x, y) for x, y in shape[-2::-1]]
    shape = smooth([*shape, (96, -100), (0, -98), (-96, -100)])
    body = pen.place(shape)
    pen.poly(shape, Ramp(shade(glass, 0.35), shade(glass, -0.3), across=True), opacity=0.93)
    with pen.canvas.clip(body):
        for i in range(17):
            y = -112 - i * 16
            bow = (y + 236) * 0.12
            tone = shade(glass, 0.5 if i % 2 else -0.28)
            pen.stroke(
                [(-128, y - bow), (0, y + bow * 0.4), (128, y - bow)],
                7 if i % 2 else 3,
                tone,
                opacity=0.55,
            )
        for x in (-70, 0, 70):
            pen.stroke([(x * 0.8, -104), (x * 1.35, -236), (x * 0.7, -384)], 5, shade(brass, -0.2))
        eye = shade(glass, 0.5)
        for radius, amount in ((58, 0.5), (44, 0.6), (30, 0.7)):
            pen.cut(
                oval(0, -236, radius, radius),
                [oval(0, -236, radius - 6, radius - 6)],
                eye,
                opacity=amount,
            )
        pen.oval(
            0,
            -236,
            22,
            22,
            (255, 248, 220) if lit else shade(glass, -0.3),
            opacity=0.95 if lit else 0.7,
        )
        pen.poly(
            [(-112, -300), (-84, -340), (-66, -130), (-92, -140)],
            (255, 255, 255),
            opacity=0.22,
            blur=4,
        )
    pen.poly([(-40, -378), (40, -378), (24, -404), (-24, -404)], across)
    pen.oval(0, -408, 13, 13, shade(brass, 0.2))
