"""The key frames: the characters in their places, one composed picture per storyboard shot."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from .clockwork import draw_tock
from .clockworks import draw_clockworks
from .fox import draw_fox, draw_lantern
from .heron import draw_heron
from .lamproom import draw_lamp_room
from .marsh import draw_fireflies, draw_marsh, draw_marsh_front, draw_punt, draw_sea
from .paint import Canvas, Pen
from .palette import AMBER, CREAM, DAWN, DEEP, DUSK, EMBER, INK, NIGHT_FALL, RUST, TEAL, Mood
from .quay import draw_boat, draw_quay, draw_ripples
from .shapes import mix, oval, shade
from .whale import draw_whale, garden_lights

WARM = (255, 214, 150)


def _canvas() -> Canvas:
    return Canvas(1280, 720, 2.0)


def _shadow(canvas: Canvas, x: float, y: float, wide: float) -> None:
    canvas.fill(oval(x, y, wide, wide * 0.14), (8, 10, 28), opacity=0.5, blur=6)


def _pool(canvas: Canvas, spot: tuple[float, float], radius: float) -> None:
    """The light of a lantern in the air around it."""
    canvas.glow(*spot, radius, AMBER, 0.5)
    canvas.glow(*spot, radius * 0.32, (255, 232, 180), 0.75)


def _floor_light(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """The light of a lantern on the ground. Painted before the figures, to spare their feet."""
    canvas.glow(x, y, radius, AMBER, 0.42, squash=0.22)


def _in_water(
    canvas: Canvas,
    mood: Mood,
    line: float,
    draw: Callable[[Pen], None],
    x: float,
    size: float,
    flip: bool = False,
) -> None:
    """Draw something that floats, and its reflection. The frame's origin lies on the water line."""
    with canvas.lit(mood.tint, fade=0.42) as layer:
        draw(Pen(layer, x, line, size, turn=180, flip=not flip))
    draw_ripples(canvas, mood, line + 4, line + 90, 12, 22)
    with canvas.lit(mood.tint, mood.rim, (1, -1)) as layer:
        draw(Pen(layer, x, line, size, flip=flip))


def harbour_at_dusk() -> Image.Image:
    canvas = _canvas()
    draw_quay(canvas, DUSK, pier=False)
    front = Pen(canvas, 1010, 664, 1.9)
    canvas.fill(oval(1010, 668, 240, 22), INK, opacity=0.45, blur=10)
    draw_boat(front, TEAL, DUSK, -13, near=0.84)
    draw_boat(Pen(canvas, 300, 640, 1.35), RUST, DUSK, 14, near=0.8)
    return canvas.finish(1)


def boats_aground() -> Image.Image:
    canvas = _canvas()
    draw_quay(canvas, NIGHT_FALL, pier=False, moon=(560, 120), shift=-220)
    canvas.fill(oval(640, 652, 420, 40), INK, opacity=0.5, blur=14)
    _floor_light(canvas, 860, 676, 330)
    draw_boat(Pen(canvas, 640, 660, 3.2), RUST, NIGHT_FALL, 12, near=0.85)
    with canvas.lit(NIGHT_FALL.tint) as layer:
        draw_lantern(Pen(layer, 872, 520, 1.3, turn=6))
    _pool(canvas, (872, 566), 250)
    return canvas.finish(2)


def dark_lamp() -> Image.Image:
    canvas = _canvas()
    draw_lamp_room(canvas, NIGHT_FALL, lit=False, lens=800, close=1.16)
    _floor_light(canvas, 500, 664, 430)
    _shadow(canvas, 420, 674, 92)
    with canvas.lit((196, 186, 206), WARM, (1, -0.4)) as layer:
        flame = draw_fox(
            Pen(layer, 420, 674, 1.16), "side", "worried", (70, -176), "lit", (10, -96)
        )
    _pool(canvas, flame, 330)
    return canvas.finish(3)


def council_on_the_quay() -> Image.Image:
    canvas = _canvas()
    draw_quay(
        canvas,
        NIGHT_FALL,
        moon=(610, 120),
        boats=((760, 500, RUST, 0.62, 14), (1130, 540, TEAL, 0.9, -14)),
    )
    _floor_light(canvas, 430, 696, 400)
    for x, wide in ((350, 112), (640, 112), (940, 92)):
        _shadow(canvas, x, 702, wide)
    with canvas.lit((206, 204, 226), (226, 220, 220), (0.6, -1)) as layer:
        flame = draw_fox(Pen(layer, 350, 706, 1.22), "side", "determined", (66, -166), "lit")
        draw_heron(Pen(layer, 950, 702, 1.12, flip=True), "side", "stern")
        chest = draw_tock(Pen(layer, 640, 708, 1.24), "front", "worried", hour=9.1)
    _pool(canvas, flame, 270)
    canvas.glow(*chest, 90, AMBER, 0.35)
    return canvas.finish(4)


