"""The Glass Marsh: still water between walls of reeds, under a great sky; and the open sea."""

from __future__ import annotations

import math
import random

from .paint import Canvas, Pen
from .palette import AMBER, TEAL, UMBER, Mood
from .quay import draw_moon, draw_ripples, draw_sky
from .shapes import Colour, Ramp, box, mix, shade

HORIZON = 372


def draw_marsh(
    canvas: Canvas,
    mood: Mood,
    *,
    moon: tuple[float, float] | None = (820, 150),
    fireflies: int = 0,
    mist: float = 0.5,
    seed: int = 3,
) -> None:
    """The marsh up to its middle distance; `draw_marsh_front` closes the picture."""
    draw_sky(canvas, mood, HORIZON, seed)
    if moon and mood.moon:
        draw_moon(canvas, *moon, 50, mood.moon)
    pen = Pen(canvas)
    for near, base, points in (
        (0.12, 374, [(-200, 374), (0, 322), (180, 300), (340, 330), (520, 352), (700, 374)]),
        (0.2, 374, [(560, 376), (760, 340), (940, 312), (1120, 326), (1300, 300), (1600, 376)]),
        (0.3, 378, [(-300, 380), (-40, 344), (200, 350), (420, 366), (560, 380)]),
    ):
        colour = mood.depth(near)
        pen.blob(
            [*points, (points[0][0] + 200, base + 6)], Ramp(colour, mix(colour, mood.sky[-1], 0.5))
        )
    rng = random.Random(seed)
    _tree_line(canvas, mood, rng)
    canvas.mist(640, HORIZON - 6, 900, 40, mix(mood.sky[-1], mood.haze, 0.3), 0.55 * mist + 0.2)
    reeds(canvas, mood, rng, HORIZON + 8, 70, 0.42, (0, 500), 80)
    reeds(canvas, mood, rng, HORIZON + 10, 76, 0.46, (830, 1280), 80)
    water = mix(mood.sky[2], TEAL, 0.4)
    canvas.fill(
        box(-4, HORIZON + 8, 1284, 724),
        Ramp(mix(water, mood.sky[-1], 0.5), mix(water, mood.ink, 0.6)),
    )
    canvas.mirror(HORIZON + 8, water, 0.72, seed)
    if moon and mood.moon:
        x = moon[0]
        for i in range(16):
            y = HORIZON + 22 + i * i * 1.2
            wide = 22 + i * 5 + rng.uniform(-8, 14)
            canvas.fill(
                _lens(x + rng.uniform(-7, 7), y, wide, 1.6 + i * 0.2),
                mood.moon,
                opacity=0.6 - i * 0.03,
            )
    draw_ripples(canvas, mood, HORIZON + 8, 718, seed, 46)
    _lily_pads(canvas, mood, rng)
    reeds(canvas, mood, rng, 428, 128, 0.6, (-20, 300), 66)
    reeds(canvas, mood, rng, 440, 140, 0.64, (1010, 1300), 66)
    for y, amount in ((HORIZON + 16, 0.5), (440, 0.34)):
        canvas.mist(
            rng.uniform(300, 900), y, 760, 30, mix(mood.sky[-1], mood.haze, 0.2), amount * mist
        )
    draw_fireflies(canvas, fireflies, seed)


def draw_marsh_front(canvas: Canvas, mood: Mood, seed: int = 3, thick: float = 1.0) -> None:
    """The near reeds at both sides and along the foot of the picture."""
    rng = random.Random(seed + 50)
    count = int(34 * thick)
    reeds(canvas, mood, rng, 740, 400, 0.86, (-60, 190 * thick), count, 1.25)
    reeds(canvas, mood, rng, 740, 420, 0.9, (1280 - 190 * thick, 1350), count, 1.25)
    reeds(canvas, mood, rng, 760, 130, 1.0, (-20, 1300), 60, 1.6)


def draw_fireflies(
    canvas: Canvas,
    count: int,
    seed: int,
    area: tuple[float, float, float, float] = (60, 300, 1220, 660),
) -> None:
    rng = random.Random(seed + 7)
    for _ in range(count):
        x, y = rng.uniform(area[0], area[2]), rng.uniform(area[1], area[3])
        size = rng.uniform(1.4, 3)
        canvas.glow(x, y, size * 13, AMBER, rng.uniform(0.5, 0.95))
        Pen(canvas).oval(x, y, size, size, (255, 244, 200))


def reeds(
    canvas: Canvas,
    mood: Mood,
    rng: random.Random,
    base: float,
    tall: float,
    near: float,
    span: tuple[float, float],
    count: int,
    thick: float = 1.0,
) -> None:
    """A stand of reeds: leaning stems, some with a dark head."""
    tone = mix(mood.depth(near), (74, 104, 92), 0.3 * (1.1 - near))
    pen = Pen(canvas)
    for _ in range(count):
        x = rng.uniform(*span)
        high = tall * rng.uniform(0.5, 1.05)
        lean = high * rng.uniform(-0.12, 0.24)
        colour = mix(tone, mood.sky[-1], rng.uniform(0, 0.16))
        width = thick * max(1.6, min(tall, 190) / 42)
        top = (x + lean, base - high)
        pen.stroke(
            [(x, base), (x + lean * 0.3, base - high * 0.55), top], (width, width * 0.35), colour
        )
        if rng.random() < 0.36:
            head = mix(shade(UMBER, 0.1), mood.depth(near), 0.55)
            pen.stroke(
                [
                    (top[0] - lean * 0.03, top[1] + high * 0.05),
                    (top[0] + lean * 0.08, top[1] - high * 0.13),
                ],
                min(width * 2.1, 3 + width * 1.15),
                head,
            )
        elif rng.random() < 0.5:
            bend = rng.choice((-1, 1)) * high * 0.26
            mid = (x + lean * 0.4, base - high * 0.5)
            pen.stroke(
                [
                    mid,
                    (mid[0] + bend * 0.6, mid[1] - high * 0.24),
                    (mid[0] + bend * 1.2, mid[1] - high * 0.16),
                ],
                (width * 1.1, 0.6),
                colour,
            )


