from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image

from storybook.models import Picture
from storybook.pictures import PictureStore
from storybook.thumbnails import make_thumbnail, thumbnail_name, thumbnail_url


def stored(image, kind="PNG", **options):
    """The name of the stored picture."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    return PictureStore("my story").store("characters/ada/sheet", file.getvalue(), sha256)


def thumbnail_of(name, media):
    assert make_thumbnail(thumbnail_name(name))
    with Image.open(media / thumbnail_name(name)) as thumbnail:
        thumbnail.load()
    assert thumbnail.format == "JPEG" and thumbnail.mode == "RGB"
    return thumbnail


def test_urls():
    file = "my story/pictures/0123456789abcdef/characters/ada/sheet.png"
    url = "/media/my%20story/thumbnails/0123456789abcdef.jpg"

    assert thumbnail_url(Picture(file=file)) == thumbnail_url(file) == url
    assert thumbnail_url(Picture(problem="Missing.")) == thumbnail_url("") == ""
    assert thumbnail_url(None) == ""
    assert thumbnail_url("other/take-1.jpg") == "/media/other/take-1.jpg"


@pytest.mark.parametrize(
    ("size", "shrunk"),
    [((960, 540), (480, 270)), ((300, 200), (300, 200)), ((100, 4000), (48, 1920))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_sizes(media, size, shrunk, kind):
    assert thumbnail_of(stored(Image.new("RGB", size, "teal"), kind), media).size == shrunk


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png(media, mode):
    assert thumbnail_of(stored(Image.new(mode, (960, 540))), media).size == (480, 270)


def test_print_colours_and_turned_photographs(media):
    assert thumbnail_of(stored(Image.new("CMYK", (960, 540)), "JPEG"), media)
    turned = Image.Exif()
    turned[0x0112] = 6
    name = stored(Image.new("RGB", (960, 540)), "JPEG", exif=turned)
    assert thumbnail_of(name, media).size == (480, 853)


def test_what_is_transparent_gets_a_white_ground(media):
    name = stored(Image.new("RGBA", (960, 540), (255, 0, 0, 0)))

    assert thumbnail_of(name, media).getpixel((5, 5)) == (255, 255, 255)


def test_a_damaged_picture_has_none(media):
    name = stored(Image.effect_noise((960, 540), 90))
    file = media / name
    file.write_bytes(file.read_bytes()[:5000])

    assert not make_thumbnail(thumbnail_name(name))
    assert not (media / "my story/thumbnails").exists()


@pytest.mark.parametrize(
    "name", ["../thumbnails/0123456789abcdef.jpg", "a/thumbnails/x.jpg", "a/pictures/b.png", ""]
)
def test_nothing_else_is_made(media, name):
    assert not make_thumbnail(name)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_turn(media, kind, orientation):
    """One corner is red as it is seen, whatever the file's own order of the pixels is."""
    seen = Image.new("RGB", (480, 240), "white")
    seen.paste("red", (0, 0, 100, 100))
    # Turning it upright undoes what this does.
    undo = {5: 5, 6: 2, 7: 6, 8: 4, 2: 0, 3: 3, 4: 1}
    lying = seen.transpose(undo[orientation]) if orientation in undo else seen
    exif = Image.Exif()
    exif[0x0112] = orientation

    thumbnail = thumbnail_of(stored(lying, kind, exif=exif), media)

    assert thumbnail.size == (480, 240)
    red, green, _ = thumbnail.getpixel((50, 50))
    assert red > 200 and green < 80


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_broken_exif_data_are_no_reason_to_have_none(media, exif):
    assert thumbnail_of(stored(Image.new("RGB", (960, 540)), "JPEG", exif=exif), media)
