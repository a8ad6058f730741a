from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django_q.models import OrmQ

from tests.support.clips import write_clip
from tests.support.factories import force, make_render, make_shot
from tests.support.far_end import KEY
from videogen.common.errors import RequestError
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.models.states import ENDED
from videogen.pipeline.results import apply_accepted
from videogen.recovery.decisions import (
    allow_new_render,
    attach_link,
    given_up_since,
    look_again,
    take_back,
)
from videogen.takes import fetch
from videogen.takes.download_worker import Downloads
from videogen.takes.storage import partial_folder

pytestmark = pytest.mark.django_db

State = VideoRender.State
REQUESTER = Requester("admin", name="mira")
LINK = "https://example.org/clip.mp4?alt=media"

STUCK = [
    (State.UNKNOWN, {}),
    (State.INTERRUPTED, {}),
    (State.NOT_DOWNLOADED, {}),
    # Live by their state, but nobody works on them.
    (State.RUNNING, {"touched_ago": 31}),
    (State.DOWNLOADING, {"touched_ago": 31}),
]


@pytest.mark.parametrize(("state", "values"), STUCK)
def test_a_given_link_is_downloaded(state, values):
    render = make_render(
        make_shot(),
        state,
        error_code="http_404",
        error_message="The video is no longer there.",
        download_attempts=3,
        **values,
    )

    assert attach_link(render, f" {LINK}\n", REQUESTER)

    render.refresh_from_db()
    assert (render.state, render.download_uri) == (State.DOWNLOADING, LINK)
    assert (render.status, render.download_attempts) == (State.DOWNLOADING, 0)
    assert (render.error_code, render.error_message, render.ended_at) == ("", "", None)
    assert render.rendered_at
    assert render.warnings == ["The download link was given by mira."]
    assert OrmQ.objects.count() == 1, "a worker is woken"


@pytest.mark.parametrize(
    ("state", "values"),
    [
        (State.QUEUED, {}),
        (State.RUNNING, {}),
        (State.DOWNLOADING, {}),
        (State.DONE, {}),
        (State.FAILED, {}),
        (State.CANCELLED, {}),
    ],
)
def test_what_goes_on_or_has_ended_takes_no_link(state, values):
    render = make_render(make_shot(), state, **values)

    assert not attach_link(render, LINK, REQUESTER)

    render.refresh_from_db()
    assert (render.state, render.warnings) == (state, [])
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(("state", "values"), STUCK)
def test_of_two_who_decide_only_the_first_one_wins(state, values):
    render = make_render(make_shot(), state, **values)
    other = VideoRender.objects.get(pk=render.pk)
    force(render, state=State.CANCELLED)

    assert not attach_link(other, LINK, REQUESTER)

    render.refresh_from_db()
    assert render.state == State.CANCELLED


@pytest.mark.parametrize(
    "link",
    [
        "",
        "  ",
        "clip.mp4",
        "ftp://example.org/clip.mp4",
        "file:///etc/passwd",
        "https://[",
        f"https://example.org/clip.mp4?key={KEY}",
    ],
)
def test_what_is_no_link_of_the_web_or_tells_the_key_is_refused(link):
    render = make_render(make_shot(), State.UNKNOWN)

    with pytest.raises(RequestError) as caught:
        attach_link(render, link, REQUESTER)

    assert caught.value.code == "bad_link"
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_a_render_of_another_backend_is_not_touched():
    render = make_render(make_shot(), State.INTERRUPTED, backend="gemini")

    with pytest.raises(RequestError) as caught:
        attach_link(render, LINK, REQUESTER)

    assert caught.value.sentence == ("It was started with gemini: set VIDEO_BACKEND=gemini first.")


def test_beside_another_open_render_there_is_no_second_one():
    shot = make_shot()
    render = make_render(shot, State.UNKNOWN)
    make_render(shot, State.RUNNING)

    with pytest.raises(RequestError) as caught:
        attach_link(render, LINK, REQUESTER)

    assert caught.value.code == "in_flight"
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_bytes_of_the_former_link_are_not_used():
    render = make_render(make_shot(), State.NOT_DOWNLOADED)
    partial_folder().mkdir(parents=True)
    part = partial_folder() / f"render-{render.pk}.part"
    part.write_bytes(b"half of another file")

    attach_link(render, LINK, REQUESTER)

    assert not part.exists()


