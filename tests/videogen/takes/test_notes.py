"""Notes on takes: where they stand, what is refused, and what becomes of them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tests.support.factories import State, make_render, make_shot
from videogen.common.errors import RequestError
from videogen.models import Direction, TakeNote
from videogen.models.take_notes import timecode_of
from videogen.takes.notes import (
    Area,
    add_note,
    frame_of,
    make_direction,
    reopen,
    reply_to,
    settle,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ines():
    return User.objects.create_user("ines")


@pytest.fixture
def take():
    return make_render(make_shot(), State.DONE, fps=24.0, video_seconds=8.0)


def refused(what, *arguments, **named):
    with pytest.raises(RequestError) as caught:
        what(*arguments, **named)
    assert not TakeNote.objects.exists()
    return caught.value.code


# -- when ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "time", "frame"),
    [
        (24.0, "0:00.00", 0),
        (24.0, "0:03.12", 84),
        (24.0, " 0:07 ", 168),
        (24.0, "1:00.01", 1441),
        (24.0, "3.5", 84),
        (24.0, "3,5 s", 84),
        (25.0, "0:01.24", 49),
        # Timecode counts whole frames, up to 24 in a second.
        (23.976, "0:01.00", 24),
        (23.976, "1.001", 24),
        (None, "0.5", 12),
    ],
)
def test_a_time_is_a_frame_of_the_take(take, fps, time, frame):
    take.fps = fps

    assert frame_of(time, take) == frame


@pytest.mark.parametrize("fps", [24.0, 23.976, 25.0, 29.97, 60.0])
def test_what_is_shown_can_be_typed(take, fps):
    take.fps = fps

    assert [frame_of(timecode_of(frame, fps), take) for frame in range(130)] == list(range(130))


@pytest.mark.parametrize(
    "time", ["", "x", "0:00.24", "0:61", "-1", "1e3", "nan", "0:1:2", "\u0661", "9" * 30]
)
def test_what_is_no_time_is_refused(take, time):
    with pytest.raises(RequestError) as caught:
        frame_of(time, take)
    assert caught.value.code == "note_time"


@pytest.mark.parametrize("frame", [-1, 192, 10**9])
def test_a_note_is_within_the_take(take, ines, frame):
    assert refused(add_note, take, ines, "Late.", frame=frame) == "note_time"
    assert add_note(take, ines, "The last frame.", frame=191).seconds == 191 / 24


def test_only_a_take_has_notes(ines):
    render = make_render(make_shot(), State.FAILED)

    assert refused(add_note, render, ines, "Why?", frame=0) == "note_no_take"


# -- where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "area"),
    [
        ({}, None),
        ({"x": "", "y": ""}, None),
        ({"x": "0.5", "y": "0.25"}, Area(0.5, 0.25)),
        (
            {"x": "0.5", "y": "0.25", "width": "0.125", "height": "0.5"},
            Area(0.5, 0.25, 0.125, 0.5),
        ),
        ({"x": "0", "y": "1"}, Area(0.0, 1.0)),
        # A box without a size is a point, and one that is drawn over the edge ends there.
        ({"x": "0.5", "y": "0.25", "width": "0", "height": "0.1"}, Area(0.5, 0.25)),
        ({"x": "0.9", "y": "0.9", "width": "0.5", "height": "0.5"}, Area(0.9, 0.9, 0.1, 0.1)),
    ],
)
def test_an_area_is_kept_in_fractions_of_the_picture(take, ines, fields, area):
    assert Area.read(fields) == area

    note = add_note(take, ines, "Here.", frame=1, area=area)
    note.refresh_from_db()
    assert note.is_box == bool(area and area.width)


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "0.5"},
        {"y": "0.5"},
        {"x": "2", "y": "0"},
        {"x": "-0.1", "y": "0"},
        {"x": "nan", "y": "0"},
        {"x": "inf", "y": "0"},
        {"x": "left", "y": "top"},
        {"x": "0", "y": "0", "width": "1.5", "height": "1"},
    ],
)
def test_what_is_not_in_the_picture_is_refused(fields):
    assert refused(Area.read, fields) == "note_area"


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame": None},
        {"text": ""},
        {"x": 0.5},
        {"x": 0.5, "y": 1.5},
        {"x": 0.9, "y": 0.9, "width": 0.5, "height": 0.05},
    ],
)
def test_the_database_keeps_no_note_that_makes_no_sense(take, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        TakeNote.objects.create(**{"render": take, "frame": 1, "text": "Here."} | wrong)


# -- the words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "note_empty"),
        (" \n ", "note_empty"),
        ("x" * 10_000, "note_long"),
        ("a\0b", "note_unprintable"),
        ("a\x1b[2Jb", "note_unprintable"),
        ("a\ud800b", "note_unprintable"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(take, ines, text, code):
    assert refused(add_note, take, ines, text, frame=0) == code


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202ecod.exe", "שלום", "Two\nlines", "x" * 2000]
)
def test_other_words_are_kept_as_they_are(take, ines, text):
    assert add_note(take, ines, text, frame=0).text == text


# -- what becomes of it ----------------------------------------------------------------------------


def test_a_note_is_done_and_open_again(take, ines):
    note = add_note(take, ines, "The hand.", frame=10)

    assert settle(note, ines) and not settle(note, ines)
    assert list(TakeNote.objects.open()) == []
    note.refresh_from_db()
    assert (note.is_open, note.done_by_name) == (False, "ines")
    assert reopen(note) and not reopen(note)
    assert list(TakeNote.objects.open()) == [note]


def test_a_reply_is_no_note_of_its_own(take, ines):
    note = add_note(take, ines, "The hand.", frame=10)
    first = reply_to(note, ines, "Which?")
    second = reply_to(first, ines, "The left one.")

    assert list(note.replies.all()) == [first, second]
    assert list(TakeNote.objects.open()) == [note]


def test_a_note_becomes_a_direction_once_and_nothing_enters_a_prompt_by_itself(take, ines):
    note = add_note(take, ines, "Keep the\nleft hand  down.", frame=10)
    assert not Direction.objects.exists()

    direction = make_direction(note, ines)

    note.refresh_from_db()
    assert note.direction == direction
    assert (direction.text, direction.shot) == ("Keep the left hand down.", take.shot)
    with pytest.raises(RequestError) as caught:
        make_direction(note, ines)
    assert caught.value.code == "note_is_direction"
    assert Direction.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"), [("x" * 501, "direction_long"), ("a\u202eb", "direction_unprintable")]
)
def test_a_note_that_no_prompt_can_have_stays_a_note(take, ines, text, code):
    note = add_note(take, ines, text, frame=10)

    with pytest.raises(RequestError) as caught:
        make_direction(note, ines)

    assert caught.value.code == code
    note.refresh_from_db()
    assert note.direction is None
