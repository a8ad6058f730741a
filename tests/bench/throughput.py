"""64 shots at once, 20 s of latency, one cluster with two workers, no quota."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.installations import Installation, wait_until, write_story

from .measure import Figure

SHOTS = 64
LATENCY = 20.0
IDEAL = LATENCY + 1.0


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "installation", VIDEO_POLL_SECONDS="2")
    installation.manage("migrate")
    installation.manage("import_story", str(write_story(folder, "story", SHOTS)))
    installation.start_simulator(f"--latency={LATENCY}")
    try:
        installation.start("work")
        time.sleep(3)  # a cluster that stands, as in production
        installation.run_task("story", "--no-wait")
        wait_until(lambda: installation.states()["done"] == SHOTS, 300)
        ((seconds,),) = installation.query(
            "SELECT (julianday(max(downloaded_at)) - julianday(min(queued_at))) * 86400"
            " FROM videogen_videorender"
        )
        twice = sum(count > 1 for count in installation.accepted().values())
    finally:
        installation.close()
    how = f"{SHOTS} shots, ideal {IDEAL:.0f} s, took {seconds:.1f} s from queueing to the last file"
    return [
        Figure("throughput of a batch", seconds / IDEAL, 1.5, "× ideal", how),
        Figure("operations submitted twice", twice, 0, "", "same run"),
    ]