def test_the_link_becomes_the_take_and_the_key_stays_here(settings, far_end, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4")
    far_end.answer(200, clip)
    render = make_render(make_shot(), State.UNKNOWN)

    attach_link(render, f"{far_end.url}/clip.mp4", REQUESTER)
    downloads = Downloads([render.lane])
    while downloads.tick():
        pass
    downloads.close()

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert Path(settings.MEDIA_ROOT, render.video_file).stat().st_size == render.byte_size
    assert "The download link was given by mira." in render.warnings
    assert KEY not in str(far_end.requests)


# -- the two others --------------------------------------------------------------------------------


def test_looking_again_needs_a_name_to_ask_for():
    shot = make_shot()
    nameless = make_render(shot, State.UNKNOWN)
    named = make_render(shot, State.UNKNOWN, operation_name="models/veo/operations/1")

    assert not look_again(nameless)
    assert look_again(named)

    nameless.refresh_from_db()
    named.refresh_from_db()
    assert (nameless.state, named.state) == (State.UNKNOWN, State.RUNNING)
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("state", [State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED])
def test_giving_up_leaves_the_possible_charge_in_the_books(state):
    render = make_render(make_shot(), state)
    before = render.submissions.get().outcome

    assert allow_new_render(render)

    render.refresh_from_db()
    assert render.state == State.CANCELLED
    assert "A person allowed a new render." in render.error_message
    assert render.submissions.get().outcome == before


@pytest.mark.parametrize(("state", "values"), STUCK)
def test_taking_it_back_leaves_all_as_it_was(state, values):
    render = make_render(make_shot(), state, error_code="a_code", error_message="Why.", **values)
    status = render.status
    charge = render.submissions.get().outcome
    cost = VideoRender.objects.values_list("actual_cost_usd", flat=True).get()
    allow_new_render(render, by="mira")
    [given_up] = given_up_since(render.ended_at)

    assert take_back(given_up)

    now = VideoRender.objects.get()
    assert (now.state, now.error_code, now.error_message) == (status, "a_code", "Why.")
    assert now.error_details == {}
    assert now.submissions.get().outcome == charge
    if state in ENDED:
        assert now.actual_cost_usd == cost
    assert not take_back(VideoRender.objects.get()), "there is nothing to take back any more"


def test_an_answer_that_came_while_it_was_given_up_is_not_lost():
    render = make_render(make_shot(), State.UNKNOWN, operation_name="")
    submission = render.submissions.get()
    allow_new_render(render)
    assert apply_accepted(submission.token, "models/veo/operations/late")
    render.refresh_from_db()

    assert take_back(render)

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.UNKNOWN, "models/veo/operations/late")
    assert look_again(render)


@pytest.mark.parametrize("state", [State.QUEUED, State.DONE, State.CANCELLED])
def test_what_something_was_built_on_is_not_taken_back(state):
    shot = make_shot()
    render = make_render(shot, State.UNKNOWN)
    allow_new_render(render)
    make_render(shot, State.REHEARSED)
    assert given_up_since(render.ended_at).exists(), "a rehearsal builds nothing"
    make_render(shot, state)

    with pytest.raises(RequestError) as caught:
        take_back(render)

    assert caught.value.code == "built_on"
    assert not given_up_since(render.ended_at).exists()
    render.refresh_from_db()
    assert render.state == State.CANCELLED


def test_what_was_only_cancelled_is_not_taken_back():
    render = make_render(make_shot(), State.CANCELLED)

    assert not take_back(render)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.DONE, State.FAILED])
def test_there_is_nothing_to_give_up_where_nothing_waits(state):
    render = make_render(make_shot(), state)

    assert not allow_new_render(render)

    render.refresh_from_db()
    assert render.state == state


# -- the hosts that a link may lead to -------------------------------------------------------------


def opened_with(monkeypatch, render):
    """Whether the download takes the render's link for one that a person gave."""
    render.refresh_from_db()
    asked = []
    monkeypatch.setattr(fetch, "fetch_clip", lambda *_, is_given: asked.append(is_given))
    fetch.fetch_clip_of(None, render)
    [is_given] = asked
    return is_given


@pytest.mark.parametrize("warnings", [[], ["mira supplied another address for this clip."]])
def test_a_link_stays_given_whatever_its_warning_says(monkeypatch, warnings):
    render = make_render(make_shot(), State.NOT_DOWNLOADED)
    attach_link(render, LINK, REQUESTER)

    VideoRender.objects.filter(pk=render.pk).update(warnings=warnings)

    assert opened_with(monkeypatch, render)


def test_no_warning_makes_a_link_of_the_api_one_that_a_person_gave(monkeypatch):
    words = ["The download link was given by mira."]
    render = make_render(make_shot(), State.NOT_DOWNLOADED, warnings=words)

    assert not opened_with(monkeypatch, render)


def test_after_a_link_of_the_api_the_hosts_are_limited_again(monkeypatch):
    render = make_render(make_shot(), State.NOT_DOWNLOADED)
    attach_link(render, LINK, REQUESTER)
    render.move(State.DOWNLOADING, State.NOT_DOWNLOADED)
    render.move(State.NOT_DOWNLOADED, State.DOWNLOADING, download_uri=LINK)
    assert opened_with(monkeypatch, render), "it is the same link"
    render.move(State.DOWNLOADING, State.NOT_DOWNLOADED)

    render.move(State.NOT_DOWNLOADED, State.DOWNLOADING, download_uri="https://example.com/told")

    assert not opened_with(monkeypatch, render)


def test_links_given_before_are_known_by_what_was_said_of_them():
    words = ["Something else.", "The download link was given by mira."]
    given = make_render(make_shot(), State.DONE, warnings=words)
    link = make_render(make_shot(story_id="second"), State.DONE, kind="link")
    of_the_api = make_render(make_shot(story_id="third"), State.DONE, warnings=words[:1])
    copy = make_render(given.shot, State.DOWNLOADING, copy_of=given, warnings=words)
    migration = importlib.import_module("videogen.migrations.0022_is_link_given")

    migration.fill(apps, SimpleNamespace(connection=connection))

    rows = VideoRender.objects.filter(is_link_given=True)
    assert set(rows) == {given, link}, f"not {of_the_api.pk}, and not {copy.pk}: a new clip"
