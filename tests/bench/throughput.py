"""64 and 256 shots at once, 20 s of latency, one cluster with two workers, no quota."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.installations import Installation, wait_until, write_story

from .measure import Figure

# The most times the ideal that a batch of so many shots may take.
BOUNDS = {64: 1.1, 256: 1.25}
LATENCY = 20.0
IDEAL = LATENCY + 1.0


def measure(folder: Path) -> list[Figure]:
    return [
        figure for shots, bound in BOUNDS.items() for figure in _measure_batch(folder, shots, bound)
    ]


def _measure_batch(folder: Path, shots: int, bound: float) -> list[Figure]:
    installation = Installation(
        folder / f"installation-{shots}", VIDEO_POLL_SECONDS="2", VIDEO_MAX_IN_FLIGHT=str(shots)
    )
    installation.manage("migrate")
    story = f"story-{shots}"
    installation.manage("import_story", str(write_story(folder, story, shots)))
    installation.start_simulator(f"--latency={LATENCY}")
    try:
        installation.start("work")
        time.sleep(3)  # a cluster that stands, as in production
        installation.run_task(story, "--no-wait")
        wait_until(lambda: installation.states()["done"] == shots, 300)
        steps = ("claimed_at", "submitted_at", "rendered_at", "downloaded_at")
        columns = ", ".join(f"max(julianday({step}))" for step in steps)
        (moments,) = installation.query(
            f"SELECT min(julianday(queued_at)), {columns} FROM videogen_videorender"
        )
        twice = sum(count > 1 for count in installation.accepted().values())
    finally:
        installation.close()
    claimed, submitted, made, seconds = ((each - moments[0]) * 86400 for each in moments[1:])
    how = (
        f"ideal {IDEAL:.0f} s; after queueing the last one was claimed after {claimed:.1f} s, "
        f"accepted after {submitted:.1f} s, found to be made after {made:.1f} s, and its file was "
        f"there after {seconds:.1f} s"
    )
    return [
        Figure(f"throughput of {shots} shots", seconds / IDEAL, bound, "× ideal", how),
        Figure("operations submitted twice", twice, 0, "", "same run"),
    ]
