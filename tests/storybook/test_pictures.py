from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib

import pytest
from PIL import Image

from storybook import pictures
from storybook.errors import PictureProblem
from storybook.picture_flaws import flaw_sentences
from storybook.picture_paths import normalise_path, path_refusal
from storybook.pictures import PictureStore, inspect_picture
from tests.support.bundles import files_below, picture

PATH = "my-story/visuals/characters/ada/sheet.png"


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"/{PATH}",
        f"//{PATH}",
        f"./{PATH}",
        f"generated/{PATH}",
        f"/generated/./{PATH}",
        f"apps/story-tree-ui/public/generated/{PATH}",
        f"/apps/story-tree-ui/public/generated/{PATH}",
        "\\apps\\story-tree-ui\\public\\generated\\" + PATH.replace("/", "\\"),
    ],
)
def test_the_exporters_prefixes_are_stripped(path):
    assert normalise_path(path) == PATH
    assert path_refusal(PATH) == ""


@pytest.mark.parametrize(
    "path",
    [
        "regenerated/x.png",
        "apps/other/public/generated/x.png",
        "夜/シート 1.png",
        "a%20b%2Fc.png",
        "e\u0301/one\u2028two.png",
    ],
)
def test_other_paths_stay_as_they_are(path):
    assert normalise_path(path) == path
    assert path_refusal(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "./",
        "../x.png",
        "a/../../x.png",
        "a/../x.png",
        "generated/../x.png",
        "a\\..\\..\\x.png",
        "C:\\x.png",
        "/c:/x.png",
        "a\0b.png",
        "x" * 1001,
        "x/" * 5000 + "x",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_and_can_be_kept(path):
    normalised = normalise_path(path)

    assert path_refusal(normalised)
    assert normalise_path(normalised) == normalised
    assert len(normalised) <= 1000
    assert "\0" not in normalised


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (picture(), "image/png"),
        (picture(mode="RGBA", color=(1, 2, 3, 4)), "image/png"),
        (picture(kind="JPEG"), "image/jpeg"),
        (picture(kind="JPEG", mode="CMYK", color=(1, 2, 3, 4)), "image/jpeg"),
    ],
)
def test_facts_of_a_picture(data, mime_type):
    facts = inspect_picture(data)

    assert (facts.mime_type, facts.width, facts.height) == (mime_type, 16, 9)
    assert facts.byte_size == len(data)
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def with_a_flipped_bit(data):
    middle = data.index(b"IDAT") + 8
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "is empty"),
        (b"<svg/>", "neither PNG nor JPEG"),
        (picture(kind="GIF"), "a GIF file"),
        (picture(kind="WEBP"), "a WebP file"),
        (picture(kind="BMP"), "a BMP file"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (with_a_flipped_bit(picture()), "damaged"),
        (png_of_size(100_000, 100_000), "100000 × 100000 pixels"),
        (png_of_size(2**31 - 1, 2**31 - 1), "pixels"),
        (png_of_size(0, 9), "damaged"),
    ],
)
def test_what_cannot_be_a_reference(data, complaint):
    with pytest.raises(PictureProblem, match=complaint):
        inspect_picture(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_cut_short_anywhere_is_damaged(kind):
    data = picture(kind=kind)

    for length in range(8, len(data)):
        with pytest.raises(PictureProblem):
            inspect_picture(data[:length])


def test_a_picture_with_too_many_bytes(settings, tmp_path):
    data = picture()
    settings.STORY_PICTURE_MAX_BYTES = len(data) - 1
    (tmp_path / "big.png").write_bytes(data)

    for source in (data, tmp_path / "big.png"):
        with pytest.raises(PictureProblem, match="smaller"):
            inspect_picture(source)


def test_a_picture_at_the_limits(settings):
    data = picture()
    settings.STORY_PICTURE_MAX_BYTES = len(data)
    settings.STORY_PICTURE_MAX_PIXELS = 16 * 9

    assert inspect_picture(data).width == 16


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")

    with pytest.raises(PictureProblem, match="not a file"):
        inspect_picture(tmp_path / "pipe.png")


def test_a_stored_picture_keeps_path_and_content(media):
    data = picture()
    sha256 = hashlib.sha256(data).hexdigest()

    name = PictureStore("my story").store(PATH, data, sha256)

    assert name == f"my story/pictures/{sha256[:16]}/{PATH}"
    assert (media / name).read_bytes() == data
    assert files_below(media) == [name]


def test_storing_again_writes_nothing(media):
    name = PictureStore("s").store("a.png", b"data", "0" * 64)
    before = (media / name).stat()

    assert PictureStore("s").store("a.png", b"data", "0" * 64) == name
    assert (media / name).stat().st_ino == before.st_ino


def test_a_damaged_stored_file_is_mended(media):
    name = PictureStore("s").store("a.png", b"data", "0" * 64)
    (media / name).write_bytes(b"da")

    PictureStore("s").store("a.png", b"data", "0" * 64)

    assert (media / name).read_bytes() == b"data"


@pytest.mark.parametrize(
    "path", ["é" * 1000, "a/" * 499 + "x", "?/" * 499 + "x", "one\u2028two/🦊/con.png", ".x/..."]
)
def test_odd_paths_can_be_stored(media, path):
    name = PictureStore("../../s").store(path, b"data", "0" * 64)

    assert (media / name).resolve().is_relative_to(media)
    assert len(name) <= 2000


def test_discarding_takes_back_only_what_was_written(media):
    kept = PictureStore("s").store("a/b.png", b"old", "0" * 64)
    store = PictureStore("s")
    store.store("a/b.png", b"old", "0" * 64)
    store.store("a/b.png", b"new", "1" * 64)
    store.store("a/c.png", b"new", "0" * 64)

    store.discard()

    assert files_below(media) == [kept]
    assert not (media / "s" / "pictures" / ("1" * 16)).exists()


# -- what can be used, and is odd ------------------------------------------------------------------


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned_by(orientation, kind="JPEG"):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.new("RGB", (640, 360), "teal"), kind, exif=exif)


