from __future__ import annotations

import multiprocessing
import os
import pathlib
import queue
from datetime import timedelta

import django_q.scheduler
import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import Failure, OrmQ, Schedule
from django_q.pusher import pusher
from django_q.scheduler import scheduler
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from videogen.common import task_queue
from videogen.common.own_tasks import OrmBroker
from videogen.common.redis_broker import RedisBroker

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

FOREIGN = [
    "os.getpid",
    "subprocess.run",
    "videogen.tasks",
    "videogen.tasks.deliver.os.system",
    "videogen.tasks.__class__",
    "videogen.tasksx.pump",
    "videogen.management.commands.demo.Command",
    " videogen.tasks.pump",
    "videogen.tasks.pump\n",
    "",
]


def pushed():
    """The tasks that django-q2's own pusher gives to the workers in one round."""
    tasks, stop = queue.Queue(), multiprocessing.Event()
    stop.set()
    pusher(tasks, stop, get_broker())
    return [tasks.get_nowait()["func"] for _ in range(tasks.qsize())]


@pytest.fixture(autouse=True)
def all_at_once(monkeypatch):
    # The test's connection is needed to its end.
    monkeypatch.setattr(django_q.scheduler, "close_old_django_connections", lambda: None)
    monkeypatch.setattr(Conf, "BULK", 100)


def test_the_tasks_of_the_product_reach_the_workers():
    task_queue.wake_pump()
    task_queue.wake_stop(7)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))

    assert pushed() == ["videogen.tasks.pump", "videogen.tasks.stop"]
    assert not Failure.objects.exists()


@pytest.mark.parametrize("name", FOREIGN)
def test_no_other_function_reaches_them_and_that_is_told(name, caplog):
    async_task(name, "argument", word="x")
    task_queue.wake_pump()
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))

    assert pushed() == ["videogen.tasks.pump"]

    failure = Failure.objects.get()
    assert failure.func == " ".join(name.split()) and "argument" in failure.args
    assert "workers run videogen.tasks only" in failure.result
    assert "was refused" in caplog.text
    assert [each.func() for each in OrmQ.objects.all()] == ["videogen.tasks.pump"], "it is gone"


@pytest.mark.parametrize(
    "options",
    [
        {"hook": "os.getpid"},
        {"hook": os.getpid},
        {"chain": [("os.getpid", (), {})]},
        {"hook": "os.getpid", "sync": True},
        {"chain": [("os.getpid", (), {})], "sync": True},
    ],
    ids=str,
)
def test_nothing_foreign_comes_along_with_an_own_task(options):
    async_task("videogen.tasks.send_notices", q_options=options)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))

    assert pushed() == []
    assert Failure.objects.get().func == "videogen.tasks.send_notices"


def test_a_function_itself_is_no_name():
    async_task(os.getpid)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))

    assert pushed() == []
    assert Failure.objects.count() == 1


@pytest.mark.parametrize("kwargs", ["", "q_options={'sync': True}"])
def test_a_schedule_runs_nothing_else(kwargs, tmp_path):
    Schedule.objects.all().delete()
    file = tmp_path / "made"
    past = timezone.now() - timedelta(minutes=1)
    for name, arguments in (("os.mkdir", repr(str(file))), ("videogen.tasks.sweep", "")):
        Schedule.objects.create(
            func=name, args=arguments, kwargs=kwargs * (name == "os.mkdir"), next_run=past
        )

    scheduler(get_broker())
    OrmQ.objects.update(lock=past)

    assert pushed() == ["videogen.tasks.sweep"], "one that is refused does not stop the others"
    assert not pathlib.Path(file).exists()
    assert Failure.objects.get().func == "os.mkdir"


def test_the_queue_in_redis_refuses_them_too(monkeypatch):
    payload = SignedPackage.dumps(
        {"id": "1" * 32, "name": "x", "func": "os.getpid", "args": (), "kwargs": {}}
    )

    class OneTask:
        def blpop(self, key, seconds):
            return key, payload

    monkeypatch.setattr(RedisBroker, "get_connection", staticmethod(lambda key: OneTask()))

    assert RedisBroker("videogen").dequeue() == []
    assert Failure.objects.get().name == "x"


def test_both_queues_are_guarded(settings):
    assert type(get_broker()) is OrmBroker
    assert settings.Q_CLUSTER["broker_class"] == "videogen.common.own_tasks.OrmBroker"
