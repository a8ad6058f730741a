"""What surrounds the product breaks in the middle of a batch, and is repaired: disks, storage,
database, clock, processes, the API itself.

After each, a person presses "resume" once; then every clip that was accepted is a take, or waits as
unknown, with a sentence.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from tests.support.installations import Installation, wait_until, write_story

from .batches import wait_for_end
from .judging import KEPT, Tally, accepted_by, judge, renders_of, tracebacks
from .kills import Supervisor
from .places import Clock, NotHere, Postgres, PostgresInstallation, small_disk

STORY = "surroundings"
SHOTS = 8
SIDE_BY_SIDE = 3
PATIENCE = 200
# What is logged with its trace while the database or a disk is away, by us or by django-q.
OF_THE_BREAK = (
    "OperationalError|InterfaceError|AdminShutdown|ConnectionFailure|No space left|Read-only file"
    "|BrokenPipeError|EOFError|CannotConnectNow|StringDataRight|disk is full|database is locked"
)


class Scene:
    """An installation with a story, a simulator and (unless `alone`) a supervised cluster."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.installation: Installation
        self.supervisor: Supervisor | None = None

    def build(
        self,
        *,
        kind: type[Installation] = Installation,
        alone: bool = False,
        latency: float = 2.0,
        **environment: str,
    ) -> Installation:
        self.installation = kind(
            self.folder,
            **{
                "VIDEO_SUBMIT_TIMEOUT_SECONDS": "5",
                "VIDEO_POLL_SECONDS": "0.5",
                "VIDEO_WORKERS": "3",
                "DJANGO_SECRET_KEY": "the same for all clusters of these scenes",
                **environment,
            },
        )
        self.stack.callback(self.installation.close)
        self.installation.manage("migrate")
        self.installation.manage("import_story", str(write_story(self.folder, STORY, SHOTS)))
        # The far end has disks of its own.
        far = self.folder / "far"
        self.installation.start_simulator(f"--latency={latency}", f"--state-dir={far}")
        # So that the break falls between the first submission and the last.
        self.installation.script_fault("submit", "slow", times=-1, params={"seconds": 0.5})
        self.installation.script_fault(
            "download", "slow", times=-1, params={"bytes_per_second": 30_000}
        )
        if not alone:
            self.supervise()
        return self.installation

    def supervise(self) -> None:
        self.supervisor = Supervisor(self.installation)
        self.stack.callback(self.supervisor.stop)

    def start_batch(self, accepted: int) -> None:
        """Queue all, return as soon as so many were accepted."""
        self.installation.run_task(STORY, "--no-wait")
        self.wait_for_accepted(accepted)

    def wait_for_accepted(self, count: int) -> None:
        wait_until(lambda: len(accepted_by(self.installation)) >= count, 60, "for the API")

    def wait_for_state(self, *states: str) -> None:
        def is_there() -> bool:
            return any(each.state in states for each in renders_of(self.installation, STORY))

        wait_until(is_there, 60, f"for {states}")


Scenario = Callable[[Scene], None]


def media_disk_full(scene: Scene) -> None:
    disk = scene.stack.enter_context(small_disk(scene.folder / "media", 200))
    scene.build()
    disk.fill()
    scene.start_batch(SHOTS)
    scene.wait_for_state("downloading")
    time.sleep(10)
    disk.free()


def journal_disk_full(scene: Scene) -> None:
    disk = scene.stack.enter_context(small_disk(scene.folder / "var", 4))
    scene.build(VIDEO_MAX_IN_FLIGHT="2")
    scene.start_batch(2)
    disk.fill()
    time.sleep(8)
    disk.free()


def database_disk_full(scene: Scene) -> None:
    place = scene.folder / "database"
    disk = scene.stack.enter_context(small_disk(place, 16))
    installation = scene.build(DATABASE_URL=f"sqlite:///{place / 'db.sqlite3'}", alone=True)
    installation.database = place / "db.sqlite3"
    scene.supervise()
    scene.start_batch(3)
    disk.fill()
    time.sleep(15)
    disk.free()


