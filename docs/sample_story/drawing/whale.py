"""Ambra, the old whale who carries a garden of lamp-weed: slow, vast, kind."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .paint import Canvas, Pen
from .palette import AMBER, CREAM, FOAM, INK
from .shapes import Point, Ramp, mix, oval, ramp, shade, smooth

BACK, SKIN, THROAT = (44, 66, 106), (72, 104, 140), (190, 206, 206)
WEED, LAMP = (70, 128, 112), AMBER
PALETTE = (BACK, SKIN, THROAT, WEED, LAMP, FOAM)

_SIDE: list[Point] = [(456, 34), (440, -22), (380, -78), (270, -122), (120, -146), (-40, -140)]
_SIDE += [(-190, -106), (-320, -62), (-430, -34), (-500, -26), (-430, 4), (-310, 44), (-180, 92)]
_SIDE += [(-20, 132), (140, 150), (290, 140), (400, 104)]


@dataclass(frozen=True)
class Weed:
    """One stem of the garden: where it grows, how tall it is, how it leans; `lamp` 0 means none."""

    x: float
    base: float
    tall: float
    lean: float
    shade: float
    lamp: float

    @property
    def top(self) -> Point:
        return (self.x + self.lean, self.base - self.tall)


def _weeds(seed: int) -> list[Weed]:
    rng = random.Random(seed)
    weeds = []
    for i in range(30):
        x = -260 + i * 18 + rng.uniform(-8, 8)
        base = -104 - 36 * (1 - ((x - 20) / 280) ** 2)
        lamp = rng.uniform(5, 9) if i % 2 == 0 else 0
        size = (rng.uniform(34, 104), rng.uniform(-26, 14))
        weeds.append(Weed(x, base, *size, rng.uniform(0, 0.5), lamp))
    return weeds


def draw_whale(pen: Pen, face: str = "calm", fin: bool = True, seed: int = 5) -> None:
    """Ambra from the side, facing right, about 1,080 long around the frame's origin."""
    _flukes(pen)
    draw_garden(pen, seed)
    pen.blob(_SIDE, Ramp(shade(BACK, 0.08), SKIN), shadow=0.2)
    with pen.inside(smooth(_SIDE)):
        belly = [
            (470, 50),
            (380, 62),
            (250, 60),
            (100, 62),
            (-60, 70),
            (-220, 70),
            (-220, 200),
            (470, 200),
        ]
        pen.blob(belly, ramp(THROAT, 0.3))
        for i in range(7):
            y = 74 + i * 13
            pen.stroke(
                [(446 - i * 14, y - 8), (300, y), (120, y + 2), (-30 - i * 8, y + 2)],
                (3, 1.5),
                shade(THROAT, -0.35),
                opacity=0.75,
            )
        pen.blob(
            [(470, 30), (300, 20), (0, 60), (-300, 30), (-300, 80), (0, 100), (300, 70)],
            SKIN,
            opacity=0.5,
            blur=14,
        )
        _spots(pen, seed)
        pen.blob(
            [(-500, -160), (480, -220), (480, -118), (200, -134), (0, -130), (-200, -90)],
            shade(BACK, 0.35),
            opacity=0.35,
            blur=12,
        )
    pen.stroke([(456, 44), (410, 58), (350, 58), (304, 44)], 4, shade(BACK, -0.4))
    if fin:
        flipper = [(170, 84), (120, 150), (30, 226), (-26, 250), (-10, 208), (50, 140), (90, 90)]
        pen.blob(flipper, Ramp(SKIN, shade(BACK, -0.2)), shadow=0.25)
        for i in range(4):
            pen.oval(120 - i * 30, 150 + i * 20, 5 - i * 0.6, 5 - i * 0.6, FOAM, opacity=0.7)
    draw_whale_eye(pen.at(318, 14), face)


def _flukes(pen: Pen) -> None:
    tail = [(-470, -30), (-530, -44), (-592, -108), (-650, -136), (-636, -84), (-596, -34)]
    tail += [(-640, 10), (-650, 58), (-592, 40), (-530, -4), (-470, -8)]
    pen.blob(tail, Ramp(BACK, SKIN), shadow=0.2)


