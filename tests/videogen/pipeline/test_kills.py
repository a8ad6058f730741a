"""kill -9 at each step, with the real cluster, the real queue and the simulator as processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.installations import Installation, wait_until, write_story

pytestmark = pytest.mark.slow

STORY = "story"


@pytest.fixture
def installation(tmp_path: Path, migrated_database: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path, VIDEO_SUBMIT_TIMEOUT_SECONDS="20")
    installation.begin_with(migrated_database)
    installation.manage("import_story", str(write_story(tmp_path, STORY, 2)))
    yield installation
    installation.close()


def submissions(installation: Installation) -> int:
    return len(installation.simulator_log()["submissions"])


def wait_for_states(installation: Installation, *states: str, seconds: float = 60) -> None:
    wait_until(
        lambda: set(installation.states()) == set(states), seconds, f"for {states}: see work.log"
    )


def assert_takes_are_there(installation: Installation, count: int = 2) -> None:
    rows = installation.query("SELECT video_file, take FROM videogen_videorender")

    assert [take for _, take in rows] == [1] * count
    assert all((installation.media / path).stat().st_size > 10_000 for path, _ in rows)
    assert sorted(installation.accepted().values()) == [1] * count
    assert installation.simulator_log()["violations"] == []


def test_killed_while_queued(installation: Installation) -> None:
    installation.start_simulator("--latency=0.5")
    installation.environment["VIDEO_MAX_IN_FLIGHT"] = "0"
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_for_states(installation, "queued")
    installation.kill(cluster)
    del installation.environment["VIDEO_MAX_IN_FLIGHT"]

    installation.start("work")

    wait_for_states(installation, "done")
    assert_takes_are_there(installation)


def test_killed_between_the_claim_and_the_call_nobody_is_asked(installation: Installation) -> None:
    installation.start_simulator("--latency=0.5")
    installation.run_task(STORY, "--no-wait")
    rows = installation.query('SELECT "references" FROM videogen_videorender')
    pictures = {pick["path"] for (picks,) in rows for pick in json.loads(picks)}
    kept = {name: (installation.media / name).read_bytes() for name in pictures}
    for name in pictures:
        # Who opens it to read waits until somebody writes.
        (installation.media / name).unlink()
        os.mkfifo(installation.media / name)
    cluster = installation.start("work")
    wait_until(lambda: installation.states()["submitting"] == 2, 60)
    installation.kill(cluster)
    for name, data in kept.items():
        (installation.media / name).unlink()
        (installation.media / name).write_bytes(data)

    installation.start("work")

    wait_for_states(installation, "done")
    assert_takes_are_there(installation)
    outcomes = installation.query("SELECT outcome, error_code FROM videogen_submission")
    assert sorted(outcomes) == [("accepted", "")] * 2 + [("rejected", "not_sent")] * 2
    assert list((installation.folder / "var" / "journal").iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "accepted"), [("hang_before_accept", 0), ("hang", 2)], ids=["before", "after"]
)
def test_killed_while_submitting_waits_for_a_person(
    installation: Installation, fault: str, accepted: int
) -> None:
    installation.start_simulator("--latency=0.5")
    installation.script_fault("submit", fault, times=-1)
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_until(lambda: submissions(installation) == 2, 60)
    assert set(installation.states()) == {"submitting"}
    installation.kill(cluster)

    installation.start("work")

    wait_for_states(installation, "unknown")
    assert submissions(installation) == 2
    assert sum(installation.accepted().values()) == accepted
    for mode in ("default", "resume", "override"):
        rows = installation.run_task(STORY, f"--mode={mode}", "--no-wait")[:-1]
        assert {(row["decision"], row["reason"]) for row in rows} == {
            ("skip", "a person must decide")
        }
    assert submissions(installation) == 2


def test_killed_while_the_api_renders(installation: Installation) -> None:
    installation.start_simulator("--latency=4")
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_for_states(installation, "running")
    installation.kill(cluster)

    installation.start("work")

    wait_for_states(installation, "done")
    assert_takes_are_there(installation)


def test_killed_while_downloading_goes_on_where_it_was(installation: Installation) -> None:
    installation.start_simulator("--latency=0.2")
    installation.script_fault("download", "slow", times=2, params={"bytes_per_second": 20_000})
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    partial = installation.media / ".partial"
    wait_until(
        lambda: sum(part.stat().st_size > 10_000 for part in partial.glob("*.part")) == 2, 60
    )
    installation.kill(cluster)

    installation.start("work")

    wait_for_states(installation, "done")
    assert_takes_are_there(installation)
    operations = installation.simulator_log()["operations"].values()
    assert [counts.get("range_downloads", 0) >= 1 for counts in operations] == [True, True]
    assert list(partial.iterdir()) == []


def test_a_killed_worker_is_replaced(installation: Installation) -> None:
    installation.start_simulator("--latency=3")
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_for_states(installation, "running")
    ((owner,),) = installation.query("SELECT lease_owner FROM videogen_lane")
    os.kill(int(owner.split("|")[2]), signal.SIGKILL)

    # The kill may wedge the cluster's own queues; then the watchdog ends it, as documented.
    wait_until(lambda: set(installation.states()) == {"done"} or cluster.poll() is not None, 90)
    if cluster.poll() is not None:
        assert cluster.returncode == 70
        installation.start("work")
    wait_for_states(installation, "done")
    assert_takes_are_there(installation)


def test_a_killed_command_leaves_work_that_the_next_one_ends(installation: Installation) -> None:
    installation.start_simulator("--latency=2")
    installation.environment["VIDEO_MAX_IN_FLIGHT"] = "1"
    command = installation.start(
        "run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={STORY}", "--wait"
    )
    wait_until(lambda: installation.states()["running"] == 1, 60)
    installation.kill(command)
    assert installation.states()["queued"] == 1

    summary = installation.run_task(STORY, "--mode=resume", "--wait")[-1]["summary"]

    assert summary["failed"] == 0
    assert installation.states() == {"done": 2, "cancelled": 1}
    assert sorted(installation.accepted().values()) == [1, 1]


def test_sigterm_to_the_whole_group_ends_it_too(installation: Installation) -> None:
    installation.start_simulator("--latency=0.2")
    cluster = installation.start("work")
    installation.run_task(STORY, "--no-wait")
    wait_for_states(installation, "done")

    os.killpg(cluster.pid, signal.SIGTERM)

    assert cluster.wait(20) == 0


@pytest.mark.parametrize("command", ["work", "qcluster"])
def test_sigterm_ends_the_cluster_and_its_children(
    installation: Installation, command: str
) -> None:
    installation.start_simulator("--latency=0.2")
    cluster = installation.start(command)
    installation.run_task(STORY, "--no-wait")
    wait_for_states(installation, "done")
    children = psutil.Process(cluster.pid).children(recursive=True)

    cluster.terminate()

    assert cluster.wait(40) == 0
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert_takes_are_there(installation)