def media_gone(scene: Scene) -> None:
    media = scene.build().media
    scene.start_batch(SHOTS)
    away = media.rename(media.with_name("media-away"))
    time.sleep(10)
    if media.exists():
        raise AssertionError("the media root was made anew while its disk was away")
    away.rename(media)


def media_read_only(scene: Scene) -> None:
    disk = scene.stack.enter_context(small_disk(scene.folder / "media", 200))
    scene.build()
    scene.start_batch(SHOTS)
    with suppress(Exception):
        # Busy where a file is just being written: then at the next try.
        wait_until(lambda: _read_only(disk), 20)
    time.sleep(10)
    disk.make_read_only(False)


def _read_only(disk) -> bool:
    with suppress(Exception):
        disk.make_read_only(True)
        return True
    return False


def database_locked(scene: Scene) -> None:
    scene.build()
    scene.start_batch(2)
    _lock(scene.installation, 40)


def database_locked_under_a_command(scene: Scene) -> None:
    installation = scene.build(alone=True)
    command = installation.start(
        "run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={STORY}", "--wait"
    )
    scene.wait_for_accepted(2)
    _lock(installation, 40)
    with suppress(AssertionError):
        wait_until(lambda: command.poll() is not None, 60)
    if command.poll() != 0:
        raise AssertionError(f"the command ended with {command.poll()}")


