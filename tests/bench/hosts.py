"""Two hosts on one PostgreSQL, Redis and object store: how fast they are together, and what becomes
of a batch when one of them is lost in the middle of it.

Each host has a network stack, a name and process ids of its own (tests/chaos/hosts.py). The far end
accepts whatever is sent, so what is sent twice is seen.

In the environment: HOSTS_SHOTS (512), the shots of the batch that is timed; HOSTS_IN_FLIGHT (64),
its VIDEO_MAX_IN_FLIGHT; HOSTS_LOST_SHOTS (48), the shots of the batches in which a host is lost;
HOSTS_SCENES, some of SCENES with commas between.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.hosts import Host, Hosts
from tests.chaos.judging import OPEN, Tally, accepted_by, judge, renders_of
from tests.chaos.places import NotHere
from tests.support.installations import wait_until, write_story

from .measure import Figure

SHOTS = int(os.environ.get("HOSTS_SHOTS", "512"))
LOST_SHOTS = int(os.environ.get("HOSTS_LOST_SHOTS", "48"))
IN_FLIGHT = min(SHOTS, int(os.environ.get("HOSTS_IN_FLIGHT", "64")))
LATENCY = 20.0
# So many operations at once, each followed by the next at once; then the poll that finds the last
# video, and its download.
IDEAL = math.ceil(SHOTS / IN_FLIGHT) * LATENCY + 1.0
STORY = "story"
NAMES = ("alder", "birch")
SETTINGS = {
    # The far end is on another machine: for these settings it is Google.
    "VIDEO_BACKEND": "gemini",
    "VIDEO_WORKERS": "3",
    "VIDEO_POLL_SECONDS": "2",
    "VIDEO_SUBMIT_TIMEOUT_SECONDS": "5",
}
PATIENCE = 300.0


def measure(folder: Path) -> list[Figure]:
    # The database server runs as another user.
    folder.chmod(0o755)
    wanted = os.environ.get("HOSTS_SCENES", ",".join(SCENES)).split(",")
    figures = []
    try:
        for scene in wanted:
            figures += SCENES[scene](folder / scene.replace(" ", "-"))
    except NotHere as missing:
        return [*figures, Figure("two hosts", 0, 0, "", "", not_measured=str(missing))]
    return figures


# -- How fast ---------------------------------------------------------------------------------


def speed(folder: Path) -> list[Figure]:
    with Hosts(folder, *NAMES, **SETTINGS, VIDEO_MAX_IN_FLIGHT=str(IN_FLIGHT)) as hosts:
        control = hosts.control
        control.manage("import_story", str(write_story(folder, STORY, SHOTS)))
        hosts.start_simulator(f"--latency={LATENCY}")
        hosts.start_work()
        control.run_task(STORY, "--no-wait")
        wait_until(lambda: _is_done(hosts), 2 * PATIENCE, "for all takes")
        ((submitted, rendered, seconds),) = control.query(
            "SELECT extract(epoch FROM max(submitted_at) - min(queued_at)),"
            " extract(epoch FROM max(rendered_at) - min(queued_at)),"
            " extract(epoch FROM max(downloaded_at) - min(queued_at)) FROM videogen_videorender"
        )
        hosts.fetch_media()
        tally = judge("speed", control, renders_of(control), accepted_by(control))
        owners = control.query("SELECT owner FROM videogen_submission")
        sent = Counter(owner.partition("|")[0] for (owner,) in owners)
        shares = ", ".join(
            f"{host.name} sent {sent[host.name]} and stored {host.takes_stored()}"
            for host in hosts.hosts
        )
    how = (
        f"{SHOTS} shots, {IN_FLIGHT} in flight, ideal {IDEAL:.0f} s: the last was submitted after "
        f"{submitted:.1f} s, seen to be made after {rendered:.1f} s, in the store after "
        f"{seconds:.1f} s; {shares}"
    )
    return [
        Figure("two hosts: throughput of a batch", float(seconds) / IDEAL, 1.25, "× ideal", how),
        *_counted("two hosts", tally),
    ]


def _is_done(hosts: Hosts) -> bool:
    # Looking costs something, too, and the rows know the moments.
    time.sleep(1)
    return hosts.control.states()["done"] == SHOTS


def _counted(what: str, tally: Tally) -> list[Figure]:
    how = (
        f"{tally.accepted} accepted, {tally.playing} in the store as their rows say, "
        f"{tally.unknown} unknown, {tally.left_open} open"
    )
    return [
        Figure(f"{what}: operations submitted twice", tally.twice, 0, "", how),
        Figure(f"{what}: accepted clips lost", tally.lost + tally.left_open, 0, "", "same run"),
    ]


# -- One of them is lost ----------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    """How the host that pumps is lost, and how it comes back: after so many seconds, or at the end,
    when nothing is left to do. `bound`: the seconds within which the other host has to pump;
    `prepare`: done on every host before the batch."""

    lose: Callable[[Host], None]
    come_back: Callable[[Host], None]
    after: float | None = None
    bound: float = 20.0
    prepare: Callable[[Host], None] = lambda host: None


# Waits for a file, then does what a claim does before its commit, and never ends.
LOCK = """
import time
from pathlib import Path
from django.db import transaction
from videogen.models import Lane
from videogen.ops.watchdog import bound_idle_transactions
bound_idle_transactions()
while not Path({sign!r}).exists():
    time.sleep(0.02)
with transaction.atomic():
    Lane.objects.select_for_update(no_key=True).get()
    print("locked", flush=True)
    time.sleep(3600)
