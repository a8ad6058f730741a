"""The Drowned Clockworks: the sea cave under the lighthouse, home of the tide wheel."""

from __future__ import annotations

import math
import random

from .paint import Canvas, Pen
from .palette import AMBER, BRASS, COPPER, CREAM, FOAM, TEAL, VERDIGRIS, Mood
from .quay import draw_ripples
from .shapes import Colour, Point, Ramp, mix, oval, shade

WATER = 560


def gear_shape(radius: float, teeth: int, deep: float, turn: float = 0) -> list[Point]:
    points = []
    for i in range(teeth):
        for part, reach in ((-0.32, 0), (-0.2, 1), (0.2, 1), (0.32, 0)):
            angle = math.tau * (i + part) / teeth + turn
            r = radius + (deep if reach else 0)
            points.append((r * math.cos(angle), r * math.sin(angle)))
    return points


def draw_gear(
    pen: Pen,
    radius: float,
    colour: Colour,
    teeth: int = 18,
    turn: float = 0,
    spokes: int = 6,
    shadow: float = 0.3,
) -> None:
    """A gear with cut-out windows around the frame's origin."""
    holes = []
    for i in range(spokes):
        start, end = math.tau * (i + 0.12) / spokes + turn, math.tau * (i + 0.88) / spokes + turn
        arc = [start + (end - start) * k / 8 for k in range(9)]
        outer = [(radius * 0.78 * math.cos(a), radius * 0.78 * math.sin(a)) for a in arc]
        inner = [(radius * 0.34 * math.cos(a), radius * 0.34 * math.sin(a)) for a in reversed(arc)]
        holes.append(outer + inner)
    # A shadow through the windows needs the holes too, so the gear throws it as a second gear.
    shape = gear_shape(radius, teeth, radius * 0.11, turn)
    if shadow:
        pen.at(4, 8).cut(shape, holes, (8, 10, 28), opacity=shadow, blur=6)
    pen.cut(shape, holes, Ramp(shade(colour, 0.16), shade(colour, -0.34)))
    pen.cut(
        oval(0, 0, radius * 0.97, radius * 0.97),
        [oval(0, 0, radius * 0.93, radius * 0.93)],
        shade(colour, 0.28),
        opacity=0.6,
    )
    pen.oval(0, 0, radius * 0.24, radius * 0.24, Ramp(shade(colour, 0.3), shade(colour, -0.2)))
    pen.oval(0, 0, radius * 0.1, radius * 0.1, shade(colour, -0.55))


def draw_tide_wheel(pen: Pen, mood: Mood, turn: float = 0, running: bool = False) -> None:
    """The great wheel around the frame's origin, radius 230, with a ring of moons on its face."""
    bronze = mix(mix(COPPER, BRASS, 0.4), mood.depth(0.6), 0.26 if running else 0.46)
    draw_gear(pen, 230, bronze, 32, turn, 8)
    pen.cut(
        oval(0, 0, 214, 214), [oval(0, 0, 178, 178)], Ramp(shade(bronze, -0.3), shade(bronze, -0.5))
    )
    for i in range(8):
        angle = math.tau * i / 8 + turn
        x, y = 196 * math.cos(angle), 196 * math.sin(angle)
        pen.oval(x, y, 14, 14, shade(bronze, -0.6))
        pale = mix(CREAM, AMBER, 0.5) if running else mix(CREAM, mood.haze, 0.5)
        disc = oval(x, y, 12, 12)
        pen.poly(disc, pale)
        with pen.inside(disc):
            pen.oval(x + 24 * math.cos(math.pi * i / 8), y, 12, 13, shade(bronze, -0.6))
        if running:
            pen.glow(x, y, 46, AMBER, 0.6)
    for i in range(16):
        angle = math.tau * i / 16
        pen.oval(
            166 * math.cos(angle + turn), 166 * math.sin(angle + turn), 4, 4, shade(bronze, 0.3)
        )
    pen.oval(0, 0, 62, 62, Ramp(shade(bronze, 0.2), shade(bronze, -0.3)), shadow=0.3)
    pen.oval(0, 0, 48, 48, shade(bronze, -0.5))
    pen.cut(
        oval(0, 0, 40, 40),
        [oval(13, -6, 33, 33)],
        mix(CREAM, AMBER, 0.6) if running else mix(CREAM, mood.haze, 0.4),
    )
    if running:
        pen.glow(0, 0, 320, AMBER, 0.5)


