from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.support.factories import make_batch, make_render, make_story, shots_of
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.batch_actions import (
    cancel_queued,
    resume_interrupted,
    retry_failed,
    shots_to_retry,
)

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
REQUESTER = Requester("admin", name="mira")


@pytest.fixture
def story():
    return make_story(shots=5)


@pytest.fixture
def shots(story):
    return list(shots_of(story))


def make_renders(story, shots, *states, **values):
    """A batch with one render a shot, in these states."""
    batch = make_batch(story, **values)
    for shot, state in zip(shots, states, strict=False):
        make_render(shot, state, batch=batch, mode=batch.mode)
    return batch


def test_only_what_was_not_sent_is_cancelled(story, shots):
    batch = make_renders(
        story, shots, State.QUEUED, State.SUBMITTING, State.RUNNING, State.DOWNLOADING, State.QUEUED
    )
    elsewhere = make_render(make_story("other").scenelets.get().shots.get(), State.QUEUED)

    cancelled = cancel_queued(batch, User(username="mira"))

    assert cancelled == 2
    assert list(batch.renders.order_by("pk").values_list("state", flat=True)) == [
        "cancelled",
        "submitting",
        "running",
        "downloading",
        "cancelled",
    ]
    elsewhere.refresh_from_db()
    assert elsewhere.state == State.QUEUED
    render = batch.renders.order_by("pk").first()
    assert "mira cancelled it before it was sent." in render.error_message
    assert render.ended_at and render.ended_at == render.state_since


def test_nothing_queued_nothing_cancelled(story, shots):
    assert cancel_queued(make_renders(story, shots, State.DONE), User(username="mira")) == 0


def test_a_draft_of_what_came_to_nothing(story, shots):
    batch = make_renders(
        story, shots, State.FAILED, State.BLOCKED, State.CANCELLED, State.DONE, State.UNKNOWN
    )

    draft = retry_failed(batch, REQUESTER)

    assert (draft.status, draft.mode, draft.requested_by_name) == ("draft", "default", "mira")
    assert list(draft.shots.all()) == shots[:3]
    assert VideoRender.objects.count() == 5


@pytest.mark.parametrize(
    ("mode", "again"),
    [
        ("default", "default"),
        ("resume", "default"),
        # By default the old take would be reason enough to skip the shot.
        ("override", "override"),
        # Nobody asked for a paid render.
        ("dry-run", "dry-run"),
    ],
)
def test_the_draft_asks_for_what_was_asked_for(story, shots, mode, again):
    batch = make_renders(story, shots, State.FAILED, mode=mode)

    assert retry_failed(batch, REQUESTER).mode == again


@pytest.mark.parametrize(
    ("again", "state"), [(retry_failed, State.FAILED), (resume_interrupted, State.INTERRUPTED)]
)
@pytest.mark.parametrize("priority", RenderBatch.Priority)
def test_the_draft_has_the_batchs_place_in_the_queue(story, shots, again, state, priority):
    batch = make_renders(story, shots, state, priority=priority)

    draft = again(batch, REQUESTER)

    draft.refresh_from_db()
    assert draft.priority == priority


@pytest.mark.parametrize("state", [State.QUEUED, State.DONE, State.INTERRUPTED])
def test_what_somebody_has_rendered_since_is_left_alone(story, shots, state):
    batch = make_renders(story, shots, State.FAILED, State.FAILED)
    make_render(shots[0], state)

    assert list(retry_failed(batch, REQUESTER).shots.all()) == [shots[1]]


def test_a_new_take_that_was_made_since_is_not_made_once_more(story, shots):
    """In the mode override an older take is no reason to leave the shot alone."""
    for shot in shots[:2]:
        make_render(shot, State.DONE)
    batch = make_renders(story, shots, State.FAILED, State.FAILED, mode="override")
    make_render(shots[0], State.DONE, mode="override")

    assert shots_to_retry(batch) == [shots[1].pk]


def test_a_later_failure_or_rehearsal_does_not_count(story, shots):
    batch = make_renders(story, shots, State.FAILED)
    make_render(shots[0], State.FAILED)
    make_render(shots[0], State.REHEARSED)

    assert list(retry_failed(batch, REQUESTER).shots.all()) == [shots[0]]


@pytest.mark.parametrize(
    ("values", "is_retried"),
    [
        # Nobody paid for a video that the simulator made.
        ({"state": State.DONE, "backend": "simulator"}, True),
        ({"state": State.DONE, "backend": "gemini"}, False),
        ({"state": State.UNKNOWN, "backend": "gemini"}, False),
    ],
)
def test_what_counts_as_rendered_is_what_the_plan_counts(
    settings, story, shots, values, is_retried
):
    settings.VIDEO_BACKEND = "gemini"
    batch = make_renders(story, shots, State.FAILED)
    make_render(shots[0], **values)

    assert shots_to_retry(batch) == ([shots[0].pk] if is_retried else [])


@pytest.mark.parametrize(("state", "expected"), [(State.REHEARSED, 0), (State.FAILED, 1)])
def test_a_rehearsal_is_retried_until_one_is_done(story, shots, state, expected):
    batch = make_renders(story, shots, mode="dry-run")
    make_render(shots[0], State.FAILED, kind="rehearsal", batch=batch)
    make_render(shots[0], state, kind="rehearsal")

    assert len(shots_to_retry(batch)) == expected


def test_a_draft_of_what_broke_off(story, shots):
    batch = make_renders(
        story, shots, State.INTERRUPTED, State.NOT_DOWNLOADED, State.RUNNING, State.INTERRUPTED
    )
    make_render(shots[3], State.UNKNOWN)

    draft = resume_interrupted(batch, REQUESTER)

    assert draft.mode == "resume"
    assert list(draft.shots.all()) == shots[:2]


def test_what_broke_off_in_vain_leaves_no_draft(story, shots):
    with pytest.raises(RequestError):
        resume_interrupted(make_renders(story, shots, State.DONE), REQUESTER)

    assert RenderBatch.objects.count() == 1


def test_where_nothing_failed_there_is_no_draft(story, shots):
    batch = make_renders(story, shots, State.DONE)

    with pytest.raises(RequestError) as caught:
        retry_failed(batch, REQUESTER)

    assert caught.value.code == "nothing_to_retry"
    assert RenderBatch.objects.count() == 1
