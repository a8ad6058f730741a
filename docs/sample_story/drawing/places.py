"""Environment reference images: four views or hours of one place on one sheet."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from .clockworks import draw_clockworks
from .lamproom import draw_lamp_room
from .marsh import draw_marsh, draw_marsh_front
from .paint import Canvas
from .palette import DAWN, DEEP, DUSK, EMBER, FOG, NIGHT_FALL, Mood
from .quay import draw_quay

Scene = Callable[[Canvas], None]
GUTTER: tuple[int, int, int] = (244, 236, 222)


def _sheet(scenes: tuple[Scene, Scene, Scene, Scene], seed: int) -> Image.Image:
    sheet = Image.new("RGB", (1600, 900), GUTTER)
    for i, scene in enumerate(scenes):
        canvas = Canvas(1280, 720, 1.24)
        scene(canvas)
        view = canvas.finish(seed + i, vignette=0.3, grain=1.3)
        view = view.resize((786, 442), Image.Resampling.LANCZOS)
        sheet.paste(view, (8 + (i % 2) * 798, 5 + (i // 2) * 448))
    return sheet


def _marsh(mood: Mood, seed: int, **kind: float) -> Scene:
    def scene(canvas: Canvas) -> None:
        moon = (kind.get("moon", 800), 150.0)
        draw_marsh(
            canvas,
            mood,
            moon=moon,
            fireflies=int(kind.get("fireflies", 0)),
            mist=kind.get("mist", 0.6),
            seed=seed,
        )
        draw_marsh_front(canvas, mood, seed, kind.get("thick", 1.0))

    return scene


def draw_lantern_quay() -> Image.Image:
    return _sheet(
        (
            lambda canvas: draw_quay(canvas, DUSK),
            lambda canvas: draw_quay(canvas, NIGHT_FALL, moon=(600, 120)),
            lambda canvas: draw_quay(canvas, FOG, pier=False, shift=-150),
            lambda canvas: draw_quay(canvas, DAWN, tide=True, pier=False, shift=60),
        ),
        40,
    )


def draw_lamp_room_views() -> Image.Image:
    return _sheet(
        (
            lambda canvas: draw_lamp_room(canvas, DUSK, lit=False),
            lambda canvas: draw_lamp_room(canvas, NIGHT_FALL, lit=False, lens=800, close=1.16),
            lambda canvas: draw_lamp_room(canvas, NIGHT_FALL, lit=True, dry=False),
            lambda canvas: draw_lamp_room(canvas, DAWN, lit=False, lens=470, close=1.3, dry=False),
        ),
        50,
    )


def draw_glass_marsh() -> Image.Image:
    return _sheet(
        (
            _marsh(NIGHT_FALL, 3),
            _marsh(DUSK, 6, mist=0.8, thick=0.7),
            _marsh(NIGHT_FALL, 9, fireflies=46, moon=300, thick=1.3),
            _marsh(DAWN, 12, mist=1.0),
        ),
        60,
    )


def draw_drowned_clockworks() -> Image.Image:
    return _sheet(
        (
            lambda canvas: draw_clockworks(canvas, DEEP),
            lambda canvas: draw_clockworks(
                canvas, DEEP, wheel=(640, 318, 1.22), shaft=300, ledge=False, seed=5
            ),
            lambda canvas: draw_clockworks(canvas, EMBER, running=True, turn=0.4),
            lambda canvas: draw_clockworks(
                canvas, EMBER, running=True, turn=0.2, wheel=(520, 360, 1.6), shaft=760, ledge=False
            ),
        ),
        70,
    )
