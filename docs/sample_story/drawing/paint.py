"""Cut-paper painting on Pillow: a supersampled canvas, its light, and a pen with its own frame.

Points in picture units and colours become a finished picture of its nominal size. Everything is
deterministic.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .shapes import Colour, Paint, Point, Points, Ramp, box, mix, oval, smooth


@cache
def _falloff(power: float) -> Image.Image:
    """White in the middle, black at the rim of the inscribed circle."""
    curve = [round(255 * max(0.0, 1 - level / 181) ** power) for level in range(256)]
    return Image.radial_gradient("L").point(curve)


@cache
def _noise(width: int, height: int, seed: int) -> Image.Image:
    return Image.frombytes("L", (width, height), random.Random(seed).randbytes(width * height))


def _soften(mask: Image.Image, radius: float) -> Image.Image:
    if radius < 5:
        return mask.filter(ImageFilter.GaussianBlur(radius))
    # A wide blur has no detail to lose: a quarter of the size costs a sixteenth of the time.
    small = mask.resize((max(1, mask.width // 4), max(1, mask.height // 4)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(radius / 4)).resize(
        mask.size, Image.Resampling.BILINEAR
    )


class Canvas:
    """A picture in the making, addressed in its nominal size.

    A layer has an alpha channel, and its colours are premultiplied: pasting onto black does that.
    """

    def __init__(self, width: int, height: int, scale: float = 2.0, layer: bool = False) -> None:
        self.width, self.height, self.scale = width, height, scale
        size = (round(width * scale), round(height * scale))
        self.image = Image.new("RGB", size)
        self.alpha = Image.new("L", size) if layer else None
        self._clip: Image.Image | None = None

    def fill(
        self,
        points: Points,
        paint: Paint,
        *,
        holes: Sequence[Points] = (),
        opacity: float = 1.0,
        blur: float = 0.0,
        shadow: float = 0.0,
    ) -> None:
        """Cut a shape out of coloured paper. `shadow` is how dark the shadow is that it throws."""
        scale = self.scale
        if shadow:
            moved = [(x + 3, y + 6) for x, y in points]
            self.fill(moved, (12, 14, 36), opacity=shadow * opacity, blur=9)
        xs, ys = [p[0] * scale for p in points], [p[1] * scale for p in points]
        pad = blur * scale * 2.6 + 1
        left, top = max(0, math.floor(min(xs) - pad)), max(0, math.floor(min(ys) - pad))
        right = min(self.image.width, math.ceil(max(xs) + pad))
        bottom = min(self.image.height, math.ceil(max(ys) + pad))
        if right <= left or bottom <= top:
            return
        area = (left, top, right, bottom)
        mask = Image.new("L", (right - left, bottom - top))
        draw = ImageDraw.Draw(mask)
        draw.polygon([(x - left, y - top) for x, y in zip(xs, ys, strict=True)], fill=255)
        for hole in holes:
            draw.polygon([(x * scale - left, y * scale - top) for x, y in hole], fill=0)
        if blur:
            mask = _soften(mask, blur * scale)
        if opacity < 1:
            mask = mask.point([round(level * opacity) for level in range(256)])
        if self._clip is not None:
            mask = ImageChops.multiply(mask, self._clip.crop(area))
        self._paste(paint, area, mask, (min(xs), min(ys), max(xs), max(ys)))

    def _paste(
        self,
        paint: Paint,
        area: tuple[int, int, int, int],
        mask: Image.Image,
        extent: tuple[float, float, float, float],
    ) -> None:
        if isinstance(paint, Ramp):
            grey = Image.linear_gradient("L")
            grey = grey.transpose(Image.Transpose.TRANSPOSE) if paint.across else grey
            x0, y0, x1, y1 = extent
            fx, fy = 256 / max(x1 - x0, 1), 256 / max(y1 - y0, 1)
            matrix = (fx, 0, (area[0] - x0) * fx, 0, fy, (area[1] - y0) * fy)
            size = (area[2] - area[0], area[3] - area[1])
            grey = grey.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
            bands = [
                grey.point([round(a + (b - a) * level / 255) for level in range(256)])
                for a, b in zip(paint.start, paint.end, strict=True)
            ]
            self.image.paste(Image.merge("RGB", bands), area, mask)
        else:
            self.image.paste(paint, area, mask)
        if self.alpha is not None:
            self.alpha.paste(255, area, mask)

    def wash(self, colours: Sequence[Colour], top: float = 0, bottom: float | None = None) -> None:
        """Fill a band of the canvas with colours that run downwards."""
        bottom = self.height if bottom is None else bottom
        step = (bottom - top) / (len(colours) - 1)
        for i, (a, b) in enumerate(zip(colours, colours[1:], strict=False)):
            y = top + i * step
            self.fill(box(-2, y - 1, self.width + 2, y + step + 1), Ramp(a, b))

    def glow(
        self,
        x: float,
        y: float,
        radius: float,
        colour: Colour,
        strength: float = 1.0,
        *,
        squash: float = 1.0,
        power: float = 2.2,
    ) -> None:
        """Add light around a point."""
        scale = self.scale
        rx, ry = radius * scale, radius * scale * squash
        left, top = round(x * scale - rx), round(y * scale - ry)
        size = (max(2, round(2 * rx)), max(2, round(2 * ry)))
        light = _falloff(power).resize(size, Image.Resampling.BILINEAR)
        area = (
            max(left, 0),
            max(top, 0),
            min(left + size[0], self.image.width),
            min(top + size[1], self.image.height),
        )
        if area[2] <= area[0] or area[3] <= area[1]:
            return
        light = light.crop((area[0] - left, area[1] - top, area[2] - left, area[3] - top))
        bands = [
            light.point([min(255, round(level * c / 255 * strength)) for level in range(256)])
            for c in colour
        ]
        lit = ImageChops.screen(self.image.crop(area), Image.merge("RGB", bands))
        self.image.paste(lit, area)

    def beam(self, points: Points, colour: Colour, strength: float, blur: float = 10) -> None:
        """Add a shaft of light with soft edges."""
        scale = self.scale / 4
        size = (max(1, self.image.width // 4), max(1, self.image.height // 4))
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon([(x * scale, y * scale) for x, y in points], fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(blur * scale))
        mask = mask.resize(self.image.size, Image.Resampling.BILINEAR)
        bands = [mask.point([round(v * c / 255 * strength) for v in range(256)]) for c in colour]
        self.image.paste(ImageChops.screen(self.image, Image.merge("RGB", bands)))

    def mist(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, opacity: float
    ) -> None:
        """A flat bank of haze."""
        scale = self.scale
        size = (round(2 * rx * scale), round(2 * ry * scale))
        mask = _falloff(1.4).resize(size, Image.Resampling.BILINEAR)
        mask = mask.point([round(level * opacity) for level in range(256)])
        self.image.paste(colour, (round((x - rx) * scale), round((y - ry) * scale)), mask)

    def mirror(self, water: float, tint: Colour, strength: float, seed: int = 1) -> None:
        """Reflect what stands above the water line in everything below it."""
        scale = self.scale
        line = round(water * scale)
        depth = min(self.image.height - line, line)
        above = self.image.crop((0, line - depth, self.image.width, line))
        above = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        above = Image.blend(above, Image.new("RGB", above.size, tint), 0.35)
        rng = random.Random(seed)
        phase = rng.random() * 6
        strip = max(1, round(scale))
        for top in range(0, depth, strip):
            far = top / depth
            sway = math.sin(top / scale * 0.3 / (0.5 + far) + phase) * (0.8 + 4 * far) * scale
            row = above.crop((0, top, above.width, min(top + strip, depth)))
            fade = strength * (1 - 0.55 * far)
            mask = Image.new("L", row.size, round(255 * fade))
            for shift in (round(sway), round(sway) - row.width, round(sway) + row.width):
                self.image.paste(row, (shift, line + top), mask)

    @contextmanager
    def clip(self, points: Points) -> Iterator[None]:
        """Whatever is painted inside the block stays inside the shape."""
        before = self._clip
        mask = Image.new("L", self.image.size)
        scaled = [(x * self.scale, y * self.scale) for x, y in points]
        ImageDraw.Draw(mask).polygon(scaled, fill=255)
        self._clip = mask if before is None else ImageChops.multiply(mask, before)
        yield
        self._clip = before

    @contextmanager
    def lit(
        self,
        tint: Colour = (255, 255, 255),
        rim: Colour | None = None,
        side: Point = (1, -1),
        strength: float = 0.62,
        fade: float = 1.0,
    ) -> Iterator[Canvas]:
        """A layer that takes on the light of the scene and gets an edge of light on one side."""
        layer = Canvas(self.width, self.height, self.scale, layer=True)
        yield layer
        area = layer.alpha.getbbox() if layer.alpha else None
        if area is None or layer.alpha is None:
            return
        colour, alpha = layer.image.crop(area), layer.alpha.crop(area)
        colour = ImageChops.multiply(colour, Image.new("RGB", colour.size, tint))
        if rim:
            reach = 3.4 * self.scale
            shifted = Image.new("L", alpha.size)
            shifted.paste(alpha, (round(-side[0] * reach), round(-side[1] * reach)))
            edge = ImageChops.multiply(ImageChops.invert(shifted), alpha)
            edge = ImageChops.multiply(
                edge.filter(ImageFilter.GaussianBlur(1.2 * self.scale)), alpha
            )
            bands = [edge.point([round(v * c / 255 * strength) for v in range(256)]) for c in rim]
            colour = ImageChops.screen(colour, Image.merge("RGB", bands))
        if fade < 1:
            colour = colour.point([round(v * fade) for v in range(256)] * 3)
            alpha = alpha.point([round(v * fade) for v in range(256)])
        below = self.image.crop(area)
        dark = Image.merge("RGB", [ImageChops.invert(alpha)] * 3)
        self.image.paste(ImageChops.add(colour, ImageChops.multiply(below, dark)), area)

    def finish(self, seed: int = 0, vignette: float = 0.45, grain: float = 1.0) -> Image.Image:
        """Downscale, then lay paper grain, dry-brush streaks and a vignette over the picture."""
        size = (self.width, self.height)
        picture = self.image.resize(size, Image.Resampling.LANCZOS)
        tooth = _noise(*size, 7).filter(ImageFilter.GaussianBlur(0.7))
        streaks = _noise(max(2, size[0] // 90), size[1] // 3, 11 + seed)
        streaks = streaks.resize(size, Image.Resampling.BICUBIC)
        clouds = _noise(14, 8, 23 + seed).resize(size, Image.Resampling.BICUBIC)
        paper = Image.new("L", size, 128)
        for layer, amount in ((tooth, 0.085), (streaks, 0.016), (clouds, 0.02)):
            flat = layer.point([round(128 + (v - 128) * amount * 2 * grain) for v in range(256)])
            paper = ImageChops.add(paper, flat, 1, -128)
        picture = ImageChops.overlay(picture, Image.merge("RGB", [paper] * 3))
        if vignette:
            edge = Image.radial_gradient("L").resize(size, Image.Resampling.BILINEAR)
            curve = [
                255 - round(255 * vignette * max(0.0, (v - 88) / 167) ** 1.8) for v in range(256)
            ]
            dark = edge.point(curve)
            warm = Image.merge(
                "RGB", [dark, dark, dark.point([min(255, v + 6) for v in range(256)])]
            )
            picture = ImageChops.multiply(picture, warm)
        return picture


class Pen:
    """Draws in its own frame: moved, scaled, turned and mirrored relative to the canvas."""

    def __init__(
        self,
        canvas: Canvas,
        x: float = 0,
        y: float = 0,
        size: float = 1.0,
        *,
        turn: float = 0,
        flip: bool = False,
    ) -> None:
        cos, sin = math.cos(math.radians(turn)) * size, math.sin(math.radians(turn)) * size
        sign = -1 if flip else 1
        self.canvas = canvas
        self.size = size
        self._frame = (cos * sign, -sin, x, sin * sign, cos, y)

    def at(self, x: float, y: float, size: float = 1.0, turn: float = 0, flip: bool = False) -> Pen:
        """A pen whose frame is placed inside this one."""
        a, b, c, d, e, f = self._frame
        inner = Pen(self.canvas, x, y, size, turn=turn, flip=flip)
        g, h, i, j, k, m = inner._frame
        inner._frame = (
            a * g + b * j,
            a * h + b * k,
            a * i + b * m + c,
            d * g + e * j,
            d * h + e * k,
            d * i + e * m + f,
        )
        inner.size = self.size * size
        return inner

    def spot(self, x: float, y: float) -> Point:
        """Where a point of this frame lies on the canvas."""
        a, b, c, d, e, f = self._frame
        return (a * x + b * y + c, d * x + e * y + f)

    def place(self, points: Points) -> list[Point]:
        return [self.spot(x, y) for x, y in points]

    def poly(self, points: Points, paint: Paint, **kind: float) -> None:
        self.canvas.fill(self.place(points), paint, **self._kind(kind))

    def blob(self, points: Points, paint: Paint, **kind: float) -> None:
        self.poly(smooth(points), paint, **kind)

    def oval(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        paint: Paint,
        turn: float = 0,
        **kind: float,
    ) -> None:
        self.poly(oval(cx, cy, rx, ry, turn), paint, **kind)

    def cut(self, points: Points, holes: Sequence[Points], paint: Paint, **kind: float) -> None:
        """A shape with windows in it."""
        placed = [self.place(hole) for hole in holes]
        self.canvas.fill(self.place(points), paint, holes=placed, **self._kind(kind))

    def stroke(
        self, points: Points, width: float | Point, paint: Paint, curved: bool = True, **kind: float
    ) -> None:
        """A brush stroke with round ends; a pair of widths tapers it."""
        start, end = width if isinstance(width, tuple) else (width, width)
        path = smooth(points, closed=False, steps=7) if curved and len(points) > 2 else list(points)
        left: list[Point] = []
        right: list[Point] = []
        for i, (x, y) in enumerate(path):
            before, after = path[max(i - 1, 0)], path[min(i + 1, len(path) - 1)]
            dx, dy = after[0] - before[0], after[1] - before[1]
            length = math.hypot(dx, dy) or 1
            half = (start + (end - start) * i / max(len(path) - 1, 1)) / 2
            left.append((x - dy / length * half, y + dx / length * half))
            right.append((x + dy / length * half, y - dx / length * half))
        self.poly(left + right[::-1], paint, **kind)
        # Caps only where they show: a hair line is cheaper without them.
        for (x, y), thick in ((path[0], start), (path[-1], end)):
            if thick * self.size > 2:
                self.oval(x, y, thick / 2, thick / 2, _end(paint, x == path[0][0]), **kind)

    @contextmanager
    def inside(self, points: Points) -> Iterator[None]:
        with self.canvas.clip(self.place(points)):
            yield

    def glow(
        self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0
    ) -> None:
        px, py = self.spot(x, y)
        self.canvas.glow(px, py, radius * self.size, colour, strength)

    def _kind(self, kind: dict[str, float]) -> dict[str, float]:
        return {k: v * self.size if k == "blur" else v for k, v in kind.items()}


def _end(paint: Paint, first: bool) -> Paint:
    if isinstance(paint, Ramp):
        return mix(paint.start, paint.end, 0.5) if not first else paint.start
    return paint
