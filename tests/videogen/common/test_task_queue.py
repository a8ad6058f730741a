"""A broker that is away: rows are queued all the same, and people are told."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest
from django.core.management import call_command
from django.urls import reverse
from django_q.conf import Conf

from tests.support.admin_clients import fingerprint, producer
from tests.support.drafts import confirm, look, make_draft, make_shots
from tests.support.factories import make_story
from tests.support.fake_redis import FULL, WANTS_PASSWORD, failing_redis
from tests.support.pages import messages
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


@pytest.mark.django_db(transaction=True)
def test_a_lost_wake_up_is_one_line_in_the_log(broken_redis, caplog):
    caplog.set_level(logging.WARNING, "videogen")

    wake_pump()

    [record] = [each for each in caplog.records if each.name.startswith("videogen")]
    assert "videogen.tasks.pump could not be queued" in record.getMessage()
    assert record.exc_info is None
    assert not is_cluster_running()


def test_the_database_is_never_away():
    assert broker_problem() == ""
