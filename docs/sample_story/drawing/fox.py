"""Maren, the fox who keeps the lamp: oilskin coat, teal scarf, brass lantern."""

from __future__ import annotations

from .paint import Pen
from .palette import AMBER, BRASS, CREAM, GOLD, INK, RUST, TEAL, UMBER
from .shapes import Point, Ramp, mix, ramp, shade, smooth

FUR, BELLY, SOCK = RUST, CREAM, UMBER
COAT, SCARF = GOLD, TEAL
PALETTE = (FUR, BELLY, SOCK, COAT, SCARF, BRASS)


def draw_lantern(pen: Pen, lit: bool = True) -> None:
    """A brass lantern that hangs from the frame's origin."""
    pen.stroke([(-10, 14), (-9, 2), (0, -2), (9, 2), (10, 14)], 2.6, shade(BRASS, -0.35))
    pen.poly([(-15, 16), (15, 16), (7, 6), (-7, 6)], ramp(BRASS))
    glass = mix(AMBER, CREAM, 0.45) if lit else (96, 112, 128)
    pen.poly(
        [(-13, 16), (13, 16), (16, 48), (-16, 48)], Ramp(glass, AMBER if lit else (64, 80, 104))
    )
    if lit:
        pen.oval(0, 35, 5.5, 10, (255, 250, 226))
    for x in (-14, 0, 14):
        pen.stroke([(x * 0.9, 16), (x * 1.1, 48)], 2.2, shade(BRASS, -0.3))
    pen.poly([(-19, 48), (19, 48), (16, 56), (-16, 56)], ramp(BRASS))


def draw_fox(
    pen: Pen,
    view: str = "side",
    face: str = "calm",
    hand: Point | None = None,
    lantern: str = "",
    other: Point | None = None,
) -> Point:
    """Maren on her feet at the frame's origin, 345 tall. `lantern`: "lit", "dark" or none.

    Returns where the lantern's flame (or the hand) is on the canvas.
    """
    front, back = view == "front", view == "back"
    hand = hand or ((58, -92) if view != "side" else (44, -96))
    other = other or ((-58, -92) if view != "side" else (2, -92))
    if not back:
        _tail(pen, view)
    if view == "side":
        _arm(pen, (14, -182), other, shade(COAT, -0.32))
        _boot(pen, 20, shade(SOCK, -0.25))
        _boot(pen, -16, SOCK, 1)
    else:
        _boot(pen, -22, SOCK)
        _boot(pen, 22, SOCK)
    _coat(pen, view)
    if view != "side":
        _arm(pen, (-36, -180), other, shade(COAT, -0.1))
    if back:
        _tail(pen, view)
    if lantern and not back:
        draw_lantern(pen.at(hand[0], hand[1] + 2), lantern == "lit")
    _arm(
        pen,
        (36, -180) if view != "side" else (-4, -182),
        hand,
        COAT if front else shade(COAT, 0.06),
    )
    _scarf(pen, view)
    draw_fox_head(pen.at(0, -200), view, face)
    return pen.spot(hand[0], hand[1] + (36 if lantern else 0))


def _tail(pen: Pen, view: str) -> None:
    side = -1 if view == "side" else 1
    root = 8 if view == "back" else 26
    shape = [(root, -66), (70, -34), (122, -52), (150, -112), (146, -178), (126, -214)]
    shape += [(112, -170), (98, -120), (70, -96), (36, -94)]
    shape = [(x * side, y) for x, y in shape]
    pen.blob(shape, ramp(FUR, 0.3), shadow=0.16)
    with pen.inside(smooth(shape)):
        tip = [
            (170, -150),
            (136, -160),
            (122, -140),
            (112, -158),
            (100, -150),
            (96, -240),
            (170, -240),
        ]
        pen.poly([(x * side, y) for x, y in tip], BELLY)
        belly = [(60, -30), (104, -62), (132, -120), (170, -110), (130, -10)]
        pen.blob([(x * side, y) for x, y in belly], shade(FUR, -0.25), opacity=0.5, blur=5)


def _boot(pen: Pen, x: float, colour: tuple[int, int, int], toe: float = 0) -> None:
    pen.blob(
        [(x - 12, -50), (x + 12, -50), (x + 13, -12), (x + 15 + 8 * toe, -2), (x - 14, -2)], colour
    )
    pen.poly(
        [(x - 14, -4), (x + 17 + 7 * toe, -4), (x + 17 + 7 * toe, 0), (x - 14, 0)],
        shade(colour, -0.5),
    )