def _ferry(
    pen: Pen, face: str = "calm", lantern: str = "lit", fox_view: str = "side"
) -> tuple[float, float]:
    """The captain at the stern with the pole, Maren at the bow. Returns where the flame is."""
    pen.stroke([(-40, -400), (-58, 30)], (7, 8), (112, 80, 62), curved=False)
    draw_heron(pen.at(-128, -12, 0.88), "side", face, pole=True)
    flame = draw_fox(pen.at(112, -2, 0.82), fox_view, "calm", (74, -170), lantern, (6, -96))
    return flame


def ferry_between_reeds() -> Image.Image:
    canvas = _canvas()
    draw_marsh(canvas, NIGHT_FALL, moon=(330, 140), mist=0.7)

    def draw(pen: Pen) -> None:
        _ferry(pen)
        draw_punt(pen, NIGHT_FALL)

    _in_water(canvas, NIGHT_FALL, 560, draw, 640, 0.95)
    flame = Pen(canvas, 640, 560, 0.95).at(112, -2, 0.82).spot(74, -134)
    _pool(canvas, flame, 280)
    draw_marsh_front(canvas, NIGHT_FALL)
    return canvas.finish(5)


def light_under_the_water() -> Image.Image:
    canvas = _canvas()
    draw_marsh(canvas, NIGHT_FALL, moon=(980, 120), mist=0.8, seed=9)
    for x, y, radius in ((820, 600, 240), (960, 560, 180), (690, 640, 200)):
        canvas.glow(x, y, radius * 1.15, AMBER, 0.6, squash=0.36)
    for i in range(11):
        x, y = 600 + i * 48, 624 - 46 * (1 - ((i - 4) / 5) ** 2) + (i % 3) * 16
        canvas.glow(x, y, 46, AMBER, 0.8, squash=0.5)
        canvas.fill(oval(x, y, 7, 3), (255, 240, 196), blur=1)

    def draw(pen: Pen) -> None:
        draw_fox(pen.at(92, -8, 0.98, turn=7), "side", "surprised", (86, -140), "lit", (40, -92))
        draw_punt(pen, NIGHT_FALL)

    _in_water(canvas, NIGHT_FALL, 592, draw, 300, 1.18)
    flame = Pen(canvas, 300, 592, 1.18).at(92, -8, 0.98, turn=7).spot(86, -104)
    _pool(canvas, flame, 290)
    draw_fireflies(canvas, 14, 4)
    draw_marsh_front(canvas, NIGHT_FALL, 8, 0.7)
    return canvas.finish(6)


def _whale_afloat(
    canvas: Canvas,
    mood: Mood,
    x: float,
    line: float,
    size: float,
    face: str,
    sunk: float = 96,
    flip: bool = False,
) -> None:
    """Ambra at the surface: what is above the water line, and its reflection below."""
    above = [(0, 0), (canvas.width, 0), (canvas.width, line), (0, line)]
    below = [(0, line), (canvas.width, line), (canvas.width, canvas.height), (0, canvas.height)]
    with canvas.lit(mood.tint, fade=0.5) as layer, layer.clip(below):
        draw_whale(
            Pen(layer, x, line + sunk * size, size, turn=180, flip=not flip), face, fin=False
        )
    draw_ripples(canvas, mood, line + 2, line + 120, 21, 40)
    with canvas.lit(mood.tint, mood.rim, (0.3, -1)) as layer, layer.clip(above):
        draw_whale(Pen(layer, x, line - sunk * size, size, flip=flip), face, fin=False)
    pen = Pen(canvas)
    light = shade(mood.sky[-1], 0.35)
    for i in range(7):
        wide = size * (420 - i * 34)
        pen.stroke(
            [(x - wide, line + i * 5), (x, line + 3 + i * 5), (x + wide * 1.05, line + i * 5)],
            (1, 2),
            light,
            opacity=0.42 - i * 0.05,
        )