def draw_clockworks(
    canvas: Canvas,
    mood: Mood,
    *,
    turn: float = 0,
    running: bool = False,
    seed: int = 2,
    wheel: tuple[float, float, float] = (800, 300, 1.0),
    shaft: float = 420,
    ledge: bool = True,
) -> None:
    """The cave: far gears, stairs, the tide wheel, black water; `ledge` gives a stage.

    `wheel` is where the tide wheel stands and its size, `shaft` where the light falls in.
    """
    rng = random.Random(seed)
    canvas.wash(mood.sky[:3], 0, 724)
    canvas.glow(wheel[0], wheel[1], 520, mood.sky[-1], 0.5)
    pen = Pen(canvas)
    for near, points in (
        (
            0.14,
            [(-40, -40), (260, -40), (210, 120), (330, 260), (230, 420), (280, 620), (-40, 620)],
        ),
        (
            0.14,
            [
                (1320, -40),
                (1040, -40),
                (1090, 100),
                (1010, 240),
                (1110, 420),
                (1050, 640),
                (1320, 640),
            ],
        ),
    ):
        pen.blob(points, mix(mood.sky[1], mood.sky[2], near * 3), shadow=0.2)
    for x, y, r, near in (
        (470, 150, 92, 0.22),
        (330, 320, 120, 0.3),
        (1120, 170, 110, 0.26),
        (560, 420, 76, 0.34),
        (1090, 470, 96, 0.4),
    ):
        tone = mix(mood.depth(near), VERDIGRIS, 0.2)
        draw_gear(
            pen.at(x, y), r, tone, int(r / 5.2), turn * (1 if r > 100 else -1.6) + near, 5, 0.2
        )
    _stalactites(canvas, mood, random.Random(seed + 3))
    canvas.mist(640, 430, 820, 150, mood.sky[2], 0.42)
    _stairs(canvas, mood)
    canvas.beam(
        [(shaft - 46, -20), (shaft + 60, -20), (shaft + 300, 620), (shaft + 20, 620)],
        mood.sky[-1],
        0.34,
        22,
    )
    canvas.beam(
        [(shaft + 120, -20), (shaft + 160, -20), (shaft + 430, 620), (shaft + 330, 620)],
        mood.sky[-1],
        0.22,
        18,
    )
    _chains(canvas, mood)
    if running:
        canvas.glow(wheel[0], wheel[1], 560 * wheel[2], (255, 184, 96), 0.6)
    draw_tide_wheel(pen.at(*wheel), mood, turn, running)
    small = mix(mix(BRASS, VERDIGRIS, 0.3), mood.depth(0.7), 0.4)
    draw_gear(
        pen.at(wheel[0] - 296 * wheel[2], wheel[1] + 122 * wheel[2], wheel[2]),
        88,
        small,
        16,
        -turn * 2 + 0.2,
        5,
    )
    draw_gear(
        pen.at(wheel[0] + 250 * wheel[2], wheel[1] + 196 * wheel[2], wheel[2]),
        70,
        shade(small, -0.12),
        14,
        -turn * 2,
        5,
    )
    water = mix(mood.sky[2], TEAL, 0.4)
    canvas.fill(
        [(-4, WATER), (1284, WATER), (1284, 724), (-4, 724)],
        Ramp(mix(water, mood.sky[-1], 0.2), mix(water, mood.ink, 0.7)),
    )
    canvas.mirror(WATER, water, 0.6, seed)
    draw_ripples(canvas, mood, WATER, 718, seed, 40)
    _motes(canvas, rng, mood)
    _rocks(canvas, mood, ledge)


def _stalactites(canvas: Canvas, mood: Mood, rng: random.Random) -> None:
    pen = Pen(canvas)
    for i in range(17):
        x = i * 80 + rng.uniform(-30, 30)
        wide, long = rng.uniform(18, 40), rng.uniform(40, 150)
        tone = mix(mood.depth(rng.uniform(0.34, 0.6)), mood.sky[1], 0.4)
        tooth = [(x - wide, -20), (x - wide * 0.4, long * 0.4), (x + rng.uniform(-6, 6), long)]
        tooth += [(x + wide * 0.4, long * 0.4), (x + wide, -20)]
        pen.poly(tooth, Ramp(tone, mix(tone, mood.sky[2], 0.35)), shadow=0.16)


