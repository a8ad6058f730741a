"""Notes go out with the takes that they are on: a table, and markers of the timelines."""

from __future__ import annotations

import csv
import io

import opentimelineio as otio
import pytest
from django.contrib.auth.models import User

from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take
from tests.support.guests import make_link
from videogen.exports.story_export import plan_export
from videogen.models import Direction, TakeNote
from videogen.takes.notes import Area, add_note, reply_to, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    story = make_story("the-lamp", shots=2)
    for shot in shots_of(story):
        make_film_take(shot, frames=24)
        make_film_take(shot, frames=24)
    return story


@pytest.fixture
def ines():
    return User.objects.create_user("ines")


def take_of(story, index, number):
    return shots_of(story).get(shot_index=index).renders.get(take=number)


def files_of(story, **options):
    return {each.name: each.data for each in plan_export(story, **options).files()}


def table_of(story, **options):
    text = files_of(story, **options)["the-lamp/notes.csv"].decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_without_notes_there_is_no_table(story, ines):
    add_note(take_of(story, 1, 1), ines, "Of a take that is not exported.", frame=3)

    assert "the-lamp/notes.csv" not in files_of(story)


def test_notes_of_the_takes_that_go_out(story, ines):
    take = take_of(story, 1, 2)
    settled = add_note(take, ines, "Too dark.", frame=20)
    settle(settled, ines)
    box = add_note(take, ines, "=SUM(1)", frame=12, area=Area(0.5, 0.25, 0.125, 0.25))
    reply_to(box, ines, "Which\nhand?")
    add_note(take_of(story, 1, 1), ines, "Of another take.", frame=1)

    rows = table_of(story)

    assert [(row["status"], row["note"]) for row in rows] == [
        ("open", "'=SUM(1)"),
        ("reply", "Which\nhand?"),
        ("done", "Too dark."),
    ]
    place = {"code": "S01-01", "take": "2", "time": "0:00.12", "frame": "12", "seconds": "0.5"}
    assert place.items() <= rows[0].items() and place.items() <= rows[1].items()
    assert [rows[0][name] for name in ("author", "x", "y", "width", "height")] == [
        "ines", "0.5", "0.25", "0.125", "0.25",
    ]  # fmt: skip


def test_open_notes_are_markers_of_the_timelines(story, ines):
    take = take_of(story, 2, 2)
    settle(add_note(take, ines, "Too dark.", frame=20), ines)
    add_note(take, ines, "The hand.", frame=12)

    files = files_of(story)

    for name, kind, options in (
        ("timelines/opening.otio", "otio_json", {}),
        ("timelines/opening.edl", "cmx_3600", {"rate": 24}),
    ):
        text = files[f"the-lamp/{name}"].decode()
        clips = otio.adapters.read_from_string(text, kind, **options).video_tracks()[0]
        found = [[each.name for each in clip.markers] for clip in clips.find_clips()]
        assert found == [[], ["The hand."]], name
    assert (
        "* LOC: 00:00:00:12 YELLOW  The hand." in files["the-lamp/timelines/opening.edl"].decode()
    )


def test_what_guests_say_goes_out_with_their_names(story, ines):
    take = take_of(story, 1, 2)
    add_note(take, ines, "Too dark.", frame=20)
    link, _ = make_link(story, allows_notes=True)
    for values in (
        {"name": "=Ann", "seconds": 0.5, "text": "Her hand.", "render": take},
        {"text": "Lovely.", "render": take},
        {"text": "Of another take.", "render": take_of(story, 1, 1)},
        {"text": "Of the whole story.", "render": None},
    ):
        link.add_note(shot=take.shot if values["render"] else None, **values)

    rows = table_of(story)
    edl = files_of(story)["the-lamp/timelines/opening.edl"].decode()

    told = [tuple(row[name] for name in ("time", "status", "author", "note")) for row in rows]
    assert told == [
        ("0:00.20", "open", "ines", "Too dark."),
        ("0:00.12", "guest", "'=Ann (a guest)", "Her hand."),
        ("", "guest", "a guest", "Lovely."),
    ]
    assert "* LOC: 00:00:00:12 YELLOW  =Ann (a guest): Her hand." in edl
    assert "* LOC: 00:00:00:00 YELLOW  a guest: Lovely." in edl
    assert not Direction.objects.exists()


def test_the_same_notes_make_the_same_bytes(story, ines):
    take = take_of(story, 1, 2)
    for text in ("One.", "Two.", "Three."):
        reply_to(add_note(take, ines, text, frame=5), ines, "Yes.")

    assert files_of(story) == files_of(story)
    assert [row["note"] for row in table_of(story)][::2] == ["One.", "Two.", "Three."]


def test_hostile_words_go_out_as_words(story, ines):
    text = "\"'><script>alert(1)</script>\u202ecod;=cmd|' /C calc'!A0"
    take = take_of(story, 1, 2)
    TakeNote.objects.create(render=take, frame=1, text=text, author_name="=HYPERLINK(1)")

    [row] = table_of(story)

    assert row["author"] == "'=HYPERLINK(1)"
    assert row["note"].startswith("\"'><script>") and ";'=cmd" in row["note"]
    edl = files_of(story)["the-lamp/timelines/opening.edl"].decode()
    assert "\u202e" not in edl and "\\u202ecod" in edl


def test_as_many_queries_for_many_notes_as_for_few(story, ines, django_assert_num_queries):
    take = take_of(story, 1, 2)
    add_note(take, ines, "One.", frame=5)
    with django_assert_num_queries(6):
        plan_export(story)
    for number in range(20):
        reply_to(add_note(take, ines, "More.", frame=number), ines, "Yes.")
    with django_assert_num_queries(6):
        plan_export(story)
