"""Notes in the review room and on the takes of a shot: written, settled, counted."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import State, make_render, make_shot
from tests.support.pages import page_of
from videogen.models import Direction, TakeNote
from videogen.prompts.sources import Material

pytestmark = pytest.mark.django_db

WRITE = ("videogen.add_takenote", "videogen.change_takenote")
DIRECT = ("videogen.view_direction", "videogen.add_direction", "videogen.change_direction")
JSON = {"headers": {"accept": "application/json"}}


@pytest.fixture
def take():
    return make_render(make_shot(), State.DONE, fps=24.0, video_seconds=8.0, width=1280, height=720)


@pytest.fixture
def browser():
    return browser_of(*VIEWS, *WRITE, *DIRECT, username="ines")


def add(browser, take, *, as_script=True, **values):
    url = reverse("admin:videogen_note_add", args=[take.pk])
    values = {"text": "The left hand.", "time": "0:03.12"} | values
    return browser.post(url, values, **(JSON if as_script else {}))


def act(browser, note, verb, *, as_script=True, **values):
    url = reverse("admin:videogen_note_act", args=[note.pk, verb])
    return browser.post(url, values, **(JSON if as_script else {}))


def room(browser, take):
    return page_of(browser.get(reverse("admin:videogen_review"), {"take": take.pk}))


def takes(browser, take):
    return page_of(browser.get(reverse("admin:storybook_shot_takes", args=[take.shot_id])))


def test_a_form_without_a_script_keeps_a_note_and_leads_back(browser, take):
    back = reverse("admin:storybook_shot_takes", args=[take.shot_id])

    response = add(browser, take, as_script=False, next=back, x="0.5", y="0.25")

    note = TakeNote.objects.get()
    assert (note.frame, note.x, note.y, note.width) == (84, 0.5, 0.25, None)
    assert (note.author_name, note.render) == ("ines", take)
    assert response.headers["Location"] == back
    assert list(map(str, get_messages(response.wsgi_request))) == ["The note stands at 0:03.12."]
    assert LogEntry.objects.get().change_message == "The note stands at 0:03.12."


def test_a_note_is_shown_with_its_time_and_place(browser, take):
    add(browser, take, x="0.25", y="0.5", width="0.25", height="0.25")
    note = TakeNote.objects.get()
    act(browser, note, "reply", text="Which one?")

    for page in (room(browser, take), takes(browser, take)):
        shown = page.hook("note", str(note.pk))
        assert shown["note-state"] == "open"
        assert shown.values("jump") == ["84"]
        assert len(shown.hooks("reply")) == 1
    [box] = takes(browser, take).hook("note").tags("rect")
    sizes = [box.attributes[name] for name in ("x", "y", "width", "height")]
    assert sizes == ["320.0", "360.0", "320.0", "180.0"]


def test_open_notes_are_counted_in_the_queue_and_on_the_cards(browser, take):
    add(browser, take)
    add(browser, take, time="1")
    act(browser, TakeNote.objects.first(), "done")

    assert room(browser, take).hook("note-count")["note-count"] == "1"
    assert room(browser, take).values("open-notes") == ["1"]
    board = reverse("admin:storybook_story_board", args=[take.shot.scenelet.story_id])
    assert page_of(browser.get(board)).values("open-notes") == ["1"]
    queue = browser.get(reverse("admin:videogen_review_queue")).json()
    assert [(each["frame"], each["isOpen"]) for each in queue["entries"][0]["notes"]] == [
        (24, False),
        (84, True),
    ]


def test_done_open_again_and_told(browser, take):
    add(browser, take)
    note = TakeNote.objects.get()

    assert act(browser, note, "done").json() == {"words": "The note at 0:03.12 is done."}
    again = act(browser, note, "done")
    assert (again.status_code, again.json()["code"]) == (422, "changed")
    assert room(browser, take).hook("note")["note-state"] == "done"
    assert act(browser, note, "reopen").status_code == 200
    assert act(browser, note, "no-such").status_code == 404


def test_one_click_makes_a_direction(browser, take):
    add(browser, take, text="Keep the left hand down.")
    story = take.shot.scenelet.story
    assert not Direction.objects.exists()

    response = act(browser, TakeNote.objects.get(), "direct", as_script=False)

    assert response.status_code == 302
    shots = take.shot.scenelet.shots.all()
    told = Material.of(story, shots).directions_of(take.shot)
    assert told == ["Keep the left hand down."]
    assert takes(browser, take).hooks("directed")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"text": ""}, "note_empty"),
        ({"text": "x" * 10_000}, "note_long"),
        ({"text": "a\0b"}, "note_unprintable"),
        ({"time": "later"}, "note_time"),
        ({"time": "9"}, "note_time"),
        ({"frame": "192"}, "note_time"),
        ({"x": "2", "y": "0"}, "note_area"),
    ],
)
def test_what_is_refused_says_why(browser, take, values, code):
    response = add(browser, take, **values)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not TakeNote.objects.exists()
    assert not LogEntry.objects.exists()


def test_who_may_only_look_is_offered_nothing(take):
    browser = browser_of(*VIEWS)
    TakeNote.objects.create(render=take, frame=1, text="Here.", author_name="ines")

    for page in (room(browser, take), takes(browser, take)):
        assert page.hooks("note")
        assert not page.hooks("note-form")
    assert add(browser, take).status_code == 403
    for verb in ("reply", "done", "direct"):
        assert act(browser, TakeNote.objects.get(), verb).status_code == 403


def test_a_note_alone_is_no_right_to_direct(take):
    browser = browser_of(*VIEWS, *WRITE)
    add(browser, take)

    assert act(browser, TakeNote.objects.get(), "direct").status_code == 403
    assert not Direction.objects.exists()


def test_as_many_queries_for_many_notes_as_for_few(browser, take, django_assert_max_num_queries):
    addresses = [
        reverse("admin:videogen_review", query={"take": take.pk}),
        reverse("admin:storybook_shot_takes", args=[take.shot_id]),
        reverse("admin:storybook_story_board", args=[take.shot.scenelet.story_id]),
    ]
    add(browser, take)
    act(browser, TakeNote.objects.get(), "reply", text="Yes.")
    for address in addresses:
        with CaptureQueriesContext(connection) as few:
            browser.get(address)
        for number in range(5):
            note = TakeNote.objects.create(render=take, frame=number, text="More.", author_name="a")
            TakeNote.objects.create(render=take, parent=note, text="Yes.", author_name="b")
        with django_assert_max_num_queries(len(few)):
            browser.get(address)
