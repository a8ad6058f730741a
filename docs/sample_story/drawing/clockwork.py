"""Tock, the clockwork almanac: copper barrel, clock-face chest, winding key."""

from __future__ import annotations

import math

from .paint import Pen
from .palette import AMBER, BRASS, COPPER, CREAM, INK, VERDIGRIS
from .shapes import Point, Ramp, box, mix, oval, ramp, shade

SHELL, TRIM, PATINA, GLASS = COPPER, BRASS, VERDIGRIS, AMBER
PALETTE = (SHELL, shade(COPPER, -0.4), TRIM, PATINA, GLASS, CREAM)


def draw_key(pen: Pen, turn: float = 0) -> None:
    """A butterfly key seen flat, its shaft pointing down to the frame's origin."""
    key = pen.at(0, 0, turn=turn)
    key.stroke([(0, 0), (0, -18)], 8, shade(TRIM, -0.25))
    for side in (-1, 1):
        key.cut(
            oval(17 * side, -32, 19, 15, 24 * side),
            [oval(18 * side, -32, 9, 7, 24 * side)],
            ramp(TRIM, 0.3),
        )
    key.oval(0, -26, 7, 8, shade(TRIM, -0.1))


def draw_tock(
    pen: Pen,
    view: str = "front",
    face: str = "calm",
    hand: Point | None = None,
    other: Point | None = None,
    hour: float = 10.2,
) -> Point:
    """Tock on his feet at the frame's origin, 225 tall.

    Returns where the middle of his chest is on the canvas.
    """
    side = view == "side"
    hand = hand or ((78, -62) if not side else (22, -58))
    other = other or ((-78, -62) if not side else (34, -62))
    if side:
        draw_key(pen.at(-46, -96, turn=-90), 0)
        _arm(pen, (10, -122), other, shade(SHELL, -0.35))
    for x in (-24, 24) if not side else (14, -14):
        pen.stroke([(x, -48), (x, -12)], 14, shade(TRIM, -0.4))
        for y in (-40, -30, -20):
            pen.stroke([(x - 7, y), (x + 7, y)], 2, shade(TRIM, -0.1))
        toe = 8 if side else 0
        pen.blob(
            [
                (x - 18, -2),
                (x - 14, -16),
                (x + 4 + toe, -18),
                (x + 20 + toe, -8),
                (x + 20 + toe, -1),
            ],
            ramp(SHELL, 0.4),
        )
    if not side:
        _arm(pen, (-52, -124), other, SHELL)
        _arm(pen, (52, -124), hand, shade(SHELL, -0.12))
    _body(pen, view, hour)
    if side:
        _arm(pen, (-2, -124), hand, shade(SHELL, 0.1))
    draw_tock_head(pen.at(0, -148), view, face)
    return pen.spot(0, -92)


def _arm(pen: Pen, start: Point, hand: Point, colour: tuple[int, int, int]) -> None:
    dx, dy = hand[0] - start[0], hand[1] - start[1]
    elbow = (start[0] + dx * 0.5 - dy * 0.1, start[1] + dy * 0.5 + abs(dx) * 0.2)
    pen.stroke([start, elbow], 12, colour)
    pen.stroke([elbow, hand], 10, shade(colour, -0.1))
    pen.oval(elbow[0], elbow[1], 8, 8, ramp(TRIM))
    pen.oval(start[0], start[1], 11, 11, ramp(TRIM))
    angle = math.atan2(hand[1] - elbow[1], hand[0] - elbow[0])
    for spread in (-0.6, 0, 0.6):
        end = (hand[0] + 14 * math.cos(angle + spread), hand[1] + 14 * math.sin(angle + spread))
        pen.stroke([hand, end], (8, 5), TRIM)
    pen.oval(hand[0], hand[1], 8, 8, shade(TRIM, -0.25))


def _body(pen: Pen, view: str, hour: float) -> None:
    wide = 46 if view == "side" else 56
    shape = [(-wide * 0.8, -150), (wide * 0.8, -150), (wide, -130), (wide + 4, -96), (wide, -60)]
    shape += [
        (wide * 0.78, -42),
        (-wide * 0.78, -42),
        (-wide, -60),
        (-wide - 4, -96),
        (-wide, -130),
    ]
    from_left = Ramp(shade(SHELL, 0.22), shade(SHELL, -0.42), across=True)
    pen.blob(shape, from_left, shadow=0.22)
    with pen.inside(shape):
        pen.blob(
            [(-70, -60), (-30, -66), (-24, -44), (-40, -30), (-70, -34)],
            PATINA,
            opacity=0.55,
            blur=3,
        )
        pen.blob([(30, -150), (56, -142), (60, -120), (44, -128)], PATINA, opacity=0.5, blur=3)
    for y in (-138, -56):
        pen.stroke(
            [(-wide - 1, y), (0, y + 5), (wide + 1, y)],
            7,
            Ramp(TRIM, shade(TRIM, -0.4), across=True),
        )
        for i in range(-3, 4):
            pen.oval(i * wide / 3.5, y + 5 - abs(i) * 0.8, 1.9, 1.9, shade(TRIM, 0.5))
    if view == "front":
        _dial(pen.at(0, -96), hour)
    elif view == "back":
        pen.oval(0, -96, 22, 22, shade(SHELL, -0.4))
        draw_key(pen.at(0, -88), 14)
    else:
        pen.poly(box(34, -122, 52, -70, 8), ramp(TRIM, 0.3))
        for y in (-84, -96, -108):
            pen.stroke([(-28, y), (6, y)], 4, shade(SHELL, -0.45))


