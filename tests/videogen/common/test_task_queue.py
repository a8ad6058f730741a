"""A broker that is away: rows are queued all the same, and people are told."""

from __future__ import annotations

import logging
import os
import subprocess
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.signing import SignedPackage
from django_q.status import Stat, Status

from tests.support.admin_clients import fingerprint, producer
from tests.support.drafts import confirm, look, make_draft, make_shots
from tests.support.factories import make_batch, make_render, make_story
from tests.support.fake_redis import FULL, WANTS_PASSWORD, failing_redis
from tests.support.pages import messages, page_of
from videogen.common.task_queue import broker_problem, is_cluster_running, wake_pump
from videogen.models import VideoRender

WORKERS_LOOK = "workers look within a minute"
BROKEN = {
    "away": lambda: nullcontext("redis://127.0.0.1:9/0"),
    "full": lambda: failing_redis(FULL),
    "locked": lambda: failing_redis(WANTS_PASSWORD),
}


@pytest.fixture(params=BROKEN.values(), ids=BROKEN.keys())
def broken_redis(request, settings, monkeypatch):
    """Queue and cache are on a Redis that takes nothing."""
    with request.param() as url:
        settings.Q_CLUSTER = {**settings.Q_CLUSTER, "redis": url}
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": url}}
        broker = "videogen.common.redis_broker.RedisBroker"
        monkeypatch.setattr(Conf, "BROKER_CLASS", broker)
        monkeypatch.setattr(Conf, "REDIS", url)
        yield url


@pytest.mark.django_db(transaction=True)
def test_a_confirmed_plan_is_queued_though_the_broker_is_away(broken_redis):
    draft = make_draft(make_shots(2))
    browser = producer(username="ines")

    response = confirm(browser, draft, seen=fingerprint(look(browser, draft)), follow=True)

    assert response.status_code == 200
    assert [each.state for each in VideoRender.objects.all()] == ["queued"] * 2
    told = " ".join(messages(response))
    assert "The broker is away" in told and WORKERS_LOOK in told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wait", ["--no-wait", "--wait"])
def test_a_command_queues_though_the_broker_is_away(broken_redis, simulator, capsys, wait):
    make_story()

    call_command("run_task", "--task=CREATE_SHOT_VIDEO", "--story-id=the-lamp", wait)

    told = " ".join(capsys.readouterr().err.split())
    assert "The broker is away" in told and WORKERS_LOOK in told
    # A command that waits works on its batch by itself.
    state = "queued" if wait == "--no-wait" else "done"
    assert [each.state for each in VideoRender.objects.all()] == [state]


@pytest.mark.django_db
def test_no_page_breaks_while_the_broker_is_away(broken_redis):
    make_shots(2)
    browser = producer(username="ines")

    for url in ("/admin/", reverse("admin:storybook_shot_changelist")):
        assert browser.get(url).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["queued", "running"])
def test_whoever_looks_at_what_waits_is_told(broken_redis, state):
    batch = make_batch(make_story())
    render = make_render(batch.story.scenelets.get().shots.get(), state, batch=batch)
    browser = producer(username="ines")
    pages = [reverse("admin:videogen_renderbatch_progress", args=[batch.pk])]
    if state == "queued":
        draft = make_draft(make_shots(1))
        pages += [
            "/admin/",
            reverse("admin:storybook_story_board", args=[batch.story_id]),
            reverse("admin:videogen_renderbatch_change", args=[batch.pk]),
            reverse("admin:videogen_renderbatch_plan", args=[draft.pk]),
            reverse("admin:videogen_lane_change", args=[render.lane_id]),
        ]

    for url in pages:
        page = page_of(browser.get(url))
        assert page.texts("broker") == [broker_problem()], url
        # Nobody can tell.
        assert "no-worker" not in page, url


@pytest.mark.django_db(transaction=True)
def test_a_lost_wake_up_is_one_line_in_the_log(broken_redis, caplog):
    caplog.set_level(logging.WARNING, "videogen")

    wake_pump()

    [record] = [each for each in caplog.records if each.name.startswith("videogen")]
    assert "videogen.tasks.pump could not be queued" in record.getMessage()
    assert record.exc_info is None
    assert not is_cluster_running()


@pytest.fixture
def reported():
    """reported(pid, seconds_ago): a cluster of this host has reported that this is its process."""

    def reported(pid, seconds_ago):
        status = Status(pid, "a-cluster")
        status.sentinel, status.workers, status.status = pid, [1, 2], "Idle"
        status.timestamp = timezone.now() - timedelta(seconds=seconds_ago)
        get_broker().set_stat(Stat.get_key("a-cluster"), SignedPackage.dumps(status, True), 3)
        return is_cluster_running()

    return reported


@pytest.mark.django_db
def test_a_cluster_whose_process_is_there_is_running(reported):
    assert reported(os.getpid(), 0.5)


@pytest.mark.django_db
def test_another_process_with_the_id_of_a_cluster_is_no_cluster(reported):
    """As in a container that was started again, whose ids begin at 1 once more."""
    with subprocess.Popen(["sleep", "60"]) as later:
        try:
            assert reported(later.pid, 0), "the report came after it had begun"
            assert not reported(later.pid, 2.9)
        finally:
            later.kill()


@pytest.mark.django_db
def test_a_cluster_whose_process_has_ended_is_not_running(reported):
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        assert not reported(ended.pid, 0)


def test_the_database_is_never_away():
    assert broker_problem() == ""
