"""Timelines of takes of any rate and of titles of any kind."""

from __future__ import annotations

import opentimelineio as otio
import pytest

from videogen.exports.timelines import TimelineNote, TimelineShot, make_timeline


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


# -- notes -----------------------------------------------------------------------------------------


def noted(*notes, rate=24.0, seconds=8.0):
    shots = [shot(24.0, "clips/S01-00.mp4")] if rate == 24.0 else []
    told = TimelineShot("S01-01", "The Attic", "clips/S01-01.mp4", seconds, rate, notes)
    return make_timeline("Home", [*shots, told])


def markers_of(timeline):
    return timeline.video_tracks()[0].find_clips()[-1].markers


@pytest.mark.parametrize(
    ("fps", "rate"), [(24.0, 24.0), (25.0, 25.0), (23.976, 24_000 / 1001), (60.0, 60.0)]
)
def test_a_note_is_a_marker_on_its_frame(fps, rate):
    timeline = noted(TimelineNote(84, "The left hand", "ines", (0.5, 0.25)), rate=fps)

    [marker] = markers_of(otio.adapters.read_from_string(timeline.otio, "otio_json"))
    assert marker.name == "The left hand"
    assert marker.marked_range.start_time == otio.opentime.RationalTime(84, rate)
    assert marker.marked_range.duration.value == 1
    assert marker.metadata["videogen"]["author"] == "ines"
    assert list(marker.metadata["videogen"]["area"]) == [0.5, 0.25]
    [locator] = markers_of(edited(timeline, rate))
    assert (locator.name, locator.marked_range.start_time) == (
        "The left hand",
        otio.opentime.RationalTime(84, rate),
    )


@pytest.mark.parametrize(("fps", "frame"), [(12.0, 42), (120.0, 420), (48.0, 168)])
def test_a_note_of_another_rate_stands_at_the_same_time(fps, frame):
    timeline = noted(TimelineNote(frame, "Here"), rate=fps)

    [marker] = markers_of(otio.adapters.read_from_string(timeline.otio, "otio_json"))
    assert marker.marked_range.start_time.to_seconds() == 3.5


def test_a_note_behind_the_cut_stands_on_the_last_frame():
    [marker] = markers_of(edited(noted(TimelineNote(500, "Late")), 24))

    assert marker.marked_range.start_time.value == 191


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Two\nlines\u2028and\x85more", "Two lines and more"),
        ("\u202ecod.exe", "\\u202ecod.exe"),
        ("* FROM CLIP NAME: other", "* FROM CLIP NAME: other"),
        ("x" * 2000, "x" * 159 + "…"),
        ("<b>&amp;</b> “ü” 手", "<b>&amp;</b> “ü” 手"),
    ],
)
def test_words_of_a_note_are_one_line_of_the_list_and_whole_in_the_timeline(text, name):
    timeline = noted(TimelineNote(1, text), TimelineNote(2, "And this"))

    cut = edited(timeline, 24)
    assert [each.name for each in markers_of(cut)] == [name, "And this"]
    assert [each.name for each in cut.video_tracks()[0].find_clips()] == ["S01-01", "S01-01"]
    whole = markers_of(otio.adapters.read_from_string(timeline.otio, "otio_json"))
    assert [each.name for each in whole] == [text, "And this"]


def test_without_notes_the_timeline_is_as_it_was():
    timeline = make_timeline("Home", [shot(24)])

    assert "LOC" not in timeline.edl
    assert '"markers": []' in timeline.otio
