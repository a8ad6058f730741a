"""Colours and shapes: the arithmetic of the drawing, without a picture in sight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Colour = tuple[int, int, int]
Point = tuple[float, float]
Points = Sequence[Point]


@dataclass(frozen=True)
class Ramp:
    """A fill that runs from one colour to another, downwards or, with `across`, to the right."""

    start: Colour
    end: Colour
    across: bool = False


Paint = Colour | Ramp


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """Mix two colours: `a` at 0, `b` at 1."""
    red, green, blue = (round(x + (y - x) * amount) for x, y in zip(a, b, strict=True))
    return (red, green, blue)


def shade(colour: Colour, amount: float) -> Colour:
    """Darken with a negative amount, lighten with a positive one. Dark colours lean to indigo."""
    return (
        mix(colour, (26, 26, 58), -amount) if amount < 0 else mix(colour, (255, 246, 224), amount)
    )


def ramp(colour: Colour, amount: float = 0.22, across: bool = False) -> Ramp:
    """The gouache look of one colour: lighter where it starts, darker where it ends."""
    return Ramp(shade(colour, amount * 0.45), shade(colour, -amount), across)


def smooth(points: Points, closed: bool = True, steps: int = 9) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    curve: list[Point] = []
    for i in range(count if closed else count - 1):
        if closed:
            p0, p1, p2, p3 = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        else:
            p0, p1 = points[max(i - 1, 0)], points[i]
            p2, p3 = points[i + 1], points[min(i + 2, count - 1)]
        for step in range(steps):
            t = step / steps
            curve.append(
                (_catmull(p0[0], p1[0], p2[0], p3[0], t), _catmull(p0[1], p1[1], p2[1], p3[1], t))
            )
    if not closed:
        curve.append(points[-1])
    return curve


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


def oval(
    cx: float, cy: float, rx: float, ry: float, turn: float = 0, steps: int = 44
) -> list[Point]:
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    points = []
    for i in range(steps):
        angle = math.tau * i / steps
        x, y = rx * math.cos(angle), ry * math.sin(angle)
        points.append((cx + x * cos - y * sin, cy + x * sin + y * cos))
    return points


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0) -> list[Point]:
    """A rectangle with round corners."""
    if radius <= 0:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    points = []
    corners = ((x1 - radius, y0 + radius, -90), (x1 - radius, y1 - radius, 0))
    corners += ((x0 + radius, y1 - radius, 90), (x0 + radius, y0 + radius, 180))
    for cx, cy, start in corners:
        for step in range(7):
            angle = math.radians(start + step * 15)
            points.append((cx + radius * math.cos(angle), cy + radius * math.sin(angle)))
    return points
