"""kill -9 of some process at some moment, again and again.

One installation for each route side by side, each with a simulator, a cluster and a supervisor that
starts it again; every round is a scenelet of its own. Submissions and downloads are slowed down, so
that many kills fall into the moments that matter.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from rich.console import Console

from tests.support.installations import Installation, wait_until, write_story

from . import routes
from .judging import OPEN, Tally, accepted_by, judge, renders_of, tracebacks

STORY = "chaos"
SHOTS = 6
# How many takes of each shot a round asks for, in turn. Their number has no common factor with that
# of the victims, so that each victim meets each of them.
TAKES = (2, 1, 3, 1, 1)
# A wedged cluster is found after half a minute and restarted; then the work begins.
# Where other work takes the processors, all of it takes several times as long.
PATIENCE = 300
PROGRESS = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
VICTIMS = ("pump", "downloader", "any child", "group", "parent", "command")
NOBODY = "the victim did not turn up"
# What a killed process's siblings say when its pipe, lock or connection is gone.
OF_THE_KILL = "BrokenPipeError|EOFError|ConnectionResetError|KeyboardInterrupt|SIGKILL"


class Supervisor:
    """Starts the cluster again whenever it has ended, as systemd would."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.cluster = installation.start("work")
        self.restarts = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            if self.cluster.poll() is not None:
                # What is left of its group dies with it, as with KillMode=mixed.
                with suppress(ProcessLookupError):
                    os.killpg(self.cluster.pid, signal.SIGKILL)
                self.restarts += 1
                self.cluster = self.installation.start("work")

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        if self.cluster.poll() is None:
            self.installation.kill(self.cluster)


@contextmanager
def killing_ground(folder: Path, rounds: int, route: str = "gemini") -> Iterator[Installation]:
    """An installation with one scenelet a round, and a simulator that takes its time."""
    installation = Installation(
        folder,
        **routes.ENVIRONMENTS[route],
        VIDEO_SUBMIT_TIMEOUT_SECONDS="5",
        VIDEO_POLL_SECONDS="0.4",
        VIDEO_WORKERS="3",
    )
    # The commands that only queue: what is killed is started the usual way.
    installation.keep_warm()
    installation.manage("migrate")
    installation.manage("import_story", str(write_story(folder, STORY, SHOTS * rounds)))
    installation.start_simulator("--latency=0.8", "--latency-jitter=0.6")
    installation.script_fault("submit", "slow", times=-1, params={"seconds": 0.25})
    installation.script_fault("download", "slow", times=-1, params={"bytes_per_second": 30_000})
    try:
        yield installation
    finally:
        installation.close()