def flaws_of(data):
    return {flaw["code"]: flaw["params"] for flaw in inspect_picture(data).flaws}


@pytest.mark.parametrize("size", [(640, 360), (50, 4000), (96, 54)])
@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "LA"), ("JPEG", "L")])
def test_a_picture_as_it_should_be_has_no_flaws(size, kind, mode):
    color = (90, 200) if mode == "LA" else "gray"

    assert flaws_of(saved(Image.new(mode, size, color), kind)) == {}


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_a_turned_picture_has_the_size_that_is_seen(kind, orientation):
    facts = inspect_picture(turned_by(orientation, kind))

    assert (facts.width, facts.height) == ((640, 360) if orientation < 5 else (360, 640))
    assert [flaw["code"] for flaw in facts.flaws] == ["turned"]


@pytest.mark.parametrize("orientation", [0, 1, 9, 60_000])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_orientation_that_says_nothing_turns_nothing(kind, orientation):
    assert flaws_of(turned_by(orientation, kind)) == {}


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_broken_exif_data_are_no_reason_to_refuse_a_picture(exif):
    data = saved(Image.new("RGB", (640, 360)), "JPEG", exif=exif)

    assert flaws_of(data) == {}


@pytest.mark.parametrize(
    ("size", "is_tiny"), [((49, 600), True), ((16, 9), True), ((50, 50), False)]
)
def test_tiny_pictures(size, is_tiny):
    flaws = flaws_of(saved(Image.new("RGB", size)))

    assert (flaws.get("tiny") == {"width": size[0], "height": size[1], "least": 50}) is is_tiny


def test_other_oddities():
    frames = [Image.new("RGB", (640, 360), color) for color in ("red", "green", "blue")]
    first, *others = frames

    animated = saved(first, save_all=True, append_images=others)
    several = saved(first, "MPO", save_all=True, append_images=others)
    for_print = saved(Image.new("CMYK", (640, 360)), "JPEG")

    assert flaws_of(animated) == {"animated": {"frames": 3}}
    assert flaws_of(several) == {"several_pictures": {}}
    assert flaws_of(for_print) == {"cmyk": {}}


def test_every_flaw_has_a_sentence():
    data = turned_by(6)
    flaws = [*inspect_picture(data).flaws, *inspect_picture(picture()).flaws]

    assert flaw_sentences([*flaws, {"code": "of the future", "params": {}}]) == [
        "The picture is stored turned by 90° and only its EXIF data say so, which the model may "
        "not read. Save it upright.",
        "The picture is tiny: 16 × 9 pixels show hardly anything. Export it larger, with at least "
        "50 pixels on its shorter side.",
    ]


def transparent(mode):
    image = Image.new("RGBA", (640, 360), (90, 90, 90, 0))
    return image.convert(mode)


def transparent_palette():
    return saved(Image.new("P", (640, 360)), transparency=0)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (saved(Image.new("RGB", (1, 1))), "1 × 1 pixels"),
        (saved(Image.new("RGB", (1, 1)), "JPEG"), "1 × 1 pixels"),
        (saved(Image.new("RGB", (2000, 2))), "2000 × 2 pixels"),
        (saved(transparent("RGBA")), "wholly transparent"),
        (saved(transparent("LA")), "wholly transparent"),
        (transparent_palette(), "wholly transparent"),
        (saved(Image.new("RGB", (640, 360), (1, 2, 3)), transparency=(1, 2, 3)), "transparent"),
    ],
)
def test_a_picture_in_which_nothing_can_be_seen(data, complaint):
    with pytest.raises(PictureProblem, match=complaint):
        inspect_picture(data)


def test_a_picture_of_which_something_can_be_seen():
    image = transparent("RGBA")
    image.putpixel((5, 5), (1, 2, 3, 1))

    assert flaws_of(saved(image)) == {}


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded():
    data = saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    many = data[:scan] + data[scan:-2] * 200 + data[-2:]

    with pytest.raises(PictureProblem, match="scans"):
        inspect_picture(many)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_decoding_ends_when_its_time_is_up(kind, monkeypatch):
    monkeypatch.setattr(pictures, "_decode_seconds", -1.0)

    with pytest.raises(PictureProblem, match="takes longer than"):
        inspect_picture(saved(Image.new("RGB", (640, 360)), kind))


# -- a picture within the document -----------------------------------------------------------------


def test_a_picture_within_the_document_is_not_kept_whole():
    given = "data:image/png;base64," + "iVBORw0KGgo" * 1000

    path = normalise_path(given)

    assert len(path) < 60 and path.startswith("data:image/png,…")
    assert normalise_path(path) == path != normalise_path(given + "x")
    assert "inside the document" in path_refusal(path)


@pytest.mark.parametrize("path", ["https://a.example/x.png", "HTTP://x.png", "s3://bucket/x.png"])
def test_an_address_is_refused(path):
    assert "an address on the web is not loaded: save the picture" in path_refusal(
        normalise_path(path)
    )
