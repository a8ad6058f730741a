"""Captain Ostrel, the heron who pilots the ferry: navy cap, striped scarf, long pole."""

from __future__ import annotations

from .paint import Pen
from .palette import BRASS, CREAM, HERON, INDIGO, INK, RUST
from .shapes import Point, Ramp, ramp, shade, smooth

PLUME, WING, CAP = HERON, (78, 98, 134), INDIGO
BEAK, LEG, STRIPE = (232, 170, 84), (122, 96, 84), (188, 74, 62)
PALETTE = (PLUME, WING, CAP, CREAM, BEAK, STRIPE)


def draw_heron(pen: Pen, view: str = "side", face: str = "calm", pole: bool = False) -> None:
    """The captain on his feet at the frame's origin, 430 tall; `pole` bends his wing around one."""
    if view == "side":
        _side(pen, face, pole)
        return
    _legs(pen, (-16, 16))
    shape = [(0, -276), (34, -262), (56, -214), (50, -160), (22, -118), (0, -108)]
    shape += [(-x, y) for x, y in shape[-2:0:-1]]
    pen.blob(shape, ramp(PLUME, 0.3), shadow=0.2)
    if view == "front":
        with pen.inside(smooth(shape)):
            pen.blob(
                [(0, -290), (22, -250), (20, -180), (0, -130), (-20, -180), (-22, -250)], CREAM
            )
            for y in (-214, -190, -166):
                pen.stroke([(-8, y - 8), (0, y), (8, y - 8)], 3, shade(PLUME, -0.2), opacity=0.7)
    for side in (-1, 1):
        wide = 1.5 if view == "back" else 1
        leaf = [
            (34, -262),
            (66, -220),
            (60, -160),
            (34, -104),
            (44 - 20 * wide, -170),
            (46 - 22 * wide, -230),
        ]
        pen.blob([(x * side, y) for x, y in leaf], ramp(WING, 0.3), shadow=0.2)
        pen.stroke(
            [(54 * side, -214), (50 * side, -166), (38 * side, -124)],
            3,
            shade(WING, 0.25),
            opacity=0.6,
        )
    neck = [(0, -262), (-10, -300), (6, -340), (0, -372)]
    pen.stroke(neck, (34, 22), Ramp(shade(PLUME, 0.3), PLUME))
    _scarf(pen, (0, -276), False)
    draw_heron_head(pen.at(0, -386), view, face)


def _legs(pen: Pen, xs: tuple[float, float]) -> None:
    for i, x in enumerate(xs):
        colour = LEG if i else shade(LEG, -0.25)
        pen.stroke([(x, -130), (x + 3, -66), (x, -3)], (10, 6.5), colour, curved=False)
        pen.oval(x + 3, -66, 6, 7, shade(colour, -0.15))
        for toe in (-14, 8, 20):
            pen.stroke([(x, -4), (x + toe, -1)], (6, 3), colour)


def _side(pen: Pen, face: str, pole: bool) -> None:
    _legs(pen, (8, -14))
    tail = [(-40, -170), (-104, -132), (-122, -112), (-84, -118), (-30, -136)]
    pen.blob(tail, shade(WING, -0.15))
    body = [
        (50, -238),
        (40, -274),
        (4, -258),
        (-50, -206),
        (-96, -150),
        (-60, -132),
        (0, -118),
        (40, -150),
        (56, -196),
    ]
    pen.blob(body, ramp(PLUME, 0.34), shadow=0.2)
    with pen.inside(smooth(body)):
        pen.blob([(66, -270), (32, -250), (30, -190), (14, -140), (40, -110), (80, -180)], CREAM)
    # The neck is an S: it is what makes the silhouette a heron at any size.
    neck = [(34, -236), (58, -280), (34, -326), (24, -358), (42, -386)]
    pen.stroke(neck, (38, 24), Ramp(shade(PLUME, 0.34), PLUME))
    pen.stroke(
        [(46, -250), (66, -284), (44, -326), (36, -356), (50, -378)], (9, 6), CREAM, opacity=0.85
    )
    for i in range(3):
        pen.stroke(
            [(44, -262 + i * 4), (52 + i * 6, -228), (48 + i * 9, -202 + i * 4)],
            (6, 2),
            shade(PLUME, 0.4),
        )
    if pole:
        leaf = [(18, -250), (50, -236), (98, -226), (100, -206)]
        leaf += [(60, -196), (20, -168), (-30, -158), (-20, -214)]
        quills = [[(10, -222 + i * 16), (44, -212 + i * 10), (82, -212 + i * 4)] for i in range(3)]
    else:
        leaf = [(26, -246), (-20, -236), (-70, -184), (-108, -130)]
        leaf += [(-60, -150), (-10, -156), (24, -190)]
        quills = [
            [
                (8 - i * 16, -214 + i * 14),
                (-40 - i * 12, -184 + i * 12),
                (-82 - i * 6, -148 + i * 6),
            ]
            for i in range(3)
        ]
    pen.blob(leaf, ramp(WING, 0.32), shadow=0.22)
    for quill in quills:
        pen.stroke(quill, 3, shade(WING, 0.25), opacity=0.6)
    _scarf(pen, (40, -270), True)
    draw_heron_head(pen.at(46, -392), "side", face)


