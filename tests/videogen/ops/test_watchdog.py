"""What counts as a cluster that stands still, and what does not."""

from __future__ import annotations

import errno
import os
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import make_lane, make_render, make_shot, make_submission
from videogen.common import task_queue
from videogen.models import Submission, VideoRender
from videogen.ops.watchdog import (
    WatchedCluster,
    bound_idle_transactions,
    overdue_work,
    wake_for_lost_workers,
)
from videogen.pipeline import journal

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

PUMP = "renders are due and no pump beats"
DOWNLOADS = "clips wait and nobody downloads them"


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("state", "lane", "values", "reason"),
    [
        (State.QUEUED, {}, {}, PUMP),
        (State.QUEUED, {"beat_at": 5}, {}, ""),
        (State.QUEUED, {"paused_at": 300}, {}, ""),
        (State.QUEUED, {"not_before": -60}, {}, ""),
        (State.QUEUED, {"not_before": 5}, {}, ""),
        (State.QUEUED, {}, {"not_before": -60}, ""),
        (State.RUNNING, {}, {"next_poll_at": 60}, PUMP),
        (State.RUNNING, {"paused_at": 300}, {"next_poll_at": 60}, PUMP),
        (State.RUNNING, {}, {"next_poll_at": 5}, ""),
        (State.DOWNLOADING, {}, {}, DOWNLOADS),
        (State.DOWNLOADING, {"beat_at": 5}, {}, DOWNLOADS),
        (State.DOWNLOADING, {}, {"downloader": "x", "download_lease_until": -20}, ""),
        (State.DOWNLOADING, {}, {"downloader": "x", "download_lease_until": 60}, DOWNLOADS),
        (State.DOWNLOADING, {}, {"not_before": -60}, ""),
        (State.INTERRUPTED, {}, {}, ""),
    ],
    ids=[
        "queued, no pump",
        "queued, a pump",
        "queued, paused",
        "queued, the account waits",
        "queued, the account has just waited",
        "queued, it waits itself",
        "running, no pump",
        "running, paused: polls go on",
        "running, due a moment ago",
        "downloading, nobody",
        "downloading, a pump helps nothing",
        "downloading, somebody",
        "downloading, somebody who is gone",
        "downloading, it waits itself",
        "interrupted",
    ],
)
def test_work_is_overdue_when_it_could_be_done_and_nobody_does_it(state, lane, values, reason):
    """Each value that is a number is a moment so many seconds ago."""
    make_lane(**{name: ago(seconds) for name, seconds in lane.items()})
    moments = {
        name: ago(value) if isinstance(value, int) else value for name, value in values.items()
    }
    make_render(
        make_shot(),
        state,
        lane=make_lane(),
        state_since=ago(300),
        queued_at=ago(300),
        **moments,
    )

    assert overdue_work() == reason


def take_tasks(count, *, seconds_ago):
    """What a cluster does when it takes tasks that it will never report as done."""
    lock = ago(seconds_ago) + timedelta(seconds=settings.Q_CLUSTER["retry"])
    OrmQ.objects.bulk_create(OrmQ(key="videogen", payload="", lock=lock) for _ in range(count))


def test_tasks_that_are_taken_and_never_reported_as_done_are_a_stall():
    take_tasks(10, seconds_ago=200)

    assert overdue_work(since=ago(300)) == "tasks are taken but never reported as done"
    assert overdue_work() == "tasks are taken but never reported as done"


def test_what_a_cluster_before_had_taken_is_no_stall_of_the_next_one():
    """Else each restart would be the reason of the next one, and nothing would ever be done."""
    take_tasks(20, seconds_ago=200)

    assert overdue_work(since=ago(40)) == ""


def test_tasks_under_way_are_no_stall():
    take_tasks(20, seconds_ago=100)

    assert overdue_work(since=ago(300)) == ""


@pytest.mark.parametrize(
    ("lane", "render", "tasks"),
    [
        ({"lease_owner": "alder|…", "lease_expires_at": -1}, {}, []),
        ({"lease_owner": "alder|…", "lease_expires_at": 1}, {}, [task_queue.PUMP]),
        ({"lease_owner": ""}, {}, []),
        ({}, {"downloader": "alder|…", "download_lease_until": -1}, []),
        ({}, {"downloader": "alder|…", "download_lease_until": 1}, [task_queue.DOWNLOAD]),
        ({}, {"downloader": ""}, []),
    ],
    ids=[
        "a pump that lives",
        "a pump whose host is gone",
        "a pump that gave its lease back",
        "a download that goes on",
        "a download whose host is gone",
        "a download that was given back",
    ],
)
def test_what_a_lost_host_left_wakes_workers_before_the_next_sweep(lane, render, tasks):
    """Its wake-ups may have been lost with it."""

    def moments(values):
        return {name: ago(each) if isinstance(each, int) else each for name, each in values.items()}

    make_lane(**moments(lane))
    make_render(make_shot(), State.DOWNLOADING, lane=make_lane(), **moments(render))
    OrmQ.objects.all().delete()

    wake_for_lost_workers()

    assert [each.func() for each in OrmQ.objects.all()] == tasks


def test_the_answers_that_this_host_kept_are_stored_while_another_one_pumps():
    """Only this host has them: it was lost, and came back."""
    make_lane(lease_owner="another-host|boot|1|1.0", lease_expires_at=ago(-9))
    render = make_render(make_shot(), State.UNKNOWN, lane=make_lane(), submission=False)
    submission = make_submission(render, outcome=Submission.Outcome.UNKNOWN)
    journal.write_answer(submission.token, "models/veo/operations/1")

    WatchedCluster()._look_for_lost()

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, "models/veo/operations/1")
    assert list(journal.read_answers()) == []


def test_a_journal_that_cannot_be_read_ends_no_cluster(monkeypatch):
    journal.write_answer(uuid4(), "models/veo/operations/1")

    def broken(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(os, "scandir", broken)

    assert WatchedCluster()._stalled() == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server")
def test_the_server_ends_the_transaction_of_a_worker_that_is_frozen(monkeypatch):
    monkeypatch.setattr("videogen.ops.watchdog.IDLE_MILLISECONDS", 100)
    options = {**connection.settings_dict["OPTIONS"]}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    bound_idle_transactions()
    worker = connection.copy()
    try:
        worker.set_autocommit(False)
        with worker.cursor() as cursor:
            cursor.execute("SELECT 1")
            time.sleep(0.5)
            with pytest.raises(DatabaseError, match="idle-in-transaction"):
                cursor.execute("SELECT 1")
    finally:
        worker.close()
