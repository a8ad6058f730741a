"""What is in front of the camera: a shot's backdrop, and cards with its characters."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from videogen.simulator.footage.planes import HEIGHT, WIDTH, Layer, Planes
from videogen.simulator.footage.storyboard import PromptContent

BACKDROP = (WIDTH, HEIGHT)
CARD_BORDER, CARD_MARGIN = 10, 36
CARDS_TOP, SLATE_TOP = 84, 830
TILTS = (-2.2, 1.8, -1.2)
DUSK = ((30, 40, 78), (84, 78, 132), (196, 122, 120), (246, 190, 130))


@dataclass(frozen=True)
class Card:
    """A print, and the even position where it stops."""

    layer: Layer
    left: int
    top: int


@dataclass(frozen=True)
class Scenery:
    """A backdrop and cards. A key frame shows the characters itself, so cards leave it early."""

    backdrop: Planes
    cards: tuple[Card, ...]
    cards_stay: bool


def build_scenery(board: PromptContent, references: list[bytes], seed: str) -> Scenery:
    """Choose the backdrop and the cards.

    The references come as model sheets, environments, key frames. The last one makes the best
    backdrop, unless it is a model sheet. The others are shown as cards.
    """
    pictures = [picture for content in references if (picture := _open(content)) is not None]
    sheets = board.characters
    if not sheets and len(pictures) > 1 and pictures[0].width <= pictures[0].height:
        sheets = 1
    wide = pictures[sheets:]
    if wide:
        chance = hashlib.sha256(seed.encode()).digest()[1]
        backdrop = _cover(_one_panel(pictures.pop(), chance))
        cards = _stack(pictures[:3])
    else:
        # A sheet is no scene: the story's colours are a quieter ground for it.
        backdrop, cards = _sky(board, seed), _row(pictures[:3])
    has_key_frame = len(wide) > board.environments or not board.characters
    return Scenery(Planes.of(backdrop), cards, cards_stay=not has_key_frame or not wide)


def _stack(pictures: list[Image.Image]) -> tuple[Card, ...]:
    """Place the cards under each other at the right edge, above the slate."""
    cards: list[Card] = []
    top = CARDS_TOP
    for index, picture in enumerate(pictures):
        room = (SLATE_TOP - CARDS_TOP) // len(pictures) - 2 * CARD_BORDER - 20
        layer = _card(picture, (400, min(330, room)), TILTS[index])
        left = (WIDTH - 52 - layer.size[0] + CARD_MARGIN) // 2 * 2
        cards.append(Card(layer, left, top // 2 * 2))
        top += layer.size[1] - 2 * CARD_MARGIN + 18
    return tuple(cards)


def _row(pictures: list[Image.Image]) -> tuple[Card, ...]:
    """Place the cards side by side in the middle, because there is nothing else to see."""
    width = {1: 1000, 2: 720}.get(len(pictures), 520)
    layers = [_card(picture, (width, 560), TILTS[index]) for index, picture in enumerate(pictures)]
    left = (WIDTH - sum(layer.size[0] - 30 for layer in layers) - 30) // 2
    cards = []
    for layer in layers:
        top = (SLATE_TOP + 60 - layer.size[1]) // 2
        cards.append(Card(layer, left // 2 * 2, top // 2 * 2))
        left += layer.size[0] - 30
    return tuple(cards)


def _open(content: bytes) -> Image.Image | None:
    try:
        return ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    # Validation has decoded it once; a clip without one picture is better than none.
    except Exception:  # noqa: BLE001
        return None


def _cover(picture: Image.Image) -> Image.Image:
    """Fill the backdrop. Heads are above, so high pictures are cut mostly at the bottom."""
    return ImageOps.fit(picture, BACKDROP, Image.Resampling.BICUBIC, centering=(0.5, 0.42))


def _one_panel(picture: Image.Image, chance: int) -> Image.Image:
    """Cut out one panel: environment sheets often show four lights in two by two panels."""
    grey = np.asarray(picture.convert("L"))
    column, row = _gutter(grey.T), _gutter(grey)
    across = (
        (0, picture.width) if column is None else ((0, column), (column, picture.width))[chance % 2]
    )
    down = (
        (0, picture.height) if row is None else ((0, row), (row, picture.height))[chance // 2 % 2]
    )
    if column is None and row is None:
        return picture
    # The border around a panel and what is left of the gutter.
    inset = max(2, picture.width // 80)
    return picture.crop((across[0] + inset, down[0] + inset, across[1] - inset, down[1] - inset))


def _gutter(rows: np.ndarray) -> int | None:
    """Return the row of one colour that divides a sheet near its middle, if there is one."""
    first, last = int(rows.shape[0] * 0.45), int(rows.shape[0] * 0.55)
    deviation = rows[first:last].std(axis=1)
    neighbours = rows[[first, last]].std(axis=1).min() if last > first else 0
    if deviation.size == 0 or deviation.min() > 6 or neighbours < 14:
        return None
    return first + int(deviation.argmin())


def _sky(board: PromptContent, seed: str) -> Image.Image:
    """Paint soft light in the story's colours, for a shot without a scene among its references."""
    colours = np.array((board.palette * 3)[:4] if board.palette else _shifted(board.mood), float)
    # Dark above, bright at the horizon, as an evening sky is.
    colours = colours[np.argsort(colours @ (0.3, 0.6, 0.1))]
    # Paler and darker than the palette: it is a ground, not a subject.
    colours = 0.86 * (0.75 * colours + 0.25 * colours.mean(axis=1, keepdims=True))
    width, height = BACKDROP[0] // 4, BACKDROP[1] // 4
    chance = np.random.default_rng(
        int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    )
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    slope = np.clip(y * 1.15 + (x - 0.5) * chance.uniform(-0.35, 0.35), 0, 1)
    stops = np.linspace(0, 1, len(colours))
    image = np.stack([np.interp(slope, stops, colours[:, band]) for band in range(3)], axis=-1)
    for _ in range(4):
        centre = chance.uniform(0.1, 0.9), chance.uniform(0.25, 0.9)
        reach = chance.uniform(0.12, 0.3)
        distance = ((x - centre[0]) * 1.4) ** 2 + ((y - centre[1]) * 2.2) ** 2
        glow = 0.5 * np.exp(-distance / reach**2)[..., None]
        image = image * (1 - glow) + colours[chance.integers(1, len(colours))] * glow
    soft = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).resize(
        BACKDROP, Image.Resampling.BICUBIC
    )
    # A little grain keeps 8 bits from showing as bands.
    grain = Image.effect_noise(BACKDROP, 4).convert("RGB")
    return ImageChops.add(soft, grain, scale=1, offset=-128)


