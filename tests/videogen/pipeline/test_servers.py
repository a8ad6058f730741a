"""The queue on the servers that a studio runs: PostgreSQL as the database, with the queue in it or
on Redis."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack

import pytest
import redis

from tests.support.installations import Installation, wait_until, write_story
from tests.support.servers import postgres_database, redis_url
from tests.support.worker_facts.apps import SHARED
from videogen.ops.watchdog import IDLE_MILLISECONDS

pytestmark = pytest.mark.slow

STORY = "story"


@pytest.fixture(params=["queue in PostgreSQL", "queue on Redis"])
def installation(request, tmp_path):
    environment = {}
    with ExitStack() as stack:
        environment["DATABASE_URL"] = stack.enter_context(postgres_database("videogen_queue"))
        if request.param == "queue on Redis":
            environment["VIDEO_QUEUE_REDIS_URL"] = redis_url()
            redis.Redis.from_url(redis_url()).flushdb()
        installation = Installation(tmp_path, **environment)
        stack.callback(installation.close)
        installation.manage("migrate")
        installation.manage("import_story", str(write_story(tmp_path, STORY, 6)))
        installation.start_simulator("--latency=1")
        yield installation


def test_a_story_is_rendered_though_the_cluster_is_killed(installation):
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_until(lambda: installation.states()["running"], 60, "for the first to run")
    os.killpg(cluster.pid, signal.SIGKILL)
    cluster.wait()

    installation.start("work")

    # What was on its way when the kill came may have been accepted: a person decides about it.
    wait_until(lambda: not installation.states().keys() - {"done", "unknown"}, 90, "for the end")
    accepted = installation.accepted()
    states = installation.states()
    assert set(accepted.values()) <= {1}
    assert states["done"] + states["unknown"] == 6
    assert states["done"] <= len(accepted) <= 6
    files = installation.query("SELECT video_file FROM videogen_videorender WHERE take = 1")
    assert len(files) == states["done"] > 0
    assert all((installation.media / file).stat().st_size > 10_000 for (file,) in files)


def test_a_command_sees_the_cluster_and_leaves_the_work_to_it(installation):
    installation.start("work")
    wait_until(lambda: level_of("workers", installation) == "ok", 60, "for the cluster's beat")

    ended = installation.manage(
        "run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={STORY}", "--json", "--wait"
    )

    *rows, summary = map(json.loads, ended.stdout.splitlines())
    assert [row["status"] for row in rows] == ["done"] * 6
    assert summary["summary"]["generated"] == 6
    assert "No cluster" not in ended.stderr
    assert sorted(installation.accepted().values()) == [1] * 6


def test_workers_share_what_is_slow_to_import_and_keep_no_locks_where_they_are_frozen(
    installation, tmp_path
):
    facts = tmp_path / "facts"
    facts.mkdir()
    installation.environment["WORKER_FACTS"] = str(facts)
    installation.environment["DJANGO_SETTINGS_MODULE"] = "tests.support.worker_facts.settings"

    installation.start("work")

    wait_until(lambda: len(list(facts.glob("*.json"))) >= 2, 60, "for the workers to begin")
    for told in (json.loads(each.read_text()) for each in facts.glob("*.json")):
        assert told["shared"] == [*SHARED]
        assert told["frozen_objects"] > 100_000
        assert told["idle_timeout"] == f"{IDLE_MILLISECONDS // 1000}s"


def level_of(check, installation):
    told = installation.manage("doctor", "--offline", "--json", check=False).stdout.splitlines()
    return {line.get("check"): line.get("level") for line in map(json.loads, told)}[check]