def run(folder: Path, options: argparse.Namespace) -> list[Tally]:
    """One tally for each route. The rounds are shared in blocks: each route meets every victim."""
    numbers = range(options.rounds)
    size = -(-options.rounds // len(routes.ENVIRONMENTS))
    shares = {
        route: [
            (number, VICTIMS[number % len(VICTIMS)])
            for number in numbers[start : start + size]
            if options.only in f"{route}: {VICTIMS[number % len(VICTIMS)]}"
        ]
        for route, start in zip(routes.ENVIRONMENTS, range(0, 3 * size, size), strict=True)
    }
    with ThreadPoolExecutor(len(shares)) as threads:
        results = threads.map(
            lambda route: _share(folder / route, route, shares[route]),
            [route for route, rounds in shares.items() if rounds],
        )
        return [_total(route, tallies) for route, tallies in results]


def _total(route: str, tallies: list[Tally]) -> Tally:
    total = sum(tallies, Tally(f"kill -9: {routes.NAMES[route]}", rounds=0))
    nobody = sum(tally.note == NOBODY for tally in tallies)
    total.note = f"{nobody} rounds in which the victim did not turn up" if nobody else ""
    return total


def _share(folder: Path, route: str, rounds: list[tuple[int, str]]) -> tuple[str, list[Tally]]:
    tallies = []
    with killing_ground(folder, len(rounds), route) as installation:
        with_cluster = [job for job in enumerate(rounds, 1) if job[1][1] != "command"]
        alone = [job for job in enumerate(rounds, 1) if job[1][1] == "command"]
        if with_cluster:
            supervisor = Supervisor(installation)
            try:
                for scenelet, (number, victim) in with_cluster:
                    tallies.append(_cluster_round(supervisor, scenelet, number, victim))
                    _tell(route, number, tallies[-1])
            finally:
                supervisor.stop()
            # A cluster's own status outlives it by three seconds; until then a command waits for
            # it.
            time.sleep(4)
        for scenelet, (number, victim) in alone:
            tallies.append(_command_round(installation, scenelet, number, victim))
            _tell(route, number, tallies[-1])
        strange = tracebacks(installation, expected=OF_THE_KILL)
        if strange:
            tallies[-1].tracebacks += len(strange)
            tallies[-1].wrong += strange[:10]
        tallies[-1].wrong += routes.wrong_use(installation, route)
    return route, tallies


def _tell(route: str, number: int, tally: Tally) -> None:
    """A line for each round, for whoever waits, and for what a run is worth that is stopped."""
    PROGRESS.print(
        f"round {number}, {route}, {tally.scenario}, {TAKES[number % len(TAKES)]} a shot: "
        f"{tally.accepted} accepted, "
        f"{tally.playing} playing, {tally.unknown} unknown, {tally.twice} twice, "
        f"{tally.lost} lost, {tally.left_open} left open, {tally.seconds:.0f} s",
        *tally.wrong,
    )


def _cluster_round(supervisor: Supervisor, scenelet: int, number: int, victim: str) -> Tally:
    installation, name = supervisor.installation, f"scenelet-{scenelet}"
    chance = random.Random(number)
    started = time.monotonic()
    takes = TAKES[number % len(TAKES)]
    wanted = (f"--scenelet-id={name}", f"--takes-per-shot={takes}")
    installation.run_task(STORY, "--no-wait", *wanted)
    time.sleep(chance.uniform(0, 3))
    killed = _kill(supervisor, victim, chance)
    tally = _end(installation, name, victim, takes)
    tally.seconds = time.monotonic() - started
    tally.note = "" if killed else NOBODY
    return tally


def _kill(supervisor: Supervisor, victim: str, chance: random.Random) -> bool:
    """False where the one to be killed did not turn up."""
    cluster = supervisor.cluster
    if victim == "group":
        with suppress(ProcessLookupError):
            os.killpg(cluster.pid, signal.SIGKILL)
        return True
    if victim == "parent":
        with suppress(ProcessLookupError):
            os.kill(cluster.pid, signal.SIGKILL)
        return True
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if pid := _pid_of(supervisor, victim, chance):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        time.sleep(0.02)
    return False


def _pid_of(supervisor: Supervisor, victim: str, chance: random.Random) -> int | None:
    if victim == "any child":
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(supervisor.cluster.pid).children(recursive=True)
            return chance.choice(children).pid if children else None
        return None
    sql = {
        "pump": "SELECT lease_owner FROM videogen_lane WHERE lease_owner > ''",
        "downloader": "SELECT downloader FROM videogen_videorender WHERE downloader > ''",
    }[victim]
    owners = supervisor.installation.query(sql)
    return int(owners[0][0].split("|")[2]) if owners else None


def _command_round(installation: Installation, scenelet: int, number: int, victim: str) -> Tally:
    """A command that works its own batch is killed; the next one ends what it has left."""
    name = f"scenelet-{scenelet}"
    chance = random.Random(number)
    takes = TAKES[number % len(TAKES)]
    started = time.monotonic()
    command = installation.start(
        "run_task",
        "--task=CREATE_SHOT_VIDEO",
        f"--story-id={STORY}",
        f"--scenelet-id={name}",
        f"--takes-per-shot={takes}",
        "--wait",
    )
    wait_until(lambda: renders_of(installation, STORY, name), PATIENCE, "for the first row")
    # Half of them where the money is.
    time.sleep(chance.uniform(0, 1.5) if number % 12 < 6 else chance.uniform(0, 5))
    with suppress(subprocess.TimeoutExpired):
        installation.kill(command)
    installation.run_task(STORY, "--mode=resume", "--wait", f"--scenelet-id={name}")
    tally = _end(installation, name, victim, takes)
    tally.seconds = time.monotonic() - started
    return tally


def _end(installation: Installation, scenelet: str, victim: str, takes: int) -> Tally:
    def is_over() -> bool:
        renders = renders_of(installation, STORY, scenelet)
        return bool(renders) and not any(render.state in OPEN for render in renders)

    with suppress(AssertionError):
        wait_until(is_over, PATIENCE)
    renders = renders_of(installation, STORY, scenelet)
    accepted = accepted_by(installation)
    tally = judge(victim, installation, renders, accepted, takes_per_shot=takes)
    # After a killed command, the next one asks for what is missing.
    if victim != "command" and len(renders) != SHOTS * takes:
        tally.wrong.append(f"{victim}: {len(renders)} renders of {SHOTS} shots × {takes}")
    # Nothing was the API's fault: whatever it accepted is a take, or waits for a person.
    ends = {"done", "unknown"} | ({"cancelled"} if victim == "command" else set())
    tally.wrong += [
        f"{victim}: {render.shot} is {render.state}: {render.sentence}"
        for render in renders
        if render.state not in ends
    ]
    # Unknown may be more than was accepted, never less.
    accounted = tally.accepted - tally.playing - tally.unknown
    if accounted > 0:
        tally.wrong.append(
            f"{victim}: {accounted} accepted operations are neither take nor unknown"
        )
    return tally
