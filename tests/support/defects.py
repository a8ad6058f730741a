"""Clips as they should be, of many sorts, and clips with one planted defect each, for the technical
check. The same number makes the same clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from videogen.models import FindingKind as Kind
from videogen.takes.technical_check import Asked

SIZE = (640, 360)
RATE, SECONDS = 24, 4
FRAMES = RATE * SECONDS
SAMPLE_RATE = 48_000


@dataclass
class Clip:
    path: Path
    asked: Asked
    # Where the defect was planted, in seconds; None if it is of the whole clip.
    at: float | None = None
    # For a duplicate: the take that it is nearly the same as.
    other: Path | None = None


@dataclass
class _Take:
    """A clip before it is written."""

    frames: list[np.ndarray]
    sound: np.ndarray | None
    rate: int = RATE
    crf: int = 23
    asked: dict = field(default_factory=dict)

    def write(self, path: Path) -> Asked:
        size = self.frames[0].shape[1], self.frames[0].shape[0]
        with av.open(str(path), "w", format="mp4") as out:
            video = out.add_stream("libx264", rate=self.rate)
            (video.width, video.height), video.pix_fmt = size, "yuv420p"
            video.options = {"preset": "ultrafast", "crf": str(self.crf), "threads": "1"}
            sound = None
            if self.sound is not None:
                sound = out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
                sound.bit_rate = 128_000
            planes = np.full((size[1] * 3 // 2, size[0]), 120, np.uint8)
            planes[size[1] * 5 // 4 :] = 134
            for number, luma in enumerate(self.frames):
                planes[: size[1]] = luma
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.pts = number
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if sound is not None:
                samples = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(self.sound, np.float32), format="fltp", layout="stereo"
                )
                samples.sample_rate = SAMPLE_RATE
                out.mux(sound.encode(samples))
                out.mux(sound.encode(None))
        usual = {"size": SIZE, "shape": "16:9", "fps": 24.0, "seconds": SECONDS, "sound": True}
        return Asked(**{**usual, **self.asked})


# -- pictures and sounds ---------------------------------------------------------------------------


def _texture(rng, size, light, contrast):
    """A plain, fields, and fine detail, as a place has them."""
    wide, high = size
    layers = np.zeros((high, wide), np.float32)
    for cells, weight in ((4, 1.0), (14, 0.6), (60, 0.25)):
        small = rng.uniform(-1, 1, (cells, cells * 2)).astype(np.float32)
        layers += weight * np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    return light + contrast * layers


# What the camera and the light do in a clip as it should be.
MOVES = ("pan", "still", "zoom", "night", "flash", "fade", "whip", "lamp", "shake", "busy")


def scene(rng, move, *, frames=FRAMES, size=SIZE, ground=None):
    wide, high = size
    light = 34 if move == "night" else rng.uniform(80, 150)
    contrast = 14 if move == "night" else rng.uniform(30, 55)
    if ground is None:
        ground = _texture(rng, (wide * 3, high * 2), light, contrast)
    grain = [rng.normal(0, 1.5, (high, wide)).astype(np.float32) for _ in range(4)]
    speed = {"pan": rng.uniform(1, 4), "busy": rng.uniform(4, 8)}.get(move, 0.0)
    radius, phase = int(rng.integers(14, 34)), rng.uniform(0, 6)
    made = []
    for number in range(frames):
        x = high // 4 + speed * number
        y = high // 4
        if move == "whip" and number >= 40:
            x += min(number - 40, 10) * 55
        if move == "shake":
            x += 6 * np.sin(number * 1.1)
            y += 5 * np.sin(number * 1.7)
        x, y = int(x) % (2 * wide), int(y)
        picture = ground[y : y + high, x : x + wide]
        if move == "zoom":
            less = int(number * 0.6)
            box = ground[y + less : y + high - less, x + less * 16 // 9 : x + wide - less * 16 // 9]
            picture = np.asarray(Image.fromarray(box).resize(size, Image.Resampling.BILINEAR))
        picture = picture + grain[number % 4]
        # Somebody who moves.
        for person in range(3 if move == "busy" else 1):
            turn = number / (9 + 3 * person) + phase
            cx = int(wide * (0.5 + 0.3 * np.sin(turn + person)))
            cy = int(high * (0.55 + 0.12 * np.sin(1.7 * turn)))
            tone = 235 if move == "night" else 30 + 60 * person
            picture[
                max(0, cy - 2 * radius) : cy + 2 * radius, max(0, cx - radius) : cx + radius
            ] = tone
        if move == "flash" and number % 37 in (20, 21):
            picture = picture + 90
        if move == "fade":
            picture = 16 + (picture - 16) * min(1.0, number / 16)
        if move == "lamp" and number >= 50:
            picture = picture * 1.35
        made.append(np.clip(picture, 16, 235).astype(np.uint8))
    return made


def speech(rng, level=0.12, seconds=SECONDS):
    """Syllables over a room, with pauses; level: of the syllables."""
    count = int(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    room = rng.normal(0, level * 0.02, (2, count))
    tone = sum(np.sin(2 * np.pi * rng.uniform(110, 240) * k * time) / k for k in (1, 2, 3))
    beat = np.clip(np.sin(2 * np.pi * rng.uniform(2.5, 4) * time + rng.uniform(0, 6)), 0, 1) ** 0.6
    pause = (time % 3.0) < rng.uniform(1.8, 2.6)
    return room + level * tone * beat * pause


def _sound_of(rng, number):
    if number % 10 == 3:
        # Music near its limit.
        music = np.tanh(speech(rng, 0.25) * 1.5)
        return 0.9 * music / np.abs(music).max() * 0.7
    return speech(rng, rng.uniform(0.04, 0.25))


def clean(number: int) -> _Take:
    rng = np.random.default_rng(1000 + number)
    move = MOVES[number % len(MOVES)]
    take = _Take(scene(rng, move), _sound_of(rng, number), crf=int(rng.integers(18, 30)))
    if number % 25 == 24:
        # A shot without lines and sounds.
        take.sound = None if number % 2 else np.zeros_like(take.sound)
        take.asked = {"sound": False}
    return take


def write_clean(folder: Path, number: int) -> Clip:
    path = folder / f"clean-{number}.mp4"
    return Clip(path, clean(number).write(path))


def write_second_take(folder: Path, number: int) -> Clip:
    """Another take of a clean clip's shot: the same place, and somebody moves otherwise."""
    rng, other = np.random.default_rng(1000 + number), np.random.default_rng(5000 + number)
    move = MOVES[number % len(MOVES)]
    light = 34 if move == "night" else rng.uniform(80, 150)
    contrast = 14 if move == "night" else rng.uniform(30, 55)
    ground = _texture(rng, (SIZE[0] * 3, SIZE[1] * 2), light, contrast)
    path = folder / f"second-{number}.mp4"
    return Clip(path, _Take(scene(other, move, ground=ground), speech(other)).write(path))


