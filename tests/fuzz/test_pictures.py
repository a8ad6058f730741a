"""Whatever a picture holds: it can be used, or it is refused with a sentence; nothing else happens,
neither when it is looked at nor when its thumbnail is made."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from PIL import Image

from storybook.errors import PictureProblem
from storybook.pictures import PictureStore, inspect_picture
from storybook.thumbnails import make_thumbnail, thumbnail_name

MUTATED = 5_000
QUICK = 300


def originals():
    """Small pictures of every kind that comes in, most of them with EXIF data."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif[0x011A] = 72.0
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    exif[0x8769] = {0x9003: "2026:01:01 00:00:00", 0x927C: b"note" * 5}
    frames = [Image.effect_noise((24, 16), 60).convert("RGB") for _ in range(3)]
    noise = frames[0]
    wanted = [
        (noise, "JPEG", {"exif": exif}),
        (noise, "JPEG", {"exif": exif, "progressive": True, "comment": b"hello"}),
        (noise.convert("CMYK"), "JPEG", {"exif": exif}),
        (noise, "MPO", {"save_all": True, "append_images": frames[1:], "exif": exif}),
        (noise, "PNG", {"exif": exif, "dpi": (72, 72)}),
        (noise.convert("P"), "PNG", {"exif": exif, "transparency": 0}),
        (noise.convert("RGBA"), "PNG", {"exif": exif}),
        (noise.convert("LA"), "PNG", {}),
        (noise.convert("I;16"), "PNG", {"exif": exif}),
        (noise, "PNG", {"save_all": True, "append_images": frames[1:], "exif": exif}),
    ]
    for image, kind, options in wanted:
        file = io.BytesIO()
        image.save(file, kind, **options)
        yield file.getvalue()


def mutated(data, chance):
    """The picture with a few bytes changed, most of them where its metadata are."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        end = len(data) if chance.random() < 0.3 else min(len(data), 400)
        place = chance.randrange(end)
        match chance.randrange(6):
            case 0 | 1:
                data[place] = chance.randrange(256)
            case 2:
                data[place] ^= 1 << chance.randrange(8)
            case 3:
                data[place : place + 4] = chance.choice(
                    (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff")
                )
            case 4:
                del data[place : place + chance.randrange(1, 9)]
            case 5:
                piece = data[place : place + chance.randrange(1, 40)]
                data[place:place] = piece
    return bytes(data)


@pytest.mark.parametrize("number", [QUICK, pytest.param(MUTATED, marks=pytest.mark.slow)])
def test_no_picture_does_more_than_being_used_or_refused(settings, tmp_path, number):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    chance = random.Random(number)  # noqa: S311 (always the same pictures)
    kinds = list(originals())
    store = PictureStore("fuzz")
    counts = Counter()
    for round_ in range(number):
        data = mutated(kinds[round_ % len(kinds)], chance)
        counts["inputs"] += 1
        try:
            facts = inspect_picture(data)
        except PictureProblem as problem:
            counts["refused"] += 1
            assert str(problem).endswith((".", "again.")) and len(str(problem)) < 500
            # Somebody may have stored it before there was this check.
            name = store.store("x.png", data, f"{round_:064d}")
        else:
            counts["used"] += 1
            assert facts.width > 0 and facts.height > 0
            name = store.store("x.png", data, facts.sha256)
        counts["thumbnails"] += make_thumbnail(thumbnail_name(name))

    assert counts["inputs"] == number
    assert counts["refused"] > number // 10 and counts["used"] > number // 10, counts
    # What can be used has a thumbnail.
    assert counts["thumbnails"] >= counts["used"], counts
