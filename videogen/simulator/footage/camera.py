"""What the camera shows in each frame: a window that moves over a picture of frame size."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from videogen.simulator.footage.planes import HEIGHT, WIDTH

Box = tuple[float, float, float, float]

# How far into the picture a push goes, and how close a pan or tilt is. No window is larger than the
# frame: scaling up is cheaper than scaling down, and this little does not show.
DEEPEST = 1.16
NEAR = 1.12


@dataclass(frozen=True)
class Camera:
    """A camera with the `move` and `is_forward` of a `PromptContent`.

    `lean`, -1 to 1, differs by take.
    """

    move: str
    is_forward: bool
    lean: float

    def box(self, progress: float) -> Box:
        """Return the window at a moment from 0 to 1 of the shot, in pixels of the picture."""
        eased = 0.55 * progress + 0.45 * (0.5 - cos(pi * progress) / 2)
        along = eased if self.is_forward else 1 - eased
        off = 0.5 + 0.18 * self.lean
        if self.move == "push":
            return _window(1 + (DEEPEST - 1) * eased, off, 0.46)
        if self.move == "pull":
            return _window(DEEPEST - (DEEPEST - 1) * eased, off, 0.46)
        if self.move == "pan":
            return _window(NEAR, along, 0.5)
        if self.move == "tilt":
            return _window(NEAR, off, 1 - along)
        # A camera that stands still breathes a little, or the clip would look like a photo.
        return _window(1.04 + 0.02 * eased, off, 0.5)


def _window(zoom: float, across: float, down: float) -> Box:
    """Return a window of 1/zoom of the picture. `across` and `down` place it; 0 is left or top."""
    width, height = WIDTH / zoom, HEIGHT / zoom
    left = (WIDTH - width) * across
    top = (HEIGHT - height) * down
    return left, top, left + width, top + height
