"""kill -9 of workers while they put clips into a real object store: no clip is lost, none is half
there, and none is paid twice."""

from __future__ import annotations

import os
import random
import time

import pytest

from storybook.object_store import ObjectStore
from storybook.store_address import read_store_address
from tests.support.installations import Installation, wait_until, write_story

pytestmark = pytest.mark.slow

SHOTS, KILLS = 12, 5


def test_workers_that_are_killed_while_they_put_lose_nothing(
    tmp_path, store_server, monkeypatch, migrated_database
):
    environment = store_server.environment()
    installation = Installation(
        tmp_path / "installation", VIDEO_DOWNLOAD_ATTEMPTS="50", **environment
    )
    installation.begin_with(migrated_database)
    installation.manage("import_story", str(write_story(tmp_path, "story", SHOTS)))
    installation.start_simulator("--latency=1", "--clip-megabytes=8")
    chance = random.Random(3)
    try:
        cluster = installation.start("work")
        installation.run_task("story", "--no-wait")
        for _ in range(KILLS):
            # A number is given right before the clip is put.
            wait_until(lambda: puts_or_is_done(installation), 90)
            time.sleep(chance.uniform(0, 0.4))
            installation.kill(cluster)
            cluster = installation.start("work")
        wait_until(lambda: set(installation.states()) <= {"done", "unknown"}, 120)
        assert max(installation.accepted().values()) == 1
        rows = installation.query(
            "SELECT video_file, sha256, byte_size FROM videogen_videorender WHERE state = 'done'"
        )
    finally:
        installation.close()

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore(**read_store_address(environment["MEDIA_STORE_URL"], os.environ).options)
    stored = {name: (store.sha256(name), store.size(name)) for name, _, _ in rows}
    assert stored == {name: (sha256, size) for name, sha256, size in rows}
    takes = {each.name for each in store.files("story/shots") if each.name.endswith(".mp4")}
    assert takes == set(stored), "what is in the store is what the rows know"
    assert len(rows) + installation.states()["unknown"] == SHOTS


def puts_or_is_done(installation):
    numbered = installation.query(
        "SELECT 1 FROM videogen_videorender WHERE take IS NOT NULL AND state = 'downloading'"
    )
    return numbered or set(installation.states()) <= {"done", "unknown"}
