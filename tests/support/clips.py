"""Small video files for tests."""

from __future__ import annotations

from fractions import Fraction
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


def with_unknown_sound(data, entry=b"ac-4"):
    """The clip with a track of sound for which FFmpeg has no decoder."""
    assert data.count(b"mp4a") == data.count(b"esds") == 1
    # FFmpeg finds AAC by this box as well.
    return data.replace(b"mp4a", entry).replace(b"esds", b"dac4")


def with_odd_name(data):
    """The clip with a byte in its metadata that is not UTF-8."""
    assert b"VideoHandler" in data
    return data.replace(b"VideoHandler", b"Vid\xe9oHandler")


def with_unknown_pictures(data):
    return data.replace(b"avc1", b"qqqq")


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
    turn=0,
    shape=None,
    band=False,
    level=0.0,
    shade=40,
    late=0,
    size=(64, 36),
    rate=24,
    layout="stereo",
    times=(),
):
    """times: when each frame is shown, in milliseconds; by default they come evenly."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format=container, options=options) as out:
        if with_picture:
            video = out.add_stream(codec, rate=rate)
            (video.width, video.height), video.pix_fmt = size, pix_fmt
            if turn:
                video.set_display_rotation(turn)
            if shape:
                video.codec_context.sample_aspect_ratio = shape
            if times:
                video.codec_context.time_base = Fraction(1, 1000)
        sound = out.add_stream("aac", rate=48_000, layout=layout) if with_sound else None
        if with_picture:
            for number in range(frames):
                image = np.full((size[1], size[0], 3), (shade + number * 4) % 256, np.uint8)
                if band:
                    image[:9] = 250
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                if late:  # So many frames after the sound begins.
                    picture.pts, picture.time_base = late + number, Fraction(1, 24)
                if times:
                    picture.pts, picture.time_base = times[number], Fraction(1, 1000)
                out.mux(video.encode(picture))
            out.mux(video.encode(None))
        if sound:
            # Noise as loud as `level`, which 1 is as loud as it can be.
            count = times[-1] * 48 if times else round(48_000 * frames / rate)
            noise = np.random.default_rng(7).uniform(-level, level, count)
            samples = np.stack([noise] * sound.channels).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate = 48_000
            out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
