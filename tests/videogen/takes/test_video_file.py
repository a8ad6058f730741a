from __future__ import annotations

from fractions import Fraction

import pytest
from PIL import Image

from tests.support.clips import (
    with_odd_name,
    with_unknown_pictures,
    with_unknown_sound,
    write_clip,
)
from videogen.common.errors import VideoFileError
from videogen.takes.boxes import codec_names
from videogen.takes.video_file import inspect_video, make_faststart


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clip.mp4"


def failure(path):
    with pytest.raises(VideoFileError) as caught:
        inspect_video(path)
    return caught.value


def brightest_side(poster):
    """Where the picture's bright bar lies."""
    with Image.open(poster) as picture:
        grey = picture.convert("L")
    width, height = grey.size
    sides = {
        "top": (width // 2, height // 10),
        "bottom": (width // 2, height - height // 10),
        "left": (width // 10, height // 2),
        "right": (width - width // 10, height // 2),
    }
    return max(sides, key=lambda side: grey.getpixel(sides[side]))


# FFmpeg's turns are counterclockwise; so the top of the picture comes to lie there.
@pytest.mark.parametrize(
    ("turn", "size", "side"),
    [
        (0, (64, 36), "top"),
        (90, (36, 64), "left"),
        (-90, (36, 64), "right"),
        (180, (64, 36), "bottom"),
    ],
)
@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_turned_video_is_described_as_it_is_displayed(
    path, tmp_path, turn, size, side, is_rewritten
):
    write_clip(path, turn=turn, band=True)
    if is_rewritten:
        make_faststart(path, tmp_path / "fast.mp4")
        path = tmp_path / "fast.mp4"

    facts = inspect_video(path, poster=tmp_path / "poster.jpg")

    assert (facts.width, facts.height) == size
    assert brightest_side(tmp_path / "poster.jpg") == side
    with Image.open(tmp_path / "poster.jpg") as poster:
        assert poster.size == size


def test_pixels_that_are_not_square_are_stretched(path, tmp_path):
    write_clip(path, shape=Fraction(2, 1))

    facts = inspect_video(path, poster=tmp_path / "poster.jpg")

    assert (facts.width, facts.height) == (128, 36)
    with Image.open(tmp_path / "poster.jpg") as poster:
        assert poster.size == (128, 36)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1280, 720), (960, 540)), ((640, 360), (640, 360)), ((1080, 1920), (960, 1706))],
    ids=str,
)
def test_a_poster_is_not_larger_than_the_video(path, tmp_path, size, expected):
    write_clip(path, size=size)

    inspect_video(path, poster=tmp_path / "poster.jpg")

    with Image.open(tmp_path / "poster.jpg") as poster:
        assert poster.size == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"pix_fmt": "yuv420p10le"}, "h264, 10 bits, 4:2:0"),
        ({"pix_fmt": "yuv444p"}, "h264, 8 bits, 4:4:4"),
        ({"pix_fmt": "yuv422p"}, "h264, 8 bits, 4:2:2"),
        ({"codec": "mpeg4"}, "mpeg4"),
    ],
    ids=str,
)
def test_only_eight_bits_of_420_are_played_everywhere(path, options, words):
    write_clip(path, **options)

    assert inspect_video(path).uncommon_format == words


def test_a_track_without_a_decoder_has_the_name_that_the_file_gives_it(path):
    path.write_bytes(with_unknown_sound(write_clip(path)))

    facts = inspect_video(path)

    assert facts.audio_codec == "ac-4"
    assert facts.unknown_codecs == ("ac-4",)
    assert facts.has_audio


@pytest.mark.parametrize("entry", [b"\xff\xfe\x1b[", b"    ", b"a\nb\0"])
def test_the_name_of_a_codec_is_text(path, entry):
    path.write_bytes(with_unknown_sound(write_clip(path), entry))

    facts = inspect_video(path)

    assert facts.audio_codec == f"0x{entry.hex()}"


def test_metadata_that_is_not_utf8_breaks_nothing(path, tmp_path):
    path.write_bytes(with_odd_name(write_clip(path)))

    make_faststart(path, tmp_path / "fast.mp4")
    facts = inspect_video(path, poster=tmp_path / "poster.jpg")

    assert facts.audio_codec == inspect_video(tmp_path / "fast.mp4").audio_codec
    assert (tmp_path / "poster.jpg").stat().st_size


def test_pictures_that_nothing_can_decode_are_named(path):
    path.write_bytes(with_unknown_pictures(write_clip(path)))

    error = failure(path)

    assert (error.code, error.sentence) == (
        "no_decoder",
        "Nothing here can decode its picture (qqqq).",
    )
    assert codec_names(path, b"vide") == ["qqqq"]


# FFmpeg finds the kind of a file by its content, and a description of streams makes it connect.
def test_a_description_of_streams_is_not_followed(path):
    boxes = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov"
    sdp = b"\nv=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    path.write_bytes(boxes + (8 + len(sdp)).to_bytes(4) + b"free" + sdp)

    assert failure(path).code in ("unreadable", "no_video_stream")


@pytest.mark.parametrize("size", [(65_535, 65_535), (65_535, 2)])
def test_pictures_that_would_fill_the_memory_are_not_decoded(path, size):
    data = bytearray(write_clip(path, codec="mpeg4"))
    # Width and height of the sample entry.
    at = data.index(b"mp4v") + 4 + 24
    data[at : at + 4] = size[0].to_bytes(2) + size[1].to_bytes(2)
    path.write_bytes(data)

    try:
        facts = inspect_video(path)
    except VideoFileError as error:
        assert error.code in ("too_many_pixels", "unreadable", "no_frame")
    else:
        assert facts.width * facts.height < 10_000, "the stream itself says how large it is"