def _stairs(canvas: Canvas, mood: Mood) -> None:
    tone = mix(mood.depth(0.56), mood.sky[2], 0.16)
    pen = Pen(canvas)
    wall = [(-10, 96), (14, 96), (406, 516), (470, 580), (-10, 600)]
    pen.poly(wall, Ramp(mix(tone, mood.sky[1], 0.35), shade(tone, -0.1)), shadow=0.35)
    for i in range(15):
        x, y = 14 + i * 27, 96 + i * 29
        pen.poly(
            [(x - 60, y), (x + 36, y), (x + 36, y + 32), (x - 60, y + 36)],
            Ramp(shade(tone, 0.08), shade(tone, -0.16), across=True),
        )
        pen.poly(
            [(x - 20, y), (x + 36, y), (x + 36, y + 5), (x - 20, y + 5)], mix(tone, mood.rim, 0.35)
        )
    for i in range(0, 15, 2):
        x, y = 38 + i * 27, 96 + i * 29
        pen.stroke([(x, y), (x, y - 56)], 3, mood.depth(0.8))
    pen.stroke([(20, 22), (440, 474)], 5, mood.depth(0.8))
    pen.blob([(-40, 520), (200, 520), (430, 536), (470, 580), (-40, 600)], tone)


def _chains(canvas: Canvas, mood: Mood) -> None:
    pen = Pen(canvas)
    for x, low in ((596, 250), (1004, 330), (1180, 420)):
        for i in range(int((low + 20) / 17)):
            y = -10 + i * 17
            wide = 4.6 if i % 2 else 2.2
            pen.cut(oval(x, y, wide, 10), [oval(x, y, wide * 0.4, 6)], mood.depth(0.72))
        pen.poly(
            [(x - 16, low), (x + 16, low), (x + 22, low + 54), (x - 22, low + 54)],
            Ramp(mix(BRASS, mood.ink, 0.4), mood.ink),
            shadow=0.3,
        )


def _motes(canvas: Canvas, rng: random.Random, mood: Mood) -> None:
    for _ in range(46):
        x, y = rng.uniform(60, 1220), rng.uniform(40, 560)
        size = rng.uniform(0.8, 2.2)
        canvas.glow(x, y, size * 8, mix(FOAM, mood.rim, 0.5), rng.uniform(0.2, 0.6))


def _rocks(canvas: Canvas, mood: Mood, ledge: bool) -> None:
    pen = Pen(canvas)
    dark = mix(mood.ink, mood.sky[1], 0.12)
    pen.blob(
        [(1340, 180), (1236, 250), (1254, 380), (1190, 480), (1216, 600), (1100, 740), (1360, 740)],
        Ramp(shade(dark, 0.06), dark),
        shadow=0.35,
    )
    pen.blob([(-60, -60), (120, -60), (70, 40), (-60, 150)], dark, shadow=0.35)
    pen.blob(
        [(700, -70), (1340, -70), (1340, 90), (1180, 20), (1040, 44), (900, -8)], dark, shadow=0.35
    )
    if ledge:
        shelf = mix(mood.depth(0.82), mood.sky[1], 0.2)
        pen.poly(
            [
                (-10, 640),
                (180, 628),
                (420, 634),
                (640, 624),
                (900, 632),
                (1290, 622),
                (1290, 730),
                (-10, 730),
            ],
            Ramp(shade(shelf, 0.12), shade(shelf, -0.5)),
            shadow=0.45,
        )
        pen.stroke(
            [(-10, 641), (180, 629), (420, 635), (640, 625), (900, 633), (1290, 623)],
            4,
            mix(shelf, mood.rim, 0.4),
            curved=False,
        )
        for x in range(40, 1280, 132):
            pen.stroke(
                [(x, 640), (x + (x - 640) * 0.16, 724)], 2.4, shade(shelf, -0.5), opacity=0.6
            )
