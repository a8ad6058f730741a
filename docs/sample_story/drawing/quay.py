"""Lantern Quay: the harbour of stilt houses below the lighthouse, with the tide in or out."""

from __future__ import annotations

import math
import random

from .paint import Canvas, Pen
from .palette import AMBER, CREAM, RUST, TEAL, UMBER, Mood
from .shapes import Colour, Points, Ramp, box, mix, shade

WALLS: tuple[Colour, ...] = (
    (196, 112, 92),
    (218, 176, 128),
    (110, 142, 148),
    (166, 92, 94),
    (230, 206, 170),
    (92, 118, 142),
)

# Where a boat lies: x, y, its colour, its size, how far it leans when the water is out.
Boat = tuple[float, float, Colour, float, float]
BOATS: tuple[Boat, ...] = (
    (712, 472, CREAM, 0.45, 12),
    (590, 504, RUST, 0.72, 17),
    (830, 542, TEAL, 1.0, -15),
)


def draw_sky(canvas: Canvas, mood: Mood, horizon: float, seed: int = 1, clouds: int = 5) -> None:
    """Sky, stars, moon glow and paper clouds down to the horizon."""
    rng = random.Random(seed)
    canvas.wash(mood.sky, 0, horizon + 4)
    for _ in range(mood.stars):
        x, y = rng.uniform(0, 1280), rng.uniform(0, horizon * 0.8)
        size = rng.choice((0.8, 1.0, 1.3, 1.9))
        canvas.fill(
            _dot(x, y, size), CREAM, opacity=rng.uniform(0.35, 0.95) * (1 - 0.7 * y / horizon)
        )
        if size > 1.8:
            canvas.glow(x, y, 12, CREAM, 0.5)
    for i in range(clouds):
        y = horizon * (0.32 + 0.58 * (i + 0.5) / clouds)
        step = min(len(mood.sky) - 2, int(y / horizon * (len(mood.sky) - 1)))
        colour = mix(mood.sky[step], mood.sky[step + 1], 0.9)
        _cloud(canvas, rng, rng.uniform(40, 1240), y, rng.uniform(150, 330), shade(colour, 0.16))


def _cloud(
    canvas: Canvas, rng: random.Random, x: float, y: float, wide: float, colour: Colour
) -> None:
    points: list[tuple[float, float]] = [(x - wide, y + 4)]
    for i in range(7):
        t = i / 6
        lift = math.sin(math.pi * t) * wide * 0.17 * rng.uniform(0.5, 1.1)
        points.append((x - wide * 0.86 + wide * 1.72 * t, y - 4 - lift))
    points += [(x + wide, y + 4), (x + wide * 0.3, y + 9), (x - wide * 0.4, y + 9)]
    Pen(canvas).blob(points, Ramp(colour, shade(colour, -0.06)), opacity=0.75)


def _dot(x: float, y: float, size: float) -> Points:
    return [(x - size, y), (x, y - size), (x + size, y), (x, y + size)]


def draw_moon(
    canvas: Canvas, x: float, y: float, size: float, colour: Colour, halo: float = 1.0
) -> None:
    canvas.glow(x, y, size * 9, colour, 0.34 * halo)
    canvas.glow(x, y, size * 3.4, colour, 0.5 * halo)
    pen = Pen(canvas, x, y, size / 40)
    pen.oval(0, 0, 40, 40, Ramp(shade(colour, 0.4), colour))
    for cx, cy, r in ((-12, -10, 9), (12, 6, 12), (-6, 18, 6), (18, -18, 5)):
        pen.oval(cx, cy, r, r * 0.9, shade(colour, -0.12), opacity=0.55)


def draw_lighthouse(pen: Pen, mood: Mood, lit: bool, near: float = 0.45) -> None:
    """The lighthouse with its foot at the frame's origin, 240 tall."""
    white = mix(CREAM, mood.depth(near), 0.42 + 0.2 * (1 - near))
    red = mix(RUST, mood.depth(near), 0.4)
    pen.poly(
        [(-26, 0), (26, 0), (17, -170), (-17, -170)], Ramp(white, shade(white, -0.3), across=True)
    )
    for y0 in (-44, -112):
        pen.poly(
            [(-23, y0), (23, y0), (20.6, y0 - 34), (-20.6, y0 - 34)],
            Ramp(red, shade(red, -0.35), across=True),
        )
    dark = mood.depth(min(1, near + 0.4))
    pen.poly([(-26, -170), (26, -170), (24, -178), (-24, -178)], dark)
    pen.poly(
        [(-14, -178), (14, -178), (14, -208), (-14, -208)],
        AMBER if lit else mix(dark, mood.sky[1], 0.5),
    )
    for x in (-14, -5, 5, 14):
        pen.stroke([(x, -178), (x, -208)], 2, dark)
    pen.blob([(-20, -206), (0, -234), (20, -206)], dark)
    pen.stroke([(0, -224), (0, -246)], 2.5, dark)
    for y in (-30, -96, -140):
        pen.poly(box(-4, y - 8, 4, y + 4, 2), dark)