def _scarf(pen: Pen, at: Point, side: bool) -> None:
    x, y = at
    knot = [
        (x - 26, y - 8),
        (x, y - 4),
        (x + 28, y - 14),
        (x + 28, y + 8),
        (x, y + 18),
        (x - 26, y + 12),
    ]
    tail = [
        (x - 18, y + 4),
        (x - 40, y + 40),
        (x - 54, y + 76),
        (x - 32, y + 76),
        (x - 20, y + 44),
        (x, y + 12),
    ]
    if not side:
        tail = [
            (x + 2, y + 6),
            (x - 14, y + 40),
            (x - 18, y + 74),
            (x + 4, y + 74),
            (x + 8, y + 40),
            (x + 18, y + 8),
        ]
    for shape in (tail, knot):
        pen.blob(shape, CREAM, shadow=0.15)
        with pen.inside(smooth(shape)):
            for i in range(-2, 7):
                if shape is tail:
                    pen.poly(
                        [
                            (x - 70, y + i * 22),
                            (x + 30, y + i * 22 + 6),
                            (x + 30, y + i * 22 + 17),
                            (x - 70, y + i * 22 + 11),
                        ],
                        STRIPE,
                    )
                else:
                    left = x - 48 + i * 18
                    pen.poly(
                        [
                            (left, y - 30),
                            (left + 9, y - 30),
                            (left + 15, y + 30),
                            (left + 6, y + 30),
                        ],
                        STRIPE,
                    )


def draw_heron_head(pen: Pen, view: str = "side", face: str = "calm") -> None:
    """The head alone, around the frame's origin."""
    if view == "side":
        for i in range(3):
            pen.stroke(
                [(-14, -10 + i * 3), (-50, -6 + i * 7), (-84 + i * 16, 14 + i * 9)],
                (8, 1.5),
                shade(CAP, -0.1 + 0.1 * i),
            )
        drop = {"surprised": 16, "happy": 9, "stern": 0}.get(face, 3)
        pen.poly([(22, 2), (118, 14 + drop), (20, 18 + drop * 0.3)], shade(BEAK, -0.3))
        pen.poly(smooth([(20, -12), (70, -2), (126, 12), (70, 11), (20, 10)]), ramp(BEAK, 0.2))
        pen.blob(
            [(-26, -6), (-10, -24), (16, -22), (30, -6), (24, 12), (0, 20), (-22, 12)],
            ramp(shade(PLUME, 0.45), 0.2),
        )
        pen.stroke([(-24, -4), (0, -10), (20, -8)], (9, 4), CAP)
        _eye(pen.at(10, -1), face)
        cap = [(-32, -16), (-34, -40), (-6, -48), (26, -38), (24, -16)]
        pen.blob(cap, ramp(CAP, 0.3), shadow=0.15)
        pen.poly(box_band(-33, -24, 26, -13), shade(CAP, -0.35))
        pen.blob([(16, -22), (48, -14), (44, -8), (14, -12)], INK)
        pen.oval(12, -27, 6, 6, BRASS)
        return
    pen.blob(
        [(0, -24), (25, -12), (26, 8), (12, 24), (-12, 24), (-26, 8), (-25, -12)],
        ramp(shade(PLUME, 0.45), 0.2),
    )
    if view == "front":
        for side in (-1, 1):
            pen.stroke([(26 * side, -6), (12 * side, -6)], (8, 4), CAP)
            _eye(pen.at(15 * side, 2, flip=side < 0), face)
        drop = {"surprised": 12, "happy": 7}.get(face, 0)
        if drop:
            pen.blob([(-9, 12), (9, 12), (0, 54 + drop)], shade(RUST, -0.4))
        pen.poly(
            smooth([(0, -4), (11, 10), (5, 40), (0, 62), (-5, 40), (-11, 10)]),
            Ramp(shade(BEAK, 0.2), shade(BEAK, -0.2)),
        )
        pen.stroke([(0, 6), (0, 54)], (2.5, 1), shade(BEAK, -0.4))
    else:
        for x in (-8, 0, 8):
            pen.stroke([(x, -4), (x * 1.5, 40), (x * 2, 74)], (9, 2), shade(CAP, -0.1))
    pen.blob([(-34, -16), (-38, -42), (0, -52), (38, -42), (34, -16)], ramp(CAP, 0.3), shadow=0.15)
    pen.poly(box_band(-35, -25, 35, -13), shade(CAP, -0.35))
    if view == "front":
        pen.blob([(-32, -16), (0, -20), (32, -16), (20, -6), (0, -4), (-20, -6)], INK)
        pen.oval(0, -30, 7, 7, BRASS)


def box_band(x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    return [(x0, y0), (x1, y0), (x1 - 1, y1), (x0 + 1, y1)]


def _eye(pen: Pen, face: str) -> None:
    if face == "happy":
        pen.stroke([(-6, 1), (0, -4), (6, 1)], 2.8, INK)
        return
    radius = 8 if face == "surprised" else 6.4
    pen.oval(0, 0, radius, radius, (250, 214, 120))
    pen.oval(1, 0, radius * 0.62, radius * 0.62, INK)
    pen.oval(-1, -2, 1.6, 1.6, CREAM)
    if face in ("stern", "tired"):
        low = 0 if face == "stern" else -1
        pen.poly([(-9, -10), (9, -10), (9, low), (-9, -5 + low)], shade(PLUME, 0.2))
    if face == "worried":
        pen.stroke([(-8, -8), (6, -12)], 3, INK)
