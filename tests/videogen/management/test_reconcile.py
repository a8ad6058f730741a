"""manage.py reconcile as a process of its own, without a cluster, against the simulator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.commands import manage
from tests.support.installations import ROOT, Installation, wait_until, write_story

STORY = "story"


@pytest.fixture
def installation(tmp_path: Path, migrated_database: Path) -> Iterator[Installation]:
    installation = Installation(
        tmp_path, VIDEO_SUBMIT_TIMEOUT_SECONDS="1", VIDEO_POLL_SECONDS="0.2"
    )
    installation.begin_with(migrated_database)
    installation.manage("import_story", str(write_story(tmp_path, STORY, 2)))
    installation.start_simulator("--latency=0.2")
    yield installation
    installation.close()


def switch(installation: Installation, **settings: bool) -> None:
    url = f"{installation.simulator_url}/_simulator/settings"
    httpx.post(url, json=settings).raise_for_status()


def offer_lists(installation: Installation) -> None:
    switch(installation, list_operations=True, list_generated_files=True, list_details=True)


def lose(installation: Installation, shots: int) -> None:
    """Renders that time out although the simulator has accepted them."""
    installation.script_fault("submit", "hang", times=-1)
    which = ["--scenelet-id=scenelet-1", "--shot-index=1"] if shots == 1 else []
    rows = installation.run_task(STORY, "--wait", *which)
    assert rows[-1]["summary"]["failed"] == shots
    httpx.delete(f"{installation.simulator_url}/_simulator/faults").raise_for_status()
    assert installation.states() == {"unknown": shots}


def reconcile(installation: Installation, *options: str) -> tuple[int, list[dict]]:
    done = installation.manage("reconcile", "--json", *options, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_one_is_found_and_downloaded_here(installation: Installation) -> None:
    lose(installation, 1)
    offer_lists(installation)

    code, [row, last] = reconcile(installation)

    assert code == 0
    assert (row["status"], row["status_now"], row["needs_person"]) == ("unknown", "done", False)
    assert row["done"] == "Taken: nothing else fits."
    assert 47 < row["hours_left"] <= 48
    assert last["summary"] == {
        "unsettled": 1,
        "recovered": 1,
        "need_a_person": 0,
        "candidates": 1,
        "ways": {"list of operations": "It was read.", "list of generated files": "It was read."},
    }
    assert sum(installation.accepted().values()) == 1
    [(file,)] = installation.query("SELECT video_file FROM videogen_videorender")
    assert (installation.media / file).stat().st_size > 10_000

    code, rows = reconcile(installation)
    assert (code, rows[0]["summary"]["unsettled"]) == (0, 0)


@pytest.mark.slow
def test_two_wait_for_a_person_and_a_dry_run_writes_nothing(installation: Installation) -> None:
    lose(installation, 2)
    offer_lists(installation)

    code, rows = reconcile(installation, "--dry-run")
    assert code == 1
    assert [len(row["candidates"]) for row in rows[:-1]] == [2, 2]
    assert installation.query("SELECT count(*) FROM videogen_candidate") == [(0,)]

    code, rows = reconcile(installation)
    assert (code, rows[-1]["summary"]["need_a_person"]) == (1, 2)
    assert installation.query("SELECT count(*) FROM videogen_candidate") == [(2,)]
    assert installation.states() == {"unknown": 2}
    assert len(installation.simulator_log()["submissions"]) == 2

    table = installation.manage("reconcile", check=False)
    assert table.returncode == 1
    assert "2 candidates for a person to decide about." in table.stdout
    assert "Hours left" in table.stdout and "2 for a person to decide about" in table.stdout


@pytest.mark.slow
def test_without_the_lists_there_is_nothing_but_words(installation: Installation) -> None:
    lose(installation, 1)

    code, [row, last] = reconcile(installation)

    assert code == 1
    assert set(last["summary"]["ways"].values()) == {"The API does not offer it."}
    assert row["found"] == "Nothing that may be its answer."
    assert installation.states() == {"unknown": 1}


@pytest.mark.slow
def test_two_processes_at_once_take_it_once(installation: Installation) -> None:
    lose(installation, 1)
    offer_lists(installation)

    both = [
        subprocess.Popen(
            [sys.executable, "manage.py", "reconcile", "--json"],
            cwd=ROOT,
            env=installation.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    answers = [each.communicate(timeout=90) for each in both]

    assert [each.returncode for each in both] == [0, 0], answers
    assert installation.states() == {"done": 1}
    assert installation.query("SELECT status, count(*) FROM videogen_candidate") == [("taken", 1)]
    assert installation.query("SELECT take FROM videogen_videorender") == [(1,)]
    log = installation.simulator_log()
    assert (len(log["submissions"]), log["violations"]) == (1, [])


@pytest.mark.slow
def test_killed_in_the_middle_the_next_one_ends_it(installation: Installation) -> None:
    lose(installation, 1)
    offer_lists(installation)
    switch_slow = {"times": -1, "params": {"bytes_per_second": 3000}}
    installation.script_fault("download", "slow", **switch_slow)
    child = installation.start("reconcile")
    wait_until(lambda: installation.states() == {"downloading": 1}, 60)
    installation.kill(child)
    httpx.delete(f"{installation.simulator_url}/_simulator/faults").raise_for_status()
    # Its lease ends thirty seconds after it was renewed last, unless its owner is provably gone.
    wait_until(lambda: _is_unsettled(installation), 60)

    code, _ = reconcile(installation)

    assert code == 0
    assert installation.states() == {"done": 1}
    assert sum(installation.accepted().values()) == 1


def _is_unsettled(installation: Installation) -> bool:
    return reconcile(installation, "--dry-run")[1][-1]["summary"]["unsettled"] == 1


def test_usage() -> None:
    assert manage("reconcile", "--all").returncode == 2