def _house(pen: Pen, rng: random.Random, mood: Mood, near: float, wide: float, tall: float) -> None:
    """One stilt house; its floor is at the frame's origin. Windows glow by the mood's lamps."""
    wall = mix(rng.choice(WALLS), mood.depth(near), 0.4)
    roof = mix(rng.choice(((72, 60, 92), (104, 64, 76), (54, 78, 102))), mood.depth(near), 0.45)
    half = wide / 2
    stilt = mood.depth(min(1, near + 0.25))
    for i in range(4):
        x = -half + 8 + i * (wide - 16) / 3
        pen.stroke([(x, 0), (x + rng.uniform(-4, 4), 96)], 7, stilt)
    pen.stroke([(-half, 52), (half, 14)], 4, stilt)
    pen.poly(box(-half - 10, -3, half + 10, 9, 2), stilt)
    pen.poly(box(-half, -tall, half, 0), Ramp(wall, shade(wall, -0.35)), shadow=0.18)
    for i in range(1, int(tall / 17)):
        pen.stroke([(-half, -i * 17), (half, -i * 17)], 1.2, shade(wall, -0.3), opacity=0.4)
    peak = wide * rng.uniform(0.5, 0.72)
    pen.poly(
        [(-half - 13, -tall + 4), (0, -tall - peak), (half + 13, -tall + 4)],
        Ramp(shade(roof, 0.14), shade(roof, -0.2)),
        shadow=0.2,
    )
    pen.poly(
        [(-half, -tall + 2), (0, -tall - peak + 26), (half, -tall + 2)],
        Ramp(wall, shade(wall, -0.2)),
    )
    pen.poly(
        box(half * 0.3, -tall - peak * 0.9, half * 0.3 + 13, -tall - peak * 0.2), shade(roof, -0.3)
    )
    glass = mix((52, 60, 92), AMBER, mood.lamps)
    rows = max(1, int(tall / 62))
    for row in range(rows):
        for side in (-1, 1):
            lit = rng.random() < 0.72
            x, y = side * half * 0.46, -tall + 34 + row * 60
            pane = Ramp(shade(glass, 0.35), glass) if lit else mix(roof, mood.ink, 0.5)
            pen.poly(box(x - 12, y - 16, x + 12, y + 14, 3), shade(wall, -0.5))
            pen.poly(box(x - 9, y - 13, x + 9, y + 11, 2), pane)
            pen.stroke([(x, y - 13), (x, y + 11)], 1.8, shade(wall, -0.5))
            if lit and mood.lamps > 0.5:
                pen.glow(x, y, 46, AMBER, 0.34 * mood.lamps)
    pen.oval(0, -tall - peak * 0.36, 8, 8, Ramp(shade(glass, 0.3), glass))


def draw_boat(
    pen: Pen, colour: Colour, mood: Mood, tilt: float = 0, mast: bool = True, near: float = 0.7
) -> None:
    """A rowing boat, its keel at the frame's origin, 190 long."""
    hull = mix(colour, mood.depth(near), 0.4)
    boat = pen.at(0, 0, turn=tilt)
    if mast:
        boat.stroke([(-6, -20), (-2, -170)], (6, 3.5), mood.depth(min(1, near + 0.3)))
        boat.blob(
            [(-4, -160), (22, -120), (30, -70), (4, -62), (0, -100)],
            mix(CREAM, mood.depth(near), 0.4),
            shadow=0.1,
        )
    boat.blob(
        [
            (-96, -38),
            (-84, -14),
            (-44, 0),
            (44, 0),
            (82, -16),
            (104, -46),
            (60, -36),
            (0, -32),
            (-60, -34),
        ],
        Ramp(shade(hull, 0.1), shade(hull, -0.35)),
        shadow=0.2,
    )
    boat.stroke([(-96, -38), (-50, -31), (0, -29), (56, -33), (104, -46)], 6, shade(hull, 0.3))
    boat.stroke([(-80, -20), (0, -12), (82, -22)], 2, shade(hull, -0.4), opacity=0.6)