def _tree_line(canvas: Canvas, mood: Mood, rng: random.Random) -> None:
    colour = mood.depth(0.36)
    pen = Pen(canvas)
    for _ in range(34):
        x = rng.choice((rng.uniform(-20, 420), rng.uniform(900, 1300)))
        size = rng.uniform(10, 26)
        pen.blob(
            [
                (x - size, 384),
                (x - size * 0.9, 366),
                (x, 384 - size * 1.9),
                (x + size * 0.9, 366),
                (x + size, 384),
            ],
            colour,
        )


def _lily_pads(canvas: Canvas, mood: Mood, rng: random.Random) -> None:
    pen = Pen(canvas)
    for _ in range(22):
        t = rng.random()
        y = 430 + t * 240
        x = rng.choice((rng.uniform(60, 460), rng.uniform(820, 1240)))
        size = 9 + 26 * t
        leaf = mix((86, 128, 104), mood.depth(0.7), 0.5)
        pen.oval(x, y + 2, size, size * 0.3, mood.ink, opacity=0.4)
        pen.oval(x, y, size, size * 0.28, Ramp(shade(leaf, 0.2), leaf))
        pen.poly(
            [(x, y), (x + size, y - size * 0.2), (x + size, y + size * 0.06)],
            mix(mood.sky[2], TEAL, 0.4),
        )
        if rng.random() < 0.3:
            for k in (-1, 0, 1):
                pen.oval(
                    x + k * size * 0.16,
                    y - size * 0.22,
                    size * 0.12,
                    size * 0.24,
                    mix((250, 222, 214), mood.haze, 0.25),
                    turn=k * 28,
                )


def _lens(x: float, y: float, wide: float, tall: float) -> list[tuple[float, float]]:
    return [
        (x - wide, y),
        (x - wide * 0.4, y - tall),
        (x + wide * 0.4, y - tall),
        (x + wide, y),
        (x, y + tall),
    ]


def draw_punt(pen: Pen, mood: Mood, colour: Colour = (150, 84, 62)) -> None:
    """The long flat ferry, its water line at the frame's origin, 420 long."""
    hull = mix(colour, mood.depth(0.8), 0.3)
    shape = [
        (-226, -44),
        (-196, -10),
        (-150, 6),
        (150, 6),
        (204, -14),
        (240, -56),
        (206, -42),
        (150, -30),
        (-150, -28),
        (-200, -36),
    ]
    pen.blob(shape, Ramp(shade(hull, 0.14), shade(hull, -0.42)), shadow=0.25)
    pen.stroke(
        [(-226, -44), (-160, -28), (0, -26), (150, -29), (206, -41), (240, -56)],
        8,
        shade(hull, 0.3),
    )
    pen.stroke([(-190, -18), (0, -8), (196, -20)], 2.4, shade(hull, -0.4), opacity=0.7)


def draw_sea(
    canvas: Canvas,
    mood: Mood,
    *,
    horizon: float = 330,
    moon: tuple[float, float] | None = (640, 190),
    seed: int = 6,
    size: float = 56,
) -> None:
    """Open water in long paper waves."""
    draw_sky(canvas, mood, horizon, seed, 4)
    if moon:
        draw_moon(canvas, *moon, size, mood.moon or mood.sky[-1])
    rng = random.Random(seed)
    light = mood.moon or mood.sky[-1]
    for i in range(9):
        y = horizon + (i / 9) ** 1.35 * (720 - horizon)
        colour = mix(mix(mood.sky[-1], TEAL, 0.3), mood.ink, 0.1 + 0.84 * i / 9)
        swell = 2 + i * 2.4
        length = 150 + i * 44
        phase = rng.random() * 6
        crest = [
            (x, y + swell * math.sin(x / length * math.tau + phase)) for x in range(-40, 1330, 26)
        ]
        canvas.fill(
            [*crest, (1330, 724), (-40, 724)],
            Ramp(shade(colour, 0.1), shade(colour, -0.2)),
            shadow=0.2 if i else 0,
        )
        Pen(canvas).stroke(crest, 1 + i * 0.3, mix(colour, light, 0.5), curved=False, opacity=0.35)
        if moon:
            for _ in range(5):
                x = moon[0] + rng.gauss(0, 26 + i * 14)
                dy = swell * math.sin(x / length * math.tau + phase) + rng.uniform(3, 14 + 3 * i)
                canvas.fill(
                    _lens(x, y + dy, rng.uniform(10, 26) * (1 + i * 0.25), 1.3 + i * 0.24),
                    light,
                    opacity=0.55,
                )