def _dial(pen: Pen, hour: float) -> None:
    pen.oval(0, 0, 36, 36, ramp(TRIM, 0.4))
    pen.oval(0, 0, 30, 30, Ramp(shade(CREAM, 0.2), mix(CREAM, AMBER, 0.5)))
    for i in range(12):
        angle = math.tau * i / 12
        inner = 21 if i % 3 == 0 else 24
        start = (inner * math.sin(angle), -inner * math.cos(angle))
        pen.stroke([start, (27 * math.sin(angle), -27 * math.cos(angle))], 2.6, shade(SHELL, -0.5))
    for turn, length, width in ((hour / 12, 15, 4), (hour % 1, 22, 2.8)):
        angle = math.tau * turn
        pen.stroke([(0, 0), (length * math.sin(angle), -length * math.cos(angle))], width, INK)
    pen.oval(0, 0, 4, 4, shade(SHELL, -0.2))


def draw_tock_head(pen: Pen, view: str = "front", face: str = "calm") -> None:
    """The head alone, standing on the frame's origin."""
    pen.poly(box(-22, -10, 22, 6, 3), shade(TRIM, -0.35))
    pen.stroke([(0, -60), (4, -84)], 4, shade(TRIM, -0.2))
    pen.oval(5, -88, 7, 7, ramp(GLASS))
    dome = [(-46, -8), (-46, -30), (-36, -54), (0, -68), (36, -54), (46, -30), (46, -8), (0, -4)]
    pen.blob(dome, Ramp(shade(SHELL, 0.26), shade(SHELL, -0.4), across=True), shadow=0.2)
    pen.stroke([(-47, -10), (0, -5), (47, -10)], 8, Ramp(TRIM, shade(TRIM, -0.4), across=True))
    pen.stroke([(-30, -48), (-14, -58)], 5, shade(SHELL, 0.6), opacity=0.7)
    if view == "back":
        pen.poly(box(-18, -44, 18, -26, 5), shade(SHELL, -0.35))
        for y in (-40, -35, -30):
            pen.stroke([(-13, y), (13, y)], 1.8, shade(SHELL, 0.1))
        return
    spots = (-19, 19) if view == "front" else (26,)
    for x in spots:
        _lens(pen.at(x, -32, flip=x < 0 or view == "side"), face)
    if view == "front":
        _grille(pen, face)
    else:
        pen.oval(-14, -28, 9, 9, ramp(TRIM))


def _lens(pen: Pen, face: str) -> None:
    """One eye; its outer edge points to +x."""
    radius = 17 if face == "surprised" else 15
    pen.oval(0, 0, radius, radius, shade(TRIM, -0.2))
    pen.oval(0, 0, radius - 4, radius - 4, INK)
    pen.oval(0, 0, radius - 5.5, radius - 5.5, Ramp(mix(GLASS, CREAM, 0.6), GLASS))
    pen.oval(
        0,
        1,
        4.4 if face != "surprised" else 3.4,
        4.4 if face != "surprised" else 3.4,
        shade(SHELL, -0.6),
    )
    pen.oval(-3.5, -4, 2.6, 2.6, (255, 255, 246))
    lid = shade(SHELL, -0.1)
    if face == "happy":
        with pen.inside(oval(0, 0, radius - 3, radius - 3)):
            pen.oval(0, 14, 17, 12, lid)
    if face == "worried":
        with pen.inside(oval(0, 0, radius - 3, radius - 3)):
            pen.poly([(-20, -20), (20, -20), (20, -1), (-20, -10)], lid)
    if face in ("tired", "asleep"):
        with pen.inside(oval(0, 0, radius - 3, radius - 3)):
            pen.poly(
                [
                    (-20, -20),
                    (20, -20),
                    (20, 2 if face == "tired" else 12),
                    (-20, 2 if face == "tired" else 12),
                ],
                lid,
            )
    if face == "determined":
        with pen.inside(oval(0, 0, radius - 3, radius - 3)):
            pen.poly([(-20, -20), (20, -20), (20, -9), (-20, -1)], lid)


def _grille(pen: Pen, face: str) -> None:
    curve = {"happy": 5, "worried": -4, "surprised": 0}.get(face, 2)
    if face == "surprised":
        pen.oval(0, -14, 5, 4, INK)
        return
    pen.stroke([(-9, -15), (0, -15 + curve), (9, -15)], 3, INK)