def draw_lamp_string(
    canvas: Canvas,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    sag: float,
    mood: Mood,
    count: int = 7,
) -> None:
    """A row of paper lanterns on a rope."""
    rope = [
        (x0 + (x1 - x0) * i / 12, y0 + (y1 - y0) * i / 12 + sag * math.sin(math.pi * i / 12))
        for i in range(13)
    ]
    Pen(canvas).stroke(rope, 2, mood.ink)
    for i in range(1, count):
        t = i / count
        x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + sag * math.sin(math.pi * t)
        colour = mix(
            (120, 110, 120), mix(AMBER, (255, 150, 96), (i % 3) / 3), 0.25 + 0.75 * mood.lamps
        )
        pen = Pen(canvas, x, y + 15, 1 + 0.15 * (i % 2))
        pen.stroke([(0, -15), (0, -8)], 1.5, mood.ink)
        pen.oval(0, 0, 9, 11, Ramp(shade(colour, 0.4), colour))
        pen.poly(box(-4, -12, 4, -9), mood.ink)
        pen.poly(box(-4, 9, 4, 12), mood.ink)
        if mood.lamps > 0.3:
            canvas.glow(x, y + 15, 58, AMBER, 0.55 * mood.lamps)


def draw_quay(
    canvas: Canvas,
    mood: Mood,
    *,
    tide: bool = False,
    lit: bool = False,
    pier: bool = True,
    moon: tuple[float, float] | None = (880, 130),
    seed: int = 4,
    shift: float = 0,
    boats: tuple[Boat, ...] = BOATS,
) -> None:
    """The harbour, its horizon at 400.

    `tide` floods it, `lit` lights the lighthouse, `pier` gives a stage.
    """
    rng = random.Random(seed)
    horizon = 400
    draw_sky(canvas, mood, horizon, seed)
    if moon and mood.moon:
        draw_moon(canvas, *moon, 44, mood.moon)
    pen = Pen(canvas, shift, 0)
    if tide:
        sea = mix(mood.sky[2], TEAL, 0.35)
        canvas.fill(box(-4, horizon - 8, 1284, horizon + 70), Ramp(mood.sky[-1], sea))
    else:
        mud = mix(mood.haze, (128, 86, 74), 0.4)
        canvas.fill(
            box(-4, horizon - 8, 1284, horizon + 70), Ramp(mix(mud, mood.sky[-1], 0.5), mud)
        )
    far = mood.depth(0.16)
    pen.blob(
        [(420, 402), (520, 366), (640, 374), (760, 350), (900, 372), (1100, 390), (1700, 402)],
        Ramp(far, mix(far, mood.sky[-1], 0.4)),
    )
    head = mood.depth(0.42)
    pen.blob(
        [
            (800, 412),
            (862, 360),
            (930, 318),
            (1010, 292),
            (1090, 286),
            (1200, 300),
            (1400, 316),
            (1720, 340),
            (1720, 420),
        ],
        Ramp(head, mood.depth(0.3)),
        shadow=0.15,
    )
    if lit:
        tip = pen.at(1050, 290).spot(0, -193)
        canvas.beam([tip, (-60, 96), (-60, 196)], AMBER, 0.55, 9)
        canvas.beam([tip, (1400, 104), (1400, 168)], AMBER, 0.45, 9)
    draw_lighthouse(pen.at(1050, 290), mood, lit, 0.5)
    if lit:
        canvas.glow(*pen.at(1050, 290).spot(0, -193), 190, AMBER, 0.95)
    for i in range(5):
        _house(
            pen.at(470 - i * 30 + (i % 2) * 26, 372, 0.34 + i * 0.04),
            rng,
            mood,
            0.42,
            96,
            96 + 26 * (i % 3),
        )
    for x, y, size, near in (
        (404, 386, 0.62, 0.52),
        (312, 390, 0.8, 0.6),
        (190, 394, 1.0, 0.68),
        (34, 398, 1.25, 0.78),
    ):
        _house(pen.at(x, y, size), rng, mood, near, rng.uniform(96, 118), rng.uniform(130, 210))
    for x, y, size, near in ((1252, 402, 0.9, 0.66), (1168, 396, 0.62, 0.56)):
        _house(pen.at(x, y, size), rng, mood, near, 110, rng.uniform(120, 160))
    if tide:
        _water(canvas, mood, 446, seed)
        for x, y, colour, size, _ in boats:
            draw_boat(Pen(canvas, x, y, size), colour, mood, rng.uniform(-3, 3))
            canvas.fill(
                box(x - 80 * size, y - 3, x + 84 * size, y + 2),
                shade(mood.sky[-1], 0.3),
                opacity=0.5,
                blur=2,
            )
    else:
        _mud(canvas, mood, 438, rng)
        for x, y, colour, size, tilt in boats:
            canvas.fill(
                [
                    (x - 110 * size, y + 4),
                    (x + 110 * size, y + 4),
                    (x + 60 * size, y + 16),
                    (x - 80 * size, y + 16),
                ],
                mood.ink,
                opacity=0.35,
                blur=6,
            )
            draw_boat(Pen(canvas, x, y, size), colour, mood, tilt)
    draw_lamp_string(canvas, 200 + shift, 200, 1172 + shift, 282, 64, mood, 13)
    if pier:
        draw_pier(canvas, mood, 610)