def _spots(pen: Pen, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(64):
        x = rng.uniform(-430, 400)
        y = rng.uniform(-140, 20)
        size = rng.uniform(1.6, 5)
        pen.oval(x, y, size, size, mix(FOAM, CREAM, rng.random()), opacity=0.8)
    for cx, cy in ((210, -66), (-60, -70), (60, -20), (380, -38)):
        for i in range(5):
            x, y = cx + rng.uniform(-20, 20), cy + rng.uniform(-14, 14)
            pen.oval(x, y, 8, 7, shade(THROAT, -0.1 - 0.06 * i), opacity=0.55)


def draw_garden(pen: Pen, seed: int = 5) -> None:
    """The lamp-weed on her back: stems with lights at their tips."""
    weeds = _weeds(seed)
    for i, weed in enumerate(weeds):
        tone = mix(WEED, BACK, weed.shade)
        middle = (weed.x + weed.lean * 0.2, weed.base - weed.tall * 0.5)
        pen.stroke([(weed.x, weed.base + 14), middle, weed.top], (7, 2.5), tone)
        for k in range(2):
            x, y = weed.x, weed.base - weed.tall * (0.3 + 0.3 * k)
            side = 1 if (i + k) % 2 else -1
            leaf = [(x + weed.lean * 0.25, y), (x + 13 * side, y - 13), (x + 20 * side, y - 5)]
            pen.blob(leaf, shade(tone, 0.15))
    for weed in weeds:
        if weed.lamp:
            glass = Ramp(mix(LAMP, CREAM, 0.7), LAMP)
            pen.oval(*weed.top, weed.lamp, weed.lamp * 1.2, glass)


def garden_lights(pen: Pen, canvas: Canvas, strength: float, seed: int = 5) -> None:
    """The light of the garden, to be laid over the scene once the whale stands in it."""
    for weed in _weeds(seed):
        if weed.lamp:
            x, y = pen.spot(*weed.top)
            canvas.glow(x, y, 62 * pen.size, LAMP, 0.75 * strength, power=2.6)
    x, y = pen.spot(0, -180)
    canvas.glow(x, y, 460 * pen.size, (255, 190, 110), 0.4 * strength, squash=0.55)


def draw_whale_front(pen: Pen, face: str = "calm") -> None:
    """Ambra head-on, around the frame's origin."""
    for side in (-1, 1):
        fin = [(120, 50), (200, 92), (262, 170), (220, 160), (120, 110)]
        pen.blob([(x * side, y) for x, y in fin], Ramp(SKIN, shade(BACK, -0.2)), shadow=0.2)
    garden = pen.at(0, -78, 0.34)
    draw_garden(garden, 8)
    shape = [(0, -150), (80, -138), (140, -80), (158, 0), (140, 80), (80, 134), (0, 148)]
    shape += [(-x, y) for x, y in shape[-2:0:-1]]
    pen.blob(shape, Ramp(shade(BACK, 0.08), SKIN), shadow=0.2)
    with pen.inside(smooth(shape)):
        pen.blob(
            [(-170, 52), (-80, 20), (0, 12), (80, 20), (170, 52), (120, 190), (-120, 190)],
            ramp(THROAT, 0.3),
        )
        for i in range(-5, 6):
            pen.stroke(
                [(i * 15, 40 + abs(i)), (i * 19, 90), (i * 14, 150)],
                (3, 1.5),
                shade(THROAT, -0.35),
                opacity=0.75,
            )
        rng = random.Random(3)
        for _ in range(26):
            pen.oval(rng.uniform(-130, 130), rng.uniform(-140, 0), 3, 3, FOAM, opacity=0.7)
    pen.stroke([(-140, 26), (-70, 32), (0, 28), (70, 32), (140, 26)], 4, shade(BACK, -0.4))
    for side in (-1, 1):
        draw_whale_eye(pen.at(112 * side, -14, 0.9, flip=side < 0), face)


def draw_whale_above(pen: Pen) -> None:
    """Ambra from above, facing right, about 1,080 long around the frame's origin."""
    for side in (-1, 1):
        fin = [(190, 96), (150, 180), (60, 270), (-10, 300), (10, 240), (60, 170), (90, 100)]
        pen.blob([(x, y * side) for x, y in fin], Ramp(SKIN, shade(BACK, -0.1)), shadow=0.2)
    flukes = [(-460, 0), (-520, 30), (-600, 130), (-660, 176), (-650, 90), (-620, 20), (-600, 0)]
    flukes += [(x, -y) for x, y in flukes[-2:0:-1]]
    pen.blob(flukes, Ramp(BACK, SKIN), shadow=0.2)
    body = [
        (470, 0),
        (440, 62),
        (340, 122),
        (160, 152),
        (-40, 138),
        (-240, 84),
        (-400, 34),
        (-520, 18),
    ]
    body += [(x, -y) for x, y in body[::-1][:-1]]
    pen.blob(body, Ramp(shade(BACK, 0.12), shade(BACK, -0.05)), shadow=0.25)
    with pen.inside(smooth(body)):
        pen.oval(300, 0, 160, 60, SKIN, opacity=0.35, blur=20)
        rng = random.Random(14)
        for _ in range(70):
            pen.oval(rng.uniform(-420, 440), rng.uniform(-140, 140), 4, 4, FOAM, opacity=0.7)
    rng = random.Random(15)
    for i in range(44):
        x, y = rng.uniform(-270, 230), rng.gauss(0, 30)
        leaf = mix(WEED, BACK, rng.uniform(0, 0.4))
        pen.oval(x, y, 26, 11, leaf, turn=rng.uniform(-60, 60))
        if i % 3 == 0:
            pen.oval(x, y, 11, 11, Ramp(mix(LAMP, CREAM, 0.7), LAMP))


def draw_whale_eye(pen: Pen, face: str) -> None:
    pen.oval(0, 0, 30, 24, shade(BACK, -0.2), opacity=0.45, blur=4)
    lid = shade(SKIN, 0.12)
    if face == "asleep":
        pen.stroke([(-18, -2), (0, 8), (18, -2)], 5, INK)
    elif face == "happy":
        pen.stroke([(-18, 4), (0, -8), (18, 4)], 5, INK)
    else:
        pen.oval(0, 0, 17, 15, INK)
        pen.oval(-2, 1, 11, 10, (120, 84, 52))
        pen.oval(-1, 1, 6, 6.5, INK)
        pen.oval(4, -5, 4.4, 4.4, CREAM)
        low = {"tired": 2, "sad": -3, "wide": -22}.get(face, -8)
        with pen.inside(oval(0, 0, 19, 17)):
            pen.poly(
                [(-24, -30), (24, -30), (24, low + (6 if face == "sad" else 0)), (-24, low)], lid
            )
    pen.stroke([(-24, 12), (0, 23), (22, 13)], 3, shade(BACK, -0.3), opacity=0.7)
    if face in ("sad", "tired"):
        pen.stroke([(-22, -22), (0, -28), (24, -18)], 4, shade(BACK, -0.3), opacity=0.8)


def draw_whale_head(pen: Pen, face: str = "calm") -> None:
    """The head alone for the row of expressions, around the frame's origin."""
    head = [
        (150, 20),
        (140, -34),
        (90, -78),
        (0, -102),
        (-92, -96),
        (-140, -60),
        (-150, 20),
        (-120, 86),
        (0, 104),
        (104, 82),
    ]
    pen.blob(head, Ramp(shade(BACK, 0.08), SKIN), shadow=0.2)
    with pen.inside(smooth(head)):
        pen.blob(
            [(170, 28), (60, 42), (-60, 42), (-170, 50), (-170, 140), (170, 140)], ramp(THROAT, 0.3)
        )
        for i in range(4):
            pen.stroke(
                [(140 - i * 12, 54 + i * 13), (0, 60 + i * 13), (-150, 62 + i * 13)],
                2.5,
                shade(THROAT, -0.35),
                opacity=0.75,
            )
        rng = random.Random(12)
        for _ in range(18):
            pen.oval(rng.uniform(-130, 120), rng.uniform(-90, 0), 3.2, 3.2, FOAM, opacity=0.8)
    bend = {"happy": -14, "sad": 12, "tired": 6}.get(face, -4)
    pen.stroke([(148, 28), (100, 38), (44, 36), (10, 36 + bend)], 4.5, shade(BACK, -0.4))
    draw_whale_eye(pen.at(10, 0, 1.35), face)
