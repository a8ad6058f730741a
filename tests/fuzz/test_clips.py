"""Whatever bytes a clip has: a take, or a verdict about the file, and nothing else."""

from __future__ import annotations

import random

import pytest

from tests.support.clips import write_clip
from videogen.common.errors import VideoFileError
from videogen.takes.storage import make_clip

ENTRIES = (b"ac-4", b"hvc1", b"av01", b"mp4a", b"avc1", b"\0\0\0\0", b"dvh1", b"text", b"Opus")
NUMBERS = (0, 1, 2, 7, 8, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


def mutated(data, dice):
    """The clip with one to four changes, most of them in its index."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        index = data.find(b"moov")
        lowest = index if index >= 0 and dice.random() < 0.9 else 0
        at = dice.randrange(lowest, len(data))
        match dice.choice(["byte", "bit", "number", "entry", "cut", "insert", "remove", "text"]):
            case "byte":
                data[at] = dice.randrange(256)
            case "bit":
                data[at] ^= 1 << dice.randrange(8)
            case "number":
                data[at : at + 4] = dice.choice(NUMBERS).to_bytes(4)
            case "entry":
                name = dice.choice((b"avc1", b"mp4a", b"stsd", b"stco", b"stsz", b"esds", b"avcC"))
                data = data.replace(name, dice.choice(ENTRIES), 1)
            case "cut":
                del data[max(at, 64) :]
            case "insert":
                data[at:at] = dice.randbytes(dice.randint(1, 12))
            case "remove":
                del data[at : at + dice.randint(1, 12)]
            case "text":
                data = data.replace(b"Handler", b"\xff\xfe\0\xe9\xc3(x", 1)
    return bytes(data)


def judge(folder, count, seed):
    """Return how many of so many mutated clips were takes and how many were refused. The test fails
    by whatever else is raised."""
    dice = random.Random(seed)
    originals = [
        write_clip(folder / "original.mp4", faststart=faststart, with_sound=with_sound, frames=6)
        for faststart in (True, False)
        for with_sound in (True, False)
    ]
    takes = refused = 0
    for number in range(count):
        data = mutated(dice.choice(originals), dice)
        part = folder / "render-1.part"
        part.write_bytes(data)
        try:
            clip = make_clip(part, is_paid=True)
        except VideoFileError as error:
            refused += 1
            assert error.code and error.sentence
            assert part.read_bytes() == data, f"clip {number} is kept as it came"
        else:
            takes += 1
            facts = clip.facts
            assert 0 < facts.width <= 2**14 and 0 < facts.height <= 2**14
            assert 0 < facts.seconds < 10**13 and 0 <= facts.fps < 10**13
            assert (facts.video_codec + facts.audio_codec).isprintable()
            assert max(len(facts.video_codec), len(facts.audio_codec)) <= 50
            assert clip.poster.stat().st_size
    return takes, refused


def test_odd_clips(tmp_path):
    takes, refused = judge(tmp_path, 250, seed=1)

    assert takes + refused == 250
    assert takes > 25 and refused > 25, "the changes are neither too small nor too large"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_thousands_of_odd_clips(tmp_path, seed):
    takes, refused = judge(tmp_path, 1500, seed=seed)

    print(f"{takes} takes, {refused} refused, 0 anything else")  # noqa: T201
    assert takes + refused == 1500