def _mud(canvas: Canvas, mood: Mood, top: float, rng: random.Random) -> None:
    mud = mix(mood.haze, (128, 86, 74), 0.62)
    canvas.fill(
        box(-4, top, 1284, 724), Ramp(mix(mud, mood.sky[-1], 0.12), mix(mud, mood.ink, 0.62))
    )
    pen = Pen(canvas)
    for i in range(26):
        y = top + 8 + (i / 26) ** 1.6 * 250
        x, wide = rng.uniform(0, 1280), rng.uniform(60, 240) * (0.4 + i / 22)
        if i % 4 == 0:
            pen.blob(
                [
                    (x - wide, y),
                    (x - wide * 0.3, y - 5),
                    (x + wide * 0.7, y - 3),
                    (x + wide, y + 2),
                    (x, y + 7),
                ],
                Ramp(mix(mood.sky[-2], mood.sky[-1], 0.5), mood.sky[1]),
                opacity=0.72,
            )
        else:
            pen.stroke(
                [(x - wide, y), (x, y + rng.uniform(-5, 5)), (x + wide, y)],
                (2, 4),
                mix(mud, mood.ink, 0.55),
                opacity=0.5,
            )


def _water(canvas: Canvas, mood: Mood, top: float, seed: int) -> None:
    sea = mix(mood.sky[2], TEAL, 0.45)
    canvas.fill(
        box(-4, top, 1284, 724), Ramp(mix(sea, mood.sky[-1], 0.4), mix(sea, mood.ink, 0.55))
    )
    canvas.mirror(top, sea, 0.62, seed)
    draw_ripples(canvas, mood, top, 718, seed)


def draw_ripples(
    canvas: Canvas, mood: Mood, top: float, bottom: float, seed: int, count: int = 60
) -> None:
    """Light on moving water: strokes that get longer and fewer towards the viewer."""
    rng = random.Random(seed)
    light = shade(mood.sky[-1], 0.3)
    for _ in range(count):
        t = rng.random() ** 1.7
        x, y = rng.uniform(-40, 1320), top + 3 + t * (bottom - top)
        wide = rng.uniform(14, 46) * (0.5 + 2.2 * t)
        points = [(x - wide, y), (x, y + 1.4 + 2 * t), (x + wide, y)]
        colour = light if rng.random() < 0.6 else mix(mood.ink, mood.sky[1], 0.5)
        Pen(canvas).stroke(points, 1.2 + 2.2 * t, colour, opacity=rng.uniform(0.12, 0.42))


def draw_pier(canvas: Canvas, mood: Mood, top: float) -> None:
    """A stage of planks across the foot of the picture."""
    wood = mix(UMBER, mood.depth(0.9), 0.5)
    for x in range(90, 1280, 270):
        canvas.fill(
            box(x - 17, top - 62, x + 17, 724, 5),
            Ramp(shade(wood, 0.12), shade(wood, -0.3), across=True),
        )
        canvas.fill(box(x - 21, top - 70, x + 21, top - 56, 5), shade(wood, 0.16))
    canvas.fill(box(-4, top, 1284, 724), Ramp(shade(wood, 0.16), shade(wood, -0.45)), shadow=0.4)
    canvas.fill(box(-4, top, 1284, top + 5), shade(wood, 0.36))
    rng = random.Random(9)
    for i in range(-3, 16):
        x = i * 96 + rng.uniform(-8, 8)
        slant = (x - 640) * 0.28
        canvas.fill(
            [(x, top + 5), (x + 3, top + 5), (x + slant + 6, 724), (x + slant, 724)],
            shade(wood, -0.55),
            opacity=0.7,
        )
