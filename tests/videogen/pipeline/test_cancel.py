"""Stopping at Google what is being rendered, where the route has that."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django_q.models import OrmQ

from tests.support.admin_clients import producer
from tests.support.factories import make_batch, make_render, make_story, shots_of
from tests.support.pages import messages, page_of, url
from tests.support.pipeline import queue_on_omni, work
from videogen import tasks
from videogen.models import Submission, VideoRender
from videogen.pipeline.cancel import ask_to_stop, stop_render

pytestmark = pytest.mark.django_db

State = VideoRender.State


def make_renders(*facts, story_id="lantern"):
    """A batch with one render for each (state, route)."""
    story = make_story(story_id, shots=len(facts))
    batch = make_batch(story)
    renders = [
        make_render(shot, state, batch=batch, route=route, operation_name=f"v1_{number}")
        for number, (shot, (state, route)) in enumerate(zip(shots_of(story), facts, strict=True))
    ]
    return batch, renders


def asked():
    """The renders that tasks are to carry a wish for."""
    tasks_of = [each.task for each in OrmQ.objects.order_by("pk")]
    return [each["args"][0] for each in tasks_of if each["func"] == "videogen.tasks.stop"]


@pytest.fixture
def api(settings, far_end):
    """A far end that would take every wish."""
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(200, {"id": "v1", "status": "cancelled"}, Content_Type="application/json")
    return far_end


@pytest.fixture
def running(simulator):
    """A render whose interaction would take a minute."""
    simulator.change_settings({"latency": 60.0})
    render = queue_on_omni(make_story())
    work(render.lane, until=lambda found: found[0].state == State.RUNNING, seconds=60)
    render.refresh_from_db()
    return render


def test_only_running_ones_of_a_route_that_cancels_are_asked_for():
    batch, renders = make_renders(
        (State.RUNNING, "omni"),
        (State.RUNNING, "gemini"),
        (State.RUNNING, "vertex"),
        (State.QUEUED, "omni"),
        (State.DOWNLOADING, "omni"),
        (State.DONE, "omni"),
    )
    make_renders((State.RUNNING, "omni"), story_id="elsewhere")

    assert ask_to_stop(batch) == 1

    assert asked() == [renders[0].pk]
    assert list(batch.renders.order_by("pk").values_list("state", flat=True))[0] == "running"


def test_what_was_stopped_waits_for_a_person(simulator, running, log):
    simulator.change_settings({"latency": 0.05})

    tasks.stop(running.pk)
    work(running.lane, seconds=60)

    running.refresh_from_db()
    assert log()["operations"][running.operation_name]["cancels"] == 1
    assert (running.state, running.error_code) == (State.UNKNOWN, "operation_cancelled")
    assert "It may have been charged: a person must decide." in running.error_message
    assert running.submissions.get().outcome == Submission.Outcome.UNKNOWN


def test_asking_twice_is_harmless(running, log):
    assert stop_render(running.pk)
    assert stop_render(running.pk)

    assert log()["operations"][running.operation_name]["cancels"] == 2


@pytest.mark.parametrize("fault", ["internal", "drop", "unimplemented"])
def test_a_wish_that_is_not_taken_changes_nothing(running, fail, fault):
    fail("cancel", fault)

    assert not stop_render(running.pk)

    running.refresh_from_db()
    assert (running.state, running.error_code) == (State.RUNNING, "")


@pytest.mark.parametrize("state", [State.DONE, State.UNKNOWN, State.QUEUED])
def test_nothing_is_asked_of_what_does_not_run(api, state):
    _, (render,) = make_renders((state, "omni"))

    assert not stop_render(render.pk)
    assert not stop_render(0)
    assert api.requests == []


@pytest.mark.parametrize(("ours", "its"), [("simulator", "gemini"), ("gemini", "simulator")])
def test_another_backends_render_is_not_asked_for(settings, api, ours, its):
    settings.VIDEO_BACKEND = ours
    story = make_story()
    batch = make_batch(story)
    render = make_render(
        *shots_of(story), State.RUNNING, batch=batch, route="omni", backend=its, operation_name="v1"
    )

    assert ask_to_stop(batch) == 0
    assert not stop_render(render.pk)
    assert (asked(), api.requests) == ([], [])


def test_what_is_asked_for_reaches_the_far_end(api):
    """So that the tests above can fail."""
    _, (render,) = make_renders((State.RUNNING, "omni"))

    assert stop_render(render.pk)
    assert len(api.requests) == 1


def test_the_button_says_what_is_not_known():
    batch, _ = make_renders((State.RUNNING, "omni"), (State.RUNNING, "gemini"))
    browser = producer()

    page = page_of(browser.get(url(batch)))
    response = browser.post(url(batch, "stop"), follow=True)

    # The one test of these words.
    assert page.hook("act", "stop").text == "Stop at Google (1 running)"
    assert page.hook("not-known").text.endswith(
        "It is not known whether they are charged, so a person must decide afterwards."
    )
    assert "asked to stop 1 running render." in messages(response)[0]
    assert "your decision" in messages(response)[0]
    assert LogEntry.objects.get().get_edited_object() == batch
    assert len(asked()) == 1


def test_without_such_a_route_there_is_no_button():
    batch, _ = make_renders((State.RUNNING, "gemini"), (State.QUEUED, "omni"))
    browser = producer()

    page = page_of(browser.get(url(batch)))
    response = browser.post(url(batch, "stop"), follow=True)

    assert "stop" not in page.values("act") and "not-known" not in page
    assert [each.level_tag for each in response.context["messages"]] == ["info"]
    assert asked() == []
    assert not LogEntry.objects.exists()