def _coat(pen: Pen, view: str) -> None:
    if view == "side":
        shape = [(-26, -196), (16, -198), (32, -170), (40, -110), (54, -44), (48, -34), (0, -30)]
        shape += [(-58, -36), (-62, -46), (-44, -110), (-36, -168)]
    else:
        shape = [(-34, -197), (34, -197), (46, -168), (56, -106), (72, -46), (64, -35), (0, -29)]
        shape += [(-64, -35), (-72, -46), (-56, -106), (-46, -168)]
    pen.blob(shape, ramp(COAT, 0.34), shadow=0.2)
    with pen.inside(smooth(shape)):
        dark = shade(COAT, -0.3)
        pen.blob(
            [(-90, -210), (-40, -190), (-36, -100), (-48, -20), (-90, -20)],
            dark,
            opacity=0.55,
            blur=6,
        )
        pen.poly(
            [(-90, -52), (0, -45), (90, -52), (90, -44), (0, -37), (-90, -44)], dark, opacity=0.8
        )
        if view == "front":
            pen.stroke([(2, -190), (4, -110), (2, -28)], 2.6, dark)
            for y in (-154, -122, -90):
                pen.oval(12, y, 4.6, 4.6, shade(BRASS, 0.4))
                pen.oval(12, y + 1, 2, 2, dark)
            pen.poly([(-50, -98), (-22, -96), (-24, -76), (-53, -78)], dark, opacity=0.45)
            pen.poly([(50, -98), (26, -96), (28, -76), (53, -78)], dark, opacity=0.45)
        if view == "back":
            pen.stroke([(0, -130), (0, -28)], 2.4, dark)
            pen.poly([(-50, -136), (50, -136), (52, -124), (-52, -124)], dark, opacity=0.6)
        if view == "side":
            pen.stroke([(30, -180), (38, -110), (52, -30)], 3, shade(COAT, 0.35), opacity=0.7)


def _arm(pen: Pen, start: Point, hand: Point, colour: tuple[int, int, int]) -> None:
    dx, dy = hand[0] - start[0], hand[1] - start[1]
    elbow = (start[0] + dx * 0.5 - dy * 0.12, start[1] + dy * 0.5 + abs(dx) * 0.16)
    pen.oval(hand[0], hand[1], 10, 11, SOCK)
    cuff = (hand[0] - dx * 0.09, hand[1] - dy * 0.09)
    pen.stroke([start, elbow, cuff], (27, 23), colour)
    pen.stroke([(cuff[0] - dx * 0.05, cuff[1] - dy * 0.05), cuff], 25, shade(colour, -0.24))


def _scarf(pen: Pen, view: str) -> None:
    if view == "side":
        pen.blob(
            [(-30, -192), (-52, -150), (-62, -120), (-44, -116), (-34, -146), (-14, -186)],
            ramp(SCARF, 0.3),
        )
    if view == "front":
        pen.blob(
            [(-30, -186), (-36, -150), (-34, -126), (-14, -126), (-12, -152), (-6, -184)],
            ramp(SCARF, 0.3),
        )
    band = [
        (-40, -204),
        (0, -196),
        (38, -206),
        (42, -188),
        (30, -176),
        (0, -170),
        (-32, -176),
        (-44, -188),
    ]
    pen.blob(band, ramp(SCARF, 0.25), shadow=0.2)
    pen.stroke([(-36, -190), (0, -182), (36, -191)], 2.2, shade(SCARF, 0.3), opacity=0.7)


def draw_fox_head(pen: Pen, view: str = "front", face: str = "calm") -> None:
    """The head alone; the frame's origin is where it meets the scarf."""
    if view == "side":
        _head_side(pen, face)
    else:
        _head_front(pen, view, face)


def _ear(pen: Pen, points: list[Point], inner: bool) -> None:
    pen.blob(points, ramp(FUR, 0.2))
    with pen.inside(smooth(points)):
        tip = points[1]
        pen.oval(tip[0], tip[1], 22, 26, SOCK, blur=2)
        if inner:
            middle = (points[0][0] + points[2][0]) / 2
            base = (points[0][1] + points[2][1]) / 2
            pen.blob(
                [(middle - 12, base + 6), (tip[0], tip[1] + 24), (middle + 12, base + 6)],
                shade(SOCK, 0.1),
            )


