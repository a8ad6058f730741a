"""Clips that are not painted: tiny ones for tests and benches, wrong ones for faults."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from videogen.simulator.footage.reel import FPS, FRAMES, SAMPLE_RATE, SAMPLES, Reel

QUICK_SIZE = (320, 180)


def write_quick_clip(*, seed: str, path: Path) -> None:
    """Write a playable 320 × 180 clip of 8 s in well under a millisecond.

    All quick clips show the same picture. A `free` box at the end, which players skip, holds the
    seed, so that no two files are equal.
    """
    path.write_bytes(make_quick_clip() + free_box(seed.encode()))


def pad_clip(path: Path, megabytes: int) -> None:
    """Grow the mp4 to that many megabytes (10⁶ bytes) by a `free` box, which is sparse on disk."""
    size = path.stat().st_size
    missing = megabytes * 1_000_000 - size
    if missing < 16:
        return
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        # Size 1 announces a 64-bit size after the type.
        file.write(struct.pack(">I4sQ", 1, b"free", missing))
        file.truncate(size + missing)


def free_box(payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), b"free") + payload


def wrong_content(kind: str) -> bytes:
    """Return the body of a `wrong_…` download fault."""
    return {
        "wrong_jpeg": _jpeg,
        "wrong_audio_only": _audio_only,
        "wrong_no_frames": _no_frames,
        "wrong_too_short": _too_short,
    }[kind]()


@lru_cache(maxsize=1)
def make_quick_clip() -> bytes:
    """Return the video that all quick clips have. The first call takes half a second."""
    return _encode(frames=FRAMES, samples=SAMPLES)


@lru_cache(maxsize=1)
def _too_short() -> bytes:
    return _encode(frames=FPS, samples=SAMPLE_RATE)


@lru_cache(maxsize=1)
def _audio_only() -> bytes:
    return _encode(frames=0, samples=SAMPLES, has_video=False)


@lru_cache(maxsize=1)
def _no_frames() -> bytes:
    return _encode(frames=0, samples=0)


@lru_cache(maxsize=1)
def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), (40, 90, 110)).save(buffer, "JPEG")
    return buffer.getvalue()


def _encode(*, frames: int, samples: int, has_video: bool = True) -> bytes:
    """Return an mp4 of a bar that moves over a plain ground, with a quiet tone."""
    width, height = QUICK_SIZE
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "clip.mp4"
        reel = Reel(path, QUICK_SIZE, crf=30, has_video=has_video)
        # A dark teal ground: the planes of yuv420p under each other.
        canvas = np.full((height * 3 // 2, width), 70, np.uint8)
        canvas[height : height * 5 // 4] = 140
        canvas[height * 5 // 4 :] = 110
        for index in range(frames):
            canvas[:height] = 70
            left = index * (width - 24) // FRAMES
            canvas[60:120, left : left + 24] = 190
            reel.add_frame(canvas)
        if samples:
            tone = 0.05 * np.sin(2 * np.pi * 220 * np.arange(samples) / SAMPLE_RATE)
            reel.add_sound(np.stack([tone, tone]))
        reel.close()
        return path.read_bytes()
