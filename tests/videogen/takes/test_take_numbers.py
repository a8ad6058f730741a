from __future__ import annotations

import pytest

from tests.support.factories import make_render, make_shot
from videogen.takes.take_numbers import surprises
from videogen.takes.video_file import VideoFacts

pytestmark = pytest.mark.django_db


def told(width, height, *, kind="generation", **render):
    facts = VideoFacts(
        container="mp4",
        video_codec="h264",
        pixel_format="yuv420p",
        audio_codec="aac",
        width=width,
        height=height,
        seconds=8.0,
        fps=24.0,
        byte_size=1,
        sha256="0" * 64,
    )
    render = make_render(make_shot(), "downloading", download_uri="x", kind=kind, **render)
    return [str(each) for each in surprises(render, facts)]


@pytest.mark.parametrize(
    ("size", "asked", "sentence"),
    [
        ((1920, 1080), ("1080p", "16:9"), None),
        ((1280, 720), ("720p", "16:9"), None),
        ((3840, 2160), ("4k", "16:9"), None),
        ((1080, 1920), ("1080p", "9:16"), None),
        ((640, 360), ("1080p", "16:9"), "640 × 360; 1920 × 1080 was asked for."),
        ((1280, 720), ("1080p", "16:9"), "1280 × 720; 1920 × 1080 was asked for."),
        ((1080, 1920), ("1080p", "16:9"), "1080 × 1920; 1920 × 1080 was asked for."),
        ((1920, 1080), ("720p", "9:16"), "1920 × 1080; 720 × 1280 was asked for."),
        ((640, 360), ("odd", "16:9"), None),
        ((640, 360), ("1080p", "wide"), None),
    ],
)
def test_another_size_than_was_asked_for_is_told(size, asked, sentence):
    resolution, aspect = asked

    warnings = told(*size, resolution=resolution, aspect_ratio=aspect)

    assert warnings == ([f"The video is {sentence}"] if sentence else [])


def test_what_nobody_asked_for_has_no_other_size():
    assert told(640, 360, kind="link", is_link_given=True) == []


@pytest.mark.parametrize("is_simulated", [True, False])
def test_a_quick_clip_of_the_simulator_is_small_on_purpose(is_simulated):
    assert (told(320, 180, is_simulated=is_simulated) == []) is is_simulated