# -- defects ---------------------------------------------------------------------------------------


def write_defect(folder: Path, kind: Kind, number: int) -> Clip:  # noqa: C901 - a branch a kind
    rng = np.random.default_rng(list(kind.value.encode()) + [number])
    move = MOVES[number % len(MOVES)]
    path = folder / f"{kind.value}-{number}.mp4"
    make = partial(_Take, crf=int(rng.integers(18, 28)))
    at = None
    other = None
    if kind in (Kind.SIZE, Kind.SHAPE):
        sizes = [(320, 180), (480, 270), (848, 478), (960, 540)]
        if kind == Kind.SHAPE:
            sizes = [(360, 640), (480, 360), (480, 480), (640, 272)]
        take = make(scene(rng, move, size=sizes[number % 4]), speech(rng))
    elif kind == Kind.FRAME_RATE:
        rate = (25, 30, 12, 50)[number % 4]
        frames = scene(rng, move, frames=rate * SECONDS)
        take = make(frames, speech(rng), rate=rate)
    elif kind == Kind.LENGTH:
        length = (1.5, 3.25, 5, 6)[number % 4]
        take = make(scene(rng, move, frames=round(RATE * length)), speech(rng, seconds=length))
    else:
        take = make(scene(rng, move), speech(rng))
        first = int(rng.integers(6, 40))
        at = first / RATE
        if kind == Kind.BLACK:
            for each in range(first, first + int(rng.integers(16, 50))):
                take.frames[each] = rng.integers(16, 19, take.frames[0].shape, np.uint8)
        elif kind == Kind.FROZEN:
            for each in range(first, first + int(rng.integers(28, 56))):
                take.frames[each] = take.frames[first]
        elif kind == Kind.HARD_CUT:
            take.frames[first:] = scene(np.random.default_rng(9000 + number), "pan")[first:]
        elif kind == Kind.SILENT:
            start = int(at * SAMPLE_RATE)
            if number % 4 == 0:
                take.sound, at = None, None
            elif number % 4 == 1:
                take.sound, at = take.sound * 0, None
            elif number % 4 == 2:
                take.sound[:, start : start + int(2.2 * SAMPLE_RATE)] = 0
            else:
                take.sound, at = rng.normal(0, 2e-4, take.sound.shape), None
        elif kind == Kind.CLIPPED:
            part = slice(int(at * SAMPLE_RATE), int((at + rng.uniform(0.6, 2)) * SAMPLE_RATE))
            loud = speech(rng, 0.3)[:, part] * rng.uniform(5, 12)
            tone = np.sin(np.arange(loud.shape[1]) * 0.03) * rng.uniform(1.3, 3)
            take.sound[:, part] = np.clip(loud + tone, -1, 1)
        elif kind == Kind.LOUDNESS:
            at = None
            if number % 2:
                take.sound = take.sound / np.abs(take.sound).max() * rng.uniform(0.004, 0.012)
            else:
                take.sound = 0.9 * np.tanh(take.sound * 40 + rng.normal(0, 0.8, take.sound.shape))
        elif kind == Kind.NEAR_DUPLICATE:
            other, at = folder / f"{kind.value}-{number}-other.mp4", None
            take.write(other)
            shift = int(rng.integers(0, 2))
            take.frames = [np.clip(each, 16, 234) + np.uint8(shift) for each in take.frames]
            take.sound, take.crf = speech(rng), 30
        elif kind == Kind.UNREADABLE:
            at = None
    asked = take.write(path)
    if kind == Kind.UNREADABLE:
        _spoil(path, rng, number)
    return Clip(path, asked, at, other)


def _spoil(path: Path, rng, number: int) -> None:
    data = bytearray(path.read_bytes())
    if number % 5 == 0:
        data = data[: len(data) * 2 // 3]
    elif number % 5 == 1:
        data = bytearray(b"<html>Sign in</html>" * 40)
    elif number % 5 == 2:
        data = bytearray()
    elif number % 5 == 3:
        place = data.index(b"avcC")
        data[place - 4 : place + 40] = bytes(44)
    else:
        # The index is whole, and the pictures are noise from the middle on.
        start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
        middle = (start + end) // 2
        data[middle:end] = rng.integers(0, 256, end - middle, np.uint8).tobytes()
    path.write_bytes(data)
