"""The 48 hours: how long the server keeps a clip, and what is done before they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import force, make_render, make_shot, make_story, shots_of
from tests.support.pipeline import queue, work
from videogen import tasks
from videogen.models import VideoRender
from videogen.recovery.redownload import download_again, next_try
from videogen.takes.download_worker import Downloads
from videogen.takes.fetch import is_refused_for_good

pytestmark = pytest.mark.django_db

State = VideoRender.State


def ago(**values):
    return timezone.now() - timedelta(**values)


def lost(shot=None, *, failed_ago=6, **values):
    """A clip that was not downloaded, `failed_ago` minutes ago."""
    values = {"rendered_at": ago(hours=1), "error_code": "broken_off"} | values
    return make_render(
        shot or make_shot(),
        State.NOT_DOWNLOADED,
        touched_ago=failed_ago * 60,
        download_attempts=values.pop("download_attempts", 3),
        **values,
    )


def test_two_days_from_when_it_was_made():
    made = ago(hours=10)

    assert VideoRender(rendered_at=made).clip_expires_at == made + timedelta(hours=48)


def test_where_that_is_not_known_from_when_it_was_sent():
    sent = ago(hours=10)

    assert VideoRender(claimed_at=sent).clip_expires_at == sent + timedelta(hours=48)


def test_that_we_learned_of_it_late_does_not_make_it_younger(settings):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30
    sent = ago(hours=40)

    render = VideoRender(claimed_at=sent, rendered_at=ago(hours=1))

    assert render.clip_expires_at == sent + timedelta(hours=48, minutes=30)


@pytest.mark.parametrize(
    ("code", "for_good"),
    [
        ("http_404", False),
        ("lost", True),
        ("nothing_there", True),
        ("http_403", True),
        ("bad_link", True),
        ("too_large", True),
        ("host_not_allowed", True),
        ("http_429", False),
        ("http_500", False),
        ("broken_off", False),
        ("storage", False),
        ("worker_gone", False),
        ("", False),
    ],
)
def test_what_was_refused_for_good_is_not_tried_again(code, for_good):
    assert is_refused_for_good(code) is for_good
    render = lost(error_code=code)

    assert download_again() == (not for_good)

    render.refresh_from_db()
    assert render.state == (State.NOT_DOWNLOADED if for_good else State.DOWNLOADING)


@pytest.mark.parametrize(("minutes", "tries"), [(30, 0), (24 * 60, 1)], ids=["soon", "set back"])
def test_a_clip_does_not_wait_longer_than_any_pause(minutes, tries):
    """The clock was set back by a day: the download seems to fail tomorrow."""
    lost(failed_ago=-minutes)
    lost(make_shot(story_id="refused"), failed_ago=-minutes, error_code="too_large")

    assert download_again() == tries


def test_a_clip_is_had_after_all(simulator, fail, log):
    fail("download", "internal", times=4)
    render, *_ = queue(make_story())
    work(render.lane)
    render.refresh_from_db()
    assert (render.state, render.download_attempts) == (State.NOT_DOWNLOADED, 3)
    assert download_again() == 0, "not so soon"

    for attempts in (4, 5):
        force(render, state_since=ago(minutes=20))
        assert download_again() == 1
        work(render.lane)
        render.refresh_from_db()
        assert render.download_attempts == attempts

    assert (render.state, render.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1


def test_a_clip_that_is_not_there_is_asked_for_until_it_is_lost(simulator, fail):
    fail("download", "not_found", times=-1)
    render, *_ = queue(make_story())
    work(render.lane)
    found = []
    for hours in (20, 47, 49):
        made = ago(hours=hours)
        force(render, rendered_at=made, claimed_at=made, state_since=ago(hours=2))
        found.append(download_again())
        work(render.lane)
        render.refresh_from_db()
        found.append(render.error_code)

    assert found == [1, "http_404", 1, "http_404", 1, "lost"]
    force(render, state_since=ago(hours=2))
    assert download_again() == 0
    assert (render.state, bool(render.download_uri)) == (State.NOT_DOWNLOADED, True)


@pytest.mark.parametrize(
    ("attempts", "left_hours", "minutes"),
    [(3, 40, 5), (4, 40, 10), (6, 40, 40), (20, 40, 120), (20, 2, 30), (20, 0.1, 5)],
)
def test_the_pauses_grow_but_leave_time(attempts, left_hours, minutes):
    failed_at = timezone.now()
    # Two hours of grace: the server's clock is its own.
    made = failed_at - timedelta(hours=50 - left_hours)
    render = VideoRender(rendered_at=made, state_since=failed_at, download_attempts=attempts)

    assert next_try(render) == failed_at + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "values",
    [{"rendered_at": ago(hours=51)}, {"backend": "gemini"}],
    ids=["forgotten by the server", "another backend"],
)
def test_what_cannot_be_had_is_left(values):
    render = lost(**values)

    assert download_again() == 0

    render.refresh_from_db()
    assert render.state == State.NOT_DOWNLOADED


def test_beside_another_open_render_it_waits():
    render = lost()
    make_render(render.shot, State.RUNNING)

    assert download_again() == 0


def test_the_minute_sweep_does_it():
    render = lost()

    tasks.sweep()

    render.refresh_from_db()
    assert render.state == State.DOWNLOADING
    assert OrmQ.objects.exists()


def test_what_expires_next_is_taken_first():
    shots = list(shots_of(make_story(shots=4)).select_related("scenelet__story"))
    hours = [5, 30, None, 12]
    renders = [
        make_render(shot, State.DOWNLOADING, rendered_at=hour and ago(hours=hour))
        for shot, hour in zip(shots, hours, strict=True)
    ]
    downloads = Downloads([renders[0].lane])

    taken = downloads._take(3)

    assert [each.pk for each in taken] == [renders[2].pk, renders[1].pk, renders[3].pk]