def _lock(installation: Installation, seconds: float) -> None:
    connection = sqlite3.connect(installation.database, timeout=60, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE videogen_lane SET name = name")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def postgres_restarted(scene: Scene) -> None:
    server = Postgres(scene.folder)
    server.start()
    scene.stack.callback(lambda: _quietly(server.stop))
    scene.build(kind=PostgresInstallation, DATABASE_URL=server.url, VIDEO_MAX_IN_FLIGHT="4")
    scene.start_batch(3)
    server.stop("immediate")
    time.sleep(6)
    server.start()
    scene.wait_for_state("downloading", "done")
    server.stop("fast")
    time.sleep(3)
    server.start()


def _quietly(stop: Callable[[], None]) -> None:
    with suppress(NotHere):
        stop()


def clock_jumps(hours: int) -> Scenario:
    def scenario(scene: Scene) -> None:
        clock = Clock(scene.folder)
        installation = scene.build(alone=True, VIDEO_MAX_IN_FLIGHT="5")
        installation.environment |= clock.environment
        scene.supervise()
        scene.start_batch(3)
        clock.jump(hours * 3600)
        scene.wait_for_accepted(SHOTS)

    return scenario


def two_clusters(scene: Scene) -> None:
    """As on two hosts: each with a state folder of its own; one is killed in the middle."""
    installation = scene.build()
    second = dict(installation.environment)
    installation.environment["VIDEO_STATE_DIR"] = str(scene.folder / "var-2")
    other = installation.start("work", log="work-2")
    installation.environment = second
    scene.start_batch(4)
    installation.kill(other)


def _stopped(pid: int, seconds: float) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def worker_hangs(scene: Scene) -> None:
    scene.build()
    scene.start_batch(2)
    [(owner,)] = scene.installation.query("SELECT lease_owner FROM videogen_lane")
    _stopped(int(owner.split("|")[2]), 60)


def downloader_hangs(scene: Scene) -> None:
    scene.build()
    scene.start_batch(SHOTS)
    sql = "SELECT downloader FROM videogen_videorender WHERE downloader > ''"
    wait_until(lambda: scene.installation.query(sql), 60, "for a downloader")
    _stopped(int(scene.installation.query(sql)[0][0].split("|")[2]), 60)


def parent_hangs(scene: Scene) -> None:
    scene.build()
    scene.start_batch(2)
    _stopped(scene.supervisor.cluster.pid, 60)


def whole_cluster_hangs(scene: Scene) -> None:
    scene.build()
    scene.start_batch(2)
    pids = [child.pid for child in psutil.Process(scene.supervisor.cluster.pid).children(True)]
    with ThreadPoolExecutor(len(pids)) as threads:
        list(threads.map(lambda pid: _stopped(pid, 60), pids))


def api_away(scene: Scene) -> None:
    installation = scene.build(VIDEO_MAX_IN_FLIGHT="4")
    scene.start_batch(3)
    port = installation.simulator_url.rpartition(":")[2]
    simulator = next(
        child for child in installation._children if "run_simulator" in str(child.args)
    )
    installation.kill(simulator)
    time.sleep(10)
    far = f"--state-dir={scene.folder / 'far'}"
    installation.start("run_simulator", f"--port={port}", "--clips=quick", "--latency=2", far)
    with suppress(AssertionError):
        wait_until(lambda: _answers(installation), 20)


def _answers(installation: Installation) -> bool:
    try:
        return bool(installation.simulator_log())
    except OSError:
        return False
    except Exception:  # httpx's own kinds
        return False


SCENARIOS: dict[str, Scenario] = {
    "media disk full": media_disk_full,
    "disk of the journal full": journal_disk_full,
    "disk of the database full (SQLite)": database_disk_full,
    "media storage gone and back": media_gone,
    "media storage read-only": media_read_only,
    "database locked for 40 s": database_locked,
    "database locked for 40 s, a command alone": database_locked_under_a_command,
    "PostgreSQL restarted twice": postgres_restarted,
    "clock jumps +1 h": clock_jumps(1),
    "clock jumps -1 h": clock_jumps(-1),
    "two clusters, one killed": two_clusters,
    "pump's worker hangs for 60 s": worker_hangs,
    "downloader hangs for 60 s": downloader_hangs,
    "parent hangs for 60 s": parent_hangs,
    "whole cluster hangs for 60 s": whole_cluster_hangs,
    "API away for 10 s": api_away,
}


def run(folder: Path, options: argparse.Namespace) -> list[Tally]:
    wanted = [(name, run) for name, run in SCENARIOS.items() if options.only in name]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return list(
            threads.map(lambda job: _play(folder / f"scene-{job[0]}", *job[1]), enumerate(wanted))
        )


def _play(folder: Path, name: str, scenario: Scenario) -> Tally:
    started = time.monotonic()
    with _scene(folder) as scene:
        wrong = []
        try:
            scenario(scene)
        except NotHere as reason:
            return Tally(name, rounds=0, skipped=str(reason))
        except Exception as error:
            # The other scenarios go on; this one has not shown what it should.
            wrong.append(f"{type(error).__name__}: {error}")
        tally = _mend_and_judge(name, scene)
        tally.wrong += wrong
    tally.seconds = time.monotonic() - started
    return tally


@contextmanager
def _scene(folder: Path) -> Iterator[Scene]:
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        yield Scene(folder, stack)


def _mend_and_judge(name: str, scene: Scene) -> Tally:
    installation = scene.installation
    if scene.supervisor is None:
        scene.supervise()
    wait_for_end(installation, STORY, PATIENCE)
    before = renders_of(installation, STORY)
    unexplained = sum(not each.sentence for each in before if each.state != "done")
    resumed = sum(each.state in KEPT - {"unknown"} or each.state == "failed" for each in before)
    if resumed:
        installation.run_task(STORY, "--mode=resume", "--no-wait")
        wait_for_end(installation, STORY, PATIENCE)
    renders = renders_of(installation, STORY)
    tally = judge(name, installation, renders, accepted_by(installation))
    tally.unexplained += unexplained
    if resumed:
        tally.note = f"{resumed} resumed or sent again by a person"
    for shot in sorted({render.shot for render in renders}):
        last = [render for render in renders if render.shot == shot][-1]
        if last.state not in ("done", "unknown"):
            tally.wrong.append(f"{shot} is {last.state}: {last.sentence[:200]}")
    if strange := tracebacks(installation, expected=OF_THE_BREAK):
        tally.tracebacks = len(strange)
        tally.wrong += strange[:5]
    return tally
