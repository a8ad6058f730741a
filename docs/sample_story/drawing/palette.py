"""The master palette and the lights of the story."""

from __future__ import annotations

from dataclasses import dataclass

from .shapes import Colour, mix

INK: Colour = (24, 26, 52)
NIGHT: Colour = (29, 36, 76)
INDIGO: Colour = (50, 61, 112)
SLATE: Colour = (92, 116, 150)
TEAL: Colour = (44, 112, 124)
FOAM: Colour = (142, 196, 184)
MIST: Colour = (203, 214, 205)
ROSE: Colour = (214, 130, 120)
PEACH: Colour = (247, 190, 148)
AMBER: Colour = (255, 201, 108)
GOLD: Colour = (224, 165, 66)
RUST: Colour = (203, 94, 52)
CREAM: Colour = (247, 235, 212)
UMBER: Colour = (78, 51, 48)
COPPER: Colour = (192, 112, 70)
BRASS: Colour = (214, 166, 88)
VERDIGRIS: Colour = (104, 160, 146)
HERON: Colour = (124, 146, 172)


@dataclass(frozen=True)
class Mood:
    """The light of a place at one hour.

    `sky` runs downwards; layers run from `haze` (far) to `ink` (near); `tint` and `rim` light the
    figures.
    """

    sky: tuple[Colour, ...]
    haze: Colour
    ink: Colour
    tint: Colour
    rim: Colour
    lamps: float = 1.0
    stars: int = 0
    moon: Colour | None = None

    def depth(self, near: float) -> Colour:
        return mix(self.haze, self.ink, near)


DUSK = Mood(
    sky=((54, 58, 112), (124, 92, 136), (216, 130, 122), (250, 200, 150)),
    haze=(190, 124, 132),
    ink=(44, 36, 72),
    tint=(236, 208, 206),
    rim=(255, 190, 130),
    lamps=0.9,
    stars=26,
)
NIGHT_FALL = Mood(
    sky=((18, 24, 58), (32, 46, 96), (62, 88, 136), (122, 150, 172)),
    haze=(86, 112, 150),
    ink=(18, 22, 50),
    tint=(172, 184, 222),
    rim=(190, 214, 236),
    lamps=1.0,
    stars=150,
    moon=(250, 240, 214),
)
DAWN = Mood(
    sky=((118, 156, 186), (176, 196, 196), (244, 214, 176), (252, 226, 190)),
    haze=(196, 196, 190),
    ink=(70, 84, 110),
    tint=(250, 236, 222),
    rim=(255, 232, 186),
    lamps=0.35,
)
FOG = Mood(
    sky=((132, 152, 166), (164, 182, 186), (190, 204, 200), (206, 214, 204)),
    haze=(182, 198, 196),
    ink=(66, 84, 104),
    tint=(226, 232, 232),
    rim=(240, 244, 236),
    lamps=0.8,
)
DEEP = Mood(
    sky=((12, 30, 52), (18, 58, 82), (34, 98, 112), (84, 152, 146)),
    haze=(56, 122, 130),
    ink=(10, 20, 42),
    tint=(168, 204, 214),
    rim=(154, 226, 210),
    lamps=0.7,
)
EMBER = Mood(
    sky=((34, 28, 58), (86, 54, 70), (156, 92, 74), (226, 150, 84)),
    haze=(150, 92, 82),
    ink=(28, 20, 44),
    tint=(246, 214, 188),
    rim=(255, 206, 120),
    lamps=1.0,
)
