"""Small video files for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np


def write_clip(path, **options):
    """Write a playable file of one second, by default with its index at the end as encoders do;
    its bytes."""
    data = _encoded(**options)
    path.write_bytes(data)
    return data


# The same options make the same clip, and encoding takes a while.
@cache
def _encoded(**options):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        _encode(path, **options)
        return path.read_bytes()


def _encode(
    path,
    *,
    container="mp4",
    codec="libx264",
    pix_fmt="yuv420p",
    faststart=False,
    with_sound=True,
    with_picture=True,
    frames=24,
    level=0.0,
    shade=40,
):
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format=container, options=options) as out:
        if with_picture:
            video = out.add_stream(codec, rate=24)
            video.width, video.height, video.pix_fmt = 64, 36, pix_fmt
        sound = out.add_stream("aac", rate=48_000, layout="stereo") if with_sound else None
        if with_picture:
            for number in range(frames):
                image = np.full((36, 64, 3), shade + number * 4, np.uint8)
                out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            out.mux(video.encode(None))
        if sound:
            # Noise as loud as `level`, which 1 is as loud as it can be.
            noise = np.random.default_rng(7).uniform(-level, level, 2000 * frames)
            samples = np.stack([noise, noise]).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate = 48_000
            out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
