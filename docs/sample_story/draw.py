"""Draws every picture of the sample story into its bundle: `python docs/sample_story/draw.py`.

The pictures are committed; run this after a change to the drawing. The same code and the same
Pillow give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from drawing import places, sheets
from drawing.frames import FRAMES
from PIL import Image

STORY_ID = "the-night-the-tide-forgot"
SAMPLE = Path(__file__).resolve().parents[2] / "storybook" / "sample"
VISUALS = SAMPLE / STORY_ID / "images" / STORY_ID / "visuals"

PICTURES: dict[str, Callable[[], Image.Image]] = {
    "characters/maren/character-model-sheet-1.png": sheets.draw_maren_sheet,
    "characters/captain-ostrel/character-model-sheet-1.png": sheets.draw_ostrel_sheet,
    "characters/tock/character-model-sheet-1.png": sheets.draw_tock_sheet,
    "characters/ambra/character-model-sheet-1.png": sheets.draw_ambra_sheet,
    "environments/lantern-quay/environment-reference-1.jpg": places.draw_lantern_quay,
    "environments/lamp-room/environment-reference-1.jpg": places.draw_lamp_room_views,
    "environments/glass-marsh/environment-reference-1.jpg": places.draw_glass_marsh,
    "environments/drowned-clockworks/environment-reference-1.jpg": places.draw_drowned_clockworks,
    **{f"shots/{path}": draw for path, draw in FRAMES.items()},
}


def draw_pictures(folder: Path = VISUALS) -> int:
    """Draw all pictures below the folder; returns how many bytes they take."""
    total = 0
    for path, draw in PICTURES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        picture = draw()
        if target.suffix == ".png":
            picture.save(target, optimize=True)
        else:
            picture.save(target, quality=88, optimize=True, progressive=True)
        total += target.stat().st_size
    return total


if __name__ == "__main__":
    sys.stdout.write(f"{len(PICTURES)} pictures, {draw_pictures() / 1e6:.1f} MB in {VISUALS}\n")