"""


def _sign(host: Host) -> Path:
    return host.folder / "lock-now"


def _prepare_lock(host: Host) -> None:
    host.start("shell", "-v0", "-c", LOCK.format(sign=str(_sign(host))), log="lock")


def _begin_a_claim(host: Host) -> None:
    _sign(host).touch()
    wait_until(lambda: "locked" in (host.folder / "lock.log").read_text(), 10, "for the lock")


def _cut_power(host: Host) -> None:
    """In the middle of a claim. Nobody is told: no connection is closed."""
    _begin_a_claim(host)
    host.unplug()
    host.kill_all()


def _freeze_in_a_claim(host: Host) -> None:
    """Its system still answers for its connections."""
    _begin_a_claim(host)
    host.freeze()


def _start_again(host: Host) -> None:
    host.plug()
    host.start("work")


LOSSES = {
    "killed": Loss(Host.kill_all, _start_again),
    # The database notices after 25 s that nobody is there any more.
    "power cut": Loss(_cut_power, _start_again, bound=40.0, prepare=_prepare_lock),
    "partitioned": Loss(Host.unplug, Host.plug, after=40.0),
    "frozen": Loss(Host.freeze, Host.thaw, after=40.0),
    # The server ends what a process that stands still has begun.
    "frozen in a claim": Loss(
        _freeze_in_a_claim, Host.thaw, after=60.0, bound=40.0, prepare=_prepare_lock
    ),
}


@dataclass(frozen=True)
class Outcome:
    """`took_over`: seconds until the other host pumped; `back`: until the lost one came back, and
    `unknown`: how many renders a person would have had to settle by then.
    `half`: videos in the store that are no take's, and uploads that never ended. `same_ids`:
    process ids that both hosts had."""

    tally: Tally
    took_over: float
    back: float
    unknown: int
    half: int
    same_ids: int
    at: str


def run(folder: Path, loss: Loss, *, shots: int = LOST_SHOTS) -> Outcome:
    """Lose the host that pumps while submissions and downloads are under way."""
    # The second half of the renders is sent while clips of the first are downloaded.
    with Hosts(folder, *NAMES, **SETTINGS, VIDEO_MAX_IN_FLIGHT=str(shots // 2)) as hosts:
        control = hosts.control
        control.manage("import_story", str(write_story(folder, STORY, shots)))
        hosts.start_simulator("--latency=3", "--latency-jitter=2")
        control.script_fault("submit", "slow", times=-1, params={"seconds": 1.0})
        control.script_fault("download", "slow", times=-1, params={"bytes_per_second": 30_000})
        for host in hosts.hosts:
            loss.prepare(host)
        hosts.start_work()
        control.run_task(STORY, "--no-wait")
        victim = _wait_for_the_middle(hosts)
        at = ", ".join(f"{count} {state}" for state, count in sorted(control.states().items()))
        first, second = (host.process_ids() for host in hosts.hosts)
        began = time.monotonic()
        loss.lose(victim)
        wait_until(lambda: _pump(hosts) not in (None, victim), 180, "for the other host to pump")
        took_over = time.monotonic() - began
        if loss.after is not None:
            time.sleep(max(0.0, loss.after - took_over))
        else:
            _wait_for_end(hosts)
        back, unknown = time.monotonic() - began, control.states()["unknown"]
        loss.come_back(victim)
        # What it was waiting for ends now, and its journal has answers that no row has.
        time.sleep(float(SETTINGS["VIDEO_SUBMIT_TIMEOUT_SECONDS"]) + 3)
        with suppress(AssertionError):
            wait_until(lambda: not _answers_kept(victim), 60)
        _wait_for_end(hosts)
        stored = [name for name in hosts.fetch_media() if name.endswith(".mp4")]
        renders = renders_of(control)
        takes = {render.video_file for render in renders if render.state == "done"}
        return Outcome(
            judge(folder.name, control, renders, accepted_by(control)),
            took_over,
            back,
            unknown,
            len(set(stored) - takes) + hosts.unfinished_uploads(),
            len(first & second),
            at,
        )


def lost(folder: Path, name: str) -> list[Figure]:
    loss = LOSSES[name]
    outcome = run(folder, loss)
    what = f"a host is {name}" if name != "power cut" else "a host's power is cut"
    told = (
        f"at that moment {outcome.at}; the lost one was back after {outcome.back:.0f} s, when "
        f"{outcome.unknown} were unknown; "
        f"{outcome.same_ids} process ids were those of both hosts"
    )
    return [
        *_counted(what, outcome.tally),
        Figure(f"{what}: half files in the store", outcome.half, 0, "", "same run"),
        Figure(f"{what}: the other takes over", outcome.took_over, loss.bound, "s", told),
    ]


def _wait_for_the_middle(hosts: Hosts) -> Host:
    """Return the host that pumps, as soon as it has submissions and downloads under way."""
    control, found = hosts.control, list[Host]()

    def is_now() -> bool:
        found[:] = filter(None, [_pump(hosts)])
        return bool(found) and {"submitting", "downloading"} <= set(control.states())

    wait_until(is_now, 90, "for a host that submits and downloads")
    return found[0]


def _pump(hosts: Hosts) -> Host | None:
    """Return the host whose process holds the lane, or None."""
    owners = hosts.control.query("SELECT lease_owner FROM videogen_lane WHERE lease_owner > ''")
    return hosts.host_of(owners[0][0]) if owners else None


def _wait_for_end(hosts: Hosts) -> None:
    """In vain, too: what is still open is counted."""
    with suppress(AssertionError):
        wait_until(lambda: not OPEN & set(hosts.control.states()), PATIENCE)


def _answers_kept(host: Host) -> bool:
    """Whether the journal of the host has answers that are not known to be in their rows."""
    return any((host.folder / "var" / "journal").glob("*.json"))


SCENES: dict[str, Callable[[Path], list[Figure]]] = {
    "speed": speed,
    **{name: partial(lost, name=name) for name in LOSSES},
}