def _shifted(mood: str) -> tuple[tuple[int, int, int], ...]:
    """Return the default colours, with their channels in an order that depends on the story."""
    order = ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1))[int(mood[:2], 16) % 4]
    return tuple((tone[order[0]], tone[order[1]], tone[order[2]]) for tone in DUSK)


def _card(sheet: Image.Image, largest: tuple[int, int], tilt: float) -> Layer:
    """Return the sheet as a print with a pale border and a soft shadow, turned a little."""
    picture = ImageOps.contain(sheet, largest, Image.Resampling.LANCZOS)
    size = (picture.width + 2 * CARD_BORDER, picture.height + 2 * CARD_BORDER)
    scale = 2
    paper = Image.new("RGBA", (size[0] + 2 * CARD_MARGIN, size[1] + 2 * CARD_MARGIN))
    shape = Image.new("L", (paper.width * scale, paper.height * scale))
    corner, opposite = CARD_MARGIN * scale, tuple((CARD_MARGIN + side) * scale - 1 for side in size)
    ImageDraw.Draw(shape).rounded_rectangle((corner, corner, *opposite), radius=8 * scale, fill=255)
    shape = shape.resize(paper.size, Image.Resampling.BOX)
    paper.paste((246, 242, 234, 255), (0, 0, *paper.size), shape)
    paper.paste(picture, (CARD_MARGIN + CARD_BORDER, CARD_MARGIN + CARD_BORDER))
    paper = paper.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
    shadow = Image.new("RGBA", paper.size, (8, 8, 14, 0))
    shade = paper.getchannel("A").filter(ImageFilter.GaussianBlur(14)).point(lambda a: int(a * 0.5))
    shadow.putalpha(ImageChops.offset(shade, 0, 12))
    shadow.alpha_composite(paper)
    return Layer(shadow.crop((0, 0, shadow.width // 2 * 2, shadow.height // 2 * 2)))
