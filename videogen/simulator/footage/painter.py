"""Paints the clip of an operation: a board animatic of what the request asked for.

The camera of the prompt moves over the last reference, characters slide in as cards, the slate
shows the shot and its lines, and one tone for each syllable stands for a voice. A glance shows of
which prompt and which references a clip was made, and it never looks like a real render.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from videogen.simulator.footage.camera import Camera
from videogen.simulator.footage.clips import write_quick_clip
from videogen.simulator.footage.planes import HEIGHT, WIDTH, Canvas
from videogen.simulator.footage.reel import FPS, FRAMES, Reel
from videogen.simulator.footage.scenery import Scenery, build_scenery
from videogen.simulator.footage.slate import Slate
from videogen.simulator.footage.sound import compose
from videogen.simulator.footage.storyboard import read_prompt

CRF = 25
# Times in seconds of the clip.
CARDS_IN, CARDS_OUT, SLIDE, STAGGER = 0.4, 4.0, 0.9, 0.2


def paint_clip(
    *, prompt: str, references: list[bytes], seed: str, path: Path, quick: bool = False
) -> None:
    """Write an 8 s mp4 (1920 × 1080, 24 fps, H.264 and AAC) to `path`.

    `references` are encoded images in the request's order. The same seed paints the same clip.
    `quick` writes a tiny clip that shows nothing of the request; see `clips`.
    """
    if quick:
        write_quick_clip(seed=seed, path=path)
        return
    board = read_prompt(prompt, seed)
    scenery = build_scenery(board, references, seed)
    chance = hashlib.sha256(seed.encode()).digest()
    camera = Camera(board.move, board.is_forward, lean=chance[0] / 127.5 - 1)
    slate = Slate(board)
    canvas = Canvas()
    reel = Reel(path, (WIDTH, HEIGHT), crf=CRF, comment=seed)
    for frame in range(FRAMES):
        scenery.backdrop.window(camera.box(frame / (FRAMES - 1)), canvas)
        _lay_cards(scenery, frame / FPS, canvas)
        slate.lay(canvas, frame)
        reel.add_frame(canvas.whole)
    reel.add_sound(compose(board, seed))
    reel.close()


def _lay_cards(scenery: Scenery, now: float, canvas: Canvas) -> None:
    """Draw the cards: they come in from the right one by one, and leave to show the shot itself."""
    for index, card in enumerate(scenery.cards):
        delay = STAGGER * index
        shown = _ramp(now, CARDS_IN + delay, CARDS_IN + delay + SLIDE)
        if not scenery.cards_stay:
            shown -= _ramp(now, CARDS_OUT + delay, CARDS_OUT + delay + SLIDE)
        if shown > 0:
            offset = int((WIDTH - card.left) * (1 - shown)) // 2 * 2
            card.layer.lay(canvas, card.left + offset, card.top)


def _ramp(now: float, start: float, end: float) -> float:
    """Return 0 before `start`, 1 after `end`, and a smooth curve in between."""
    share = min(1.0, max(0.0, (now - start) / (end - start)))
    return share * share * (3 - 2 * share)