def whale_rises() -> Image.Image:
    canvas = _canvas()
    draw_marsh(canvas, NIGHT_FALL, moon=(240, 120), mist=0.6, seed=5)
    _whale_afloat(canvas, NIGHT_FALL, 850, 540, 0.92, "tired", flip=True)
    garden_lights(Pen(canvas, 850, 540 - 88, 0.92, flip=True), canvas, 0.95)
    canvas.glow(800, 540, 460, AMBER, 0.24, squash=0.25)

    def draw(pen: Pen) -> None:
        _ferry(pen, "surprised")
        draw_punt(pen, NIGHT_FALL)

    _in_water(canvas, NIGHT_FALL, 626, draw, 240, 0.62)
    flame = Pen(canvas, 240, 626, 0.62).at(112, -2, 0.82).spot(74, -134)
    _pool(canvas, flame, 170)
    draw_fireflies(canvas, 18, 3)
    draw_marsh_front(canvas, NIGHT_FALL, 14, 0.62)
    return canvas.finish(7)


def down_the_stairs() -> Image.Image:
    canvas = _canvas()
    draw_clockworks(canvas, DEEP, wheel=(860, 290, 0.92))
    _floor_light(canvas, 406, 664, 430)
    for x, wide in ((330, 92), (520, 74)):
        _shadow(canvas, x, 672, wide)
    with canvas.lit((196, 206, 214), WARM, (1, -0.5)) as layer:
        flame = draw_fox(Pen(layer, 330, 674, 1.0), "side", "calm", (76, -210), "lit")
        chest = draw_tock(Pen(layer, 520, 678, 0.96), "side", "worried")
    _pool(canvas, flame, 340)
    canvas.glow(chest[0] + 30, chest[1], 70, AMBER, 0.3)
    return canvas.finish(8)


def the_wheel_stands_still() -> Image.Image:
    canvas = _canvas()
    draw_clockworks(canvas, DEEP, wheel=(640, 318, 1.22), shaft=300, ledge=False, turn=0.16, seed=5)
    weed = Pen(canvas)
    for i in range(9):
        x = 470 + i * 44 + (i % 3) * 9
        y = 470 + abs(4 - i) * -22
        long = 70 + (i * 37) % 60
        weed.stroke(
            [(x, y), (x + 8, y + long * 0.5), (x - 5, y + long)],
            (9, 2),
            mix((62, 120, 100), DEEP.ink, 0.35),
        )
    return canvas.finish(9)


def the_missing_tooth() -> Image.Image:
    canvas = _canvas()
    draw_clockworks(canvas, DEEP, wheel=(1010, 240, 1.5), shaft=200, turn=0.1, seed=7)
    _floor_light(canvas, 480, 690, 420)
    for x, wide in ((390, 130), (690, 124)):
        _shadow(canvas, x, 716, wide)
    with canvas.lit((206, 210, 216), WARM, (0.6, -0.6)) as layer:
        flame = draw_fox(
            Pen(layer, 360, 770, 1.5), "side", "determined", (72, -150), "lit", (20, -110)
        )
        chest = draw_tock(
            Pen(layer, 720, 760, 1.52), "front", "happy", (92, -170), (-96, -128), hour=11.8
        )
    canvas.glow(*Pen(canvas, 720, 760, 1.52).spot(0, -92), 190, AMBER, 0.7)
    _pool(canvas, flame, 300)
    canvas.glow(*chest, 60, CREAM, 0.4)
    return canvas.finish(10)


def the_lantern_given() -> Image.Image:
    canvas = _canvas()
    draw_marsh(canvas, NIGHT_FALL, moon=(180, 110), mist=0.5, seed=12)
    _whale_afloat(canvas, NIGHT_FALL, 1130, 580, 1.28, "happy", flip=True)
    garden_lights(Pen(canvas, 1130, 580 - 123, 1.28, flip=True), canvas, 0.7)

    def draw(pen: Pen) -> None:
        draw_fox(pen.at(96, -6, 0.98), "side", "happy", (92, -190), "lit", (76, -176))
        draw_punt(pen, NIGHT_FALL)

    _in_water(canvas, NIGHT_FALL, 612, draw, 230, 1.0)
    flame = Pen(canvas, 230, 612, 1.0).at(96, -6, 0.98).spot(92, -154)
    _pool(canvas, flame, 300)
    draw_fireflies(canvas, 20, 6)
    draw_marsh_front(canvas, NIGHT_FALL, 21, 0.45)
    return canvas.finish(11)


def out_to_sea() -> Image.Image:
    canvas = _canvas()
    draw_sea(canvas, NIGHT_FALL, horizon=380, moon=(640, 240), size=92)
    _whale_afloat(canvas, NIGHT_FALL, 640, 530, 0.72, "happy", sunk=84)
    garden_lights(Pen(canvas, 640, 530 - 60, 0.72), canvas, 1.0)
    canvas.glow(640, 548, 420, AMBER, 0.34, squash=0.2)
    return canvas.finish(12)