def _head_front(pen: Pen, view: str, face: str) -> None:
    for side in (-1, 1):
        ear = [(20 * side, -88), (62 * side, -152), (64 * side, -62)]
        _ear(pen, ear, view == "front")
    head = [(0, -95), (34, -92), (56, -68), (68, -42), (90, -20), (58, -12), (30, 2), (0, 8)]
    head += [(-x, y) for x, y in head[-2:0:-1]]
    pen.blob(head, ramp(FUR, 0.22), shadow=0.2)
    if view == "back":
        with pen.inside(smooth(head)):
            pen.blob(
                [(-90, -30), (0, -20), (90, -30), (60, 20), (-60, 20)],
                shade(FUR, -0.3),
                opacity=0.5,
                blur=7,
            )
        return
    with pen.inside(smooth(head)):
        for side in (-1, 1):
            cheek = [(96, -30), (62, -42), (36, -44), (16, -34), (8, -14), (0, 14), (60, 20)]
            pen.blob([(x * side, y) for x, y in cheek], BELLY)
        pen.blob(
            [(0, -96), (10, -60), (9, -26), (-9, -26), (-10, -60)],
            shade(FUR, 0.14),
            opacity=0.8,
            blur=2,
        )
        pen.blob(
            [(-30, 2), (0, 14), (30, 2), (20, 24), (-20, 24)],
            shade(BELLY, -0.25),
            opacity=0.5,
            blur=3,
        )
    pen.blob([(0, -32), (19, -18), (15, 0), (0, 5), (-15, 0), (-19, -18)], shade(BELLY, 0.3))
    pen.blob([(-10, -25), (0, -28), (10, -25), (5, -15), (0, -12), (-5, -15)], INK)
    pen.oval(-3, -23, 2.4, 1.6, (130, 130, 160))
    _mouth(pen, face, 0, -10)
    for side in (-1, 1):
        _eye(pen.at(29 * side, -50, flip=side < 0), face)


def _eye(pen: Pen, face: str) -> None:
    """One eye; its outer corner points to +x."""
    if face in ("happy", "asleep"):
        up = -1 if face == "happy" else 1
        pen.stroke([(-9, 0), (0, 7 * up), (9, 0)], 3.4, INK)
    else:
        tall = {"surprised": 12.5, "tired": 6}.get(face, 10)
        pen.oval(0, 0, 7.4, tall, INK)
        pen.oval(-2.4, -tall * 0.36, 2.6, 3, CREAM)
    brows = {"worried": (-4, 4), "determined": (5, -5), "surprised": (-7, -5), "sad": (-3, 6)}
    if face in brows:
        inner, outer = brows[face]
        pen.stroke(
            [(-10, -19 + inner), (0, -20 + (inner + outer) / 2), (10, -19 + outer)],
            4,
            shade(SOCK, -0.2),
        )


def _mouth(pen: Pen, face: str, x: float, y: float) -> None:
    if face == "surprised":
        pen.oval(x, y + 7, 5, 6.5, (92, 34, 40))
    elif face == "happy":
        pen.blob([(x - 12, y + 1), (x, y + 4), (x + 12, y + 1), (x, y + 14)], (110, 40, 44))
    else:
        droop = {"worried": -4, "sad": -5, "determined": 0}.get(face, 4)
        line = [(x - 11, y + 5 - droop), (x, y + 5), (x + 11, y + 5 - droop)]
        pen.stroke(line, 2.4, shade(SOCK, -0.2))


def _head_side(pen: Pen, face: str) -> None:
    _ear(pen, [(2, -84), (34, -146), (40, -74)], False)
    head = [(-8, -96), (24, -90), (42, -70), (60, -54), (88, -40), (98, -30), (90, -16), (62, -8)]
    head += [(34, 4), (6, 8), (-22, 2), (-46, -2), (-40, -22), (-50, -48), (-38, -80)]
    pen.blob(head, ramp(FUR, 0.22), shadow=0.2)
    with pen.inside(smooth(head)):
        cheek = [
            (100, -26),
            (70, -34),
            (44, -36),
            (18, -44),
            (-10, -40),
            (-30, -18),
            (-60, -4),
            (0, 24),
            (90, 10),
        ]
        pen.blob(cheek, BELLY)
        pen.blob(
            [(-50, 4), (0, 12), (60, 0), (50, 24), (-40, 24)],
            shade(BELLY, -0.25),
            opacity=0.5,
            blur=3,
        )
    _ear(pen, [(-40, -76), (-22, -152), (8, -86)], True)
    pen.blob([(88, -44), (99, -41), (102, -31), (93, -27), (87, -34)], INK)
    mouth = {"worried": 3, "sad": 4, "determined": 0, "surprised": 2}.get(face, -5)
    if face == "surprised":
        pen.oval(70, -12, 6, 5, (92, 34, 40))
    else:
        pen.stroke([(90, -20), (76, -17), (60, -15 + mouth)], 2.4, shade(SOCK, -0.2))
    _eye(pen.at(34, -54), face)
