"""Timelines of takes of any rate and of titles of any kind."""

from __future__ import annotations

import opentimelineio as otio
import pytest

from videogen.exports.timelines import TimelineShot, make_timeline


def shot(rate, file="clips/S01-01.mp4"):
    return TimelineShot("S01-01", "The Attic", file, 8.0, rate)


def edited(timeline, rate):
    return otio.adapters.read_from_string(timeline.edl, "cmx_3600", rate=rate)


@pytest.mark.parametrize(
    ("fps", "rate"),
    # As takes have them: with three digits.
    [(24.0, 24.0), (25.0, 25.0), (23.976, 24_000 / 1001), (29.97, 30_000 / 1001), (60.0, 60.0)],
)
def test_the_rate_is_the_takes(fps, rate):
    timeline = make_timeline("Home", [shot(fps), shot(fps)])

    first, second = edited(timeline, rate).video_tracks()[0].find_clips()
    assert first.source_range.duration == second.source_range.duration
    assert first.source_range.duration == otio.opentime.RationalTime(round(8 * rate), rate)
    whole = otio.adapters.read_from_string(timeline.otio, "otio_json").video_tracks()[0]
    assert [each.source_range for each in whole] == [first.source_range, second.source_range]


@pytest.mark.parametrize("fps", [10.0, 12.0, 17.331, 120.0, 0.0])
def test_a_rate_without_timecode_is_cut_at_24(fps):
    [clip] = edited(make_timeline("Home", [shot(fps)]), 24).video_tracks()[0].find_clips()

    assert clip.source_range.duration == otio.opentime.RationalTime(192, 24)


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029"])
def test_a_title_of_two_lines_is_one(mark):
    timeline = edited(make_timeline(f"Home{mark}again", [shot(24)]), 24)

    assert timeline.name == "Home again"
    assert len(list(timeline.video_tracks()[0].find_clips())) == 1


@pytest.mark.parametrize("shots", [[], [shot(0, file="")]])
def test_a_path_without_a_clip_has_an_empty_list(shots):
    timeline = edited(make_timeline("Home", shots), 24)

    assert timeline.name == "Home"
    assert not list(timeline.find_clips())