def whale_asleep_at_dawn() -> Image.Image:
    canvas = _canvas()
    draw_marsh(canvas, DAWN, moon=None, mist=1.0, seed=15)
    canvas.glow(420, 350, 420, (255, 226, 160), 0.55)
    _whale_afloat(canvas, DAWN, 640, 560, 1.0, "asleep")
    garden_lights(Pen(canvas, 640, 560 - 96, 1.0), canvas, 0.5)
    canvas.mist(640, 546, 760, 34, (252, 236, 212), 0.6)
    draw_fireflies(canvas, 24, 9, (280, 220, 1010, 520))
    draw_marsh_front(canvas, DAWN, 30, 0.8)
    return canvas.finish(13)


def the_wheel_turns() -> Image.Image:
    canvas = _canvas()
    draw_clockworks(canvas, EMBER, turn=0.42, running=True, wheel=(800, 300, 1.12), shaft=260)
    _shadow(canvas, 400, 684, 110)
    with canvas.lit((250, 226, 204), WARM, (1, -0.6), 0.9) as layer:
        chest = draw_tock(
            Pen(layer, 400, 688, 1.36), "front", "happy", (96, -196), (-96, -196), hour=12.0
        )
    canvas.glow(*chest, 130, AMBER, 0.5)
    canvas.glow(*Pen(canvas, 400, 688, 1.36).spot(5, -236), 90, AMBER, 0.7)
    return canvas.finish(14)


def the_tide_comes_home() -> Image.Image:
    canvas = _canvas()
    draw_quay(canvas, DAWN, tide=True, lit=True, pier=False, seed=4)
    canvas.glow(600, 392, 460, (255, 224, 160), 0.6, squash=0.6)
    draw_boat(Pen(canvas, 980, 640, 1.8), TEAL, DAWN, -2, near=0.7)
    draw_boat(Pen(canvas, 330, 606, 1.25), RUST, DAWN, 2, near=0.66)
    draw_ripples(canvas, DAWN, 600, 720, 31, 36)
    return canvas.finish(15)


def the_lamp_burns() -> Image.Image:
    canvas = _canvas()
    draw_lamp_room(canvas, NIGHT_FALL, lit=True, lens=690, close=1.06, dry=False)
    for x, wide in ((330, 96), (980, 84)):
        _shadow(canvas, x, 684, wide)
    with canvas.lit((238, 216, 196), WARM, (1, -0.5), 0.9) as layer:
        draw_fox(Pen(layer, 330, 686, 1.1), "side", "happy", (52, -120), "dark")
    with canvas.lit((238, 216, 196), WARM, (-1, -0.5), 0.9) as layer:
        draw_tock(Pen(layer, 980, 690, 1.1, flip=True), "side", "happy")
    return canvas.finish(16)


FRAMES: dict[str, Callable[[], Image.Image]] = {
    "the-dry-harbour/shot-1-key-frame-1.jpg": harbour_at_dusk,
    "the-dry-harbour/shot-1-key-frame-2.jpg": boats_aground,
    "the-dry-harbour/shot-2-key-frame-1.jpg": dark_lamp,
    "the-dry-harbour/shot-3-key-frame-1.jpg": council_on_the_quay,
    "into-the-glass-marsh/shot-1-key-frame-1.jpg": ferry_between_reeds,
    "into-the-glass-marsh/shot-2-key-frame-1.jpg": light_under_the_water,
    "into-the-glass-marsh/shot-3-key-frame-1.jpg": whale_rises,
    "under-the-lighthouse/shot-1-key-frame-1.jpg": down_the_stairs,
    "under-the-lighthouse/shot-2-key-frame-1.jpg": the_wheel_stands_still,
    "under-the-lighthouse/shot-3-key-frame-1.jpg": the_missing_tooth,
    "the-lantern-given/shot-1-key-frame-1.jpg": the_lantern_given,
    "the-lantern-given/shot-2-key-frame-1.png": out_to_sea,
    "the-song-in-the-reeds/shot-2-key-frame-1.jpg": whale_asleep_at_dawn,
    "the-tide-wheel/shot-1-key-frame-1.jpg": the_wheel_turns,
    "the-tide-wheel/shot-2-key-frame-1.jpg": the_tide_comes_home,
    "the-tide-wheel/shot-3-key-frame-1.jpg": the_lamp_burns,
}
