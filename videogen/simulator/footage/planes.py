"""Pictures as a video encoder takes them: three planes, of which the two of colour have half size.

Working in planes instead of RGB halves the work for a frame and saves a conversion of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 1920, 1080

# RGB to YUV after ITU-R BT.709, limited range, as the 12-tuple that Pillow's `convert` takes.
_TO_YUV = (
    0.1826, 0.6142, 0.0620, 16.0,
    -0.1006, -0.3386, 0.4392, 128.0,
    0.4392, -0.3989, -0.0403, 128.0,
)  # fmt: skip


@dataclass(frozen=True)
class Planes:
    """Three `L` images: luma in full size, both chromas in half size."""

    luma: Image.Image
    blue: Image.Image
    red: Image.Image

    @classmethod
    def of(cls, image: Image.Image) -> Planes:
        """Convert an RGB image whose sides are even."""
        luma, blue, red = image.convert("RGB", _TO_YUV).split()
        return cls(luma, blue.reduce(2), red.reduce(2))

    def window(self, box: tuple[float, float, float, float], canvas: Canvas) -> None:
        """Draw a part of the picture over the whole canvas. The box may have fractional pixels."""
        half = (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        size, small = (WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2)
        canvas.luma[:] = np.asarray(self.luma.resize(size, Image.Resampling.BILINEAR, box=box))
        canvas.blue[:] = np.asarray(self.blue.resize(small, Image.Resampling.BILINEAR, box=half))
        canvas.red[:] = np.asarray(self.red.resize(small, Image.Resampling.BILINEAR, box=half))


class Canvas:
    """One frame. The encoder takes `whole`; the planes are views into it."""

    def __init__(self) -> None:
        self.whole = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
        self.luma = self.whole[:HEIGHT]
        self.blue = self.whole[HEIGHT : HEIGHT * 5 // 4].reshape(HEIGHT // 2, WIDTH // 2)
        self.red = self.whole[HEIGHT * 5 // 4 :].reshape(HEIGHT // 2, WIDTH // 2)

    @property
    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.luma, self.blue, self.red


class Layer:
    """An RGBA picture made ready to be laid over frames again and again."""

    def __init__(self, image: Image.Image) -> None:
        """Prepare an image whose sides are even."""
        alpha = image.getchannel("A")
        planes = Planes.of(image.convert("RGB"))
        self.size = image.size
        self._keep: list[np.ndarray] = []
        self._add: list[np.ndarray] = []
        for plane, mask in (
            (planes.luma, alpha),
            (planes.blue, alpha.reduce(2)),
            (planes.red, alpha.reduce(2)),
        ):
            weight = np.asarray(mask).astype(np.uint16)
            # 255 becomes 256, so that an opaque pixel is replaced completely.
            weight += weight >> 7
            self._keep.append(256 - weight)
            self._add.append(np.asarray(plane).astype(np.uint16) * weight + 128)

    def lay(self, canvas: Canvas, left: int, top: int) -> None:
        """Blend it in at an even position. What lies outside of the canvas is cut."""
        for index, plane in enumerate(canvas.planes):
            scale = 1 if index == 0 else 2
            x, y = left // scale, top // scale
            rows, columns = self._keep[index].shape
            first_row, first_column = max(0, -y), max(0, -x)
            last_row = min(rows, plane.shape[0] - y)
            last_column = min(columns, plane.shape[1] - x)
            if first_row >= last_row or first_column >= last_column:
                return
            part = (slice(first_row, last_row), slice(first_column, last_column))
            target = plane[y + first_row : y + last_row, x + first_column : x + last_column]
            mixed = target * self._keep[index][part]
            mixed += self._add[index][part]
            mixed >>= 8
            target[:] = mixed
