"""64 videos of $3.20 through a spend window of tier 1 ($10), once with the window in our settings
and once with nothing but the API's 429s to go by. The window reaches back seconds, not minutes."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.installations import Installation, wait_until, write_story

from .measure import Figure

SHOTS = 64
WINDOW_SECONDS = 2.0
WINDOW_USD = 10
# Three videos of $3.20 fit in a window.
WINDOWS = -(-SHOTS // 3) - 1
PATIENCE = 400.0


@dataclass(frozen=True)
class Outcome:
    """`submitted`: requests that the far end got; `refused`: how many of them it answered with 429;
    `twice`: prompts that it accepted more than once."""

    states: Counter[str]
    refused: int
    twice: int
    submitted: int
    seconds: float


def measure(folder: Path) -> list[Figure]:
    told = run(folder / "told", SHOTS, knows_the_window=True)
    untold = run(folder / "untold", SHOTS, knows_the_window=False)
    # Where nothing is known of the window, refusals are the way to learn of it: no bound for them.
    return [
        *_figures("window in the settings", told),
        Figure("answers with 429", told.refused, SHOTS // 20, "", "same run"),
        *_figures("429s alone", untold),
    ]


def run(folder: Path, shots: int, *, knows_the_window: bool) -> Outcome:
    """A cluster that works a batch of so many shots until all have ended, by itself."""
    settings = {
        "VIDEO_BACKEND": "gemini",
        "VIDEO_POLL_SECONDS": "0.5",
        "VIDEO_SPEND_WINDOW_SECONDS": str(WINDOW_SECONDS),
    }
    if knows_the_window:
        settings["VIDEO_QUOTA_TIER"] = "1"
    installation = Installation(folder, **settings)
    try:
        installation.manage("migrate")
        installation.manage("import_story", str(write_story(folder, "story", shots)))
        installation.start_simulator(
            "--latency=0.5", f"--spend-limit={WINDOW_USD}", f"--spend-window={WINDOW_SECONDS}"
        )
        installation.start("work")
        start = time.monotonic()
        installation.run_task("story", "--no-wait")
        wait_until(lambda: _are_ended(installation, shots), PATIENCE, f"{installation.states()}")
        log = installation.simulator_log()["submissions"]
        return Outcome(
            installation.states(),
            refused=sum((each.get("error") or {}).get("code") == 429 for each in log),
            twice=sum(count > 1 for count in installation.accepted().values()),
            submitted=len(log),
            seconds=time.monotonic() - start,
        )
    finally:
        installation.close()


def _are_ended(installation: Installation, shots: int) -> bool:
    states = installation.states()
    is_open = {"queued", "submitting", "running", "downloading"} & states.keys()
    return states.total() == shots and not is_open


def _figures(how: str, outcome: Outcome) -> list[Figure]:
    least = WINDOWS * WINDOW_SECONDS
    note = (
        f"{how}: {SHOTS} of $3.20, ${WINDOW_USD} in any {WINDOW_SECONDS:g} s, "
        f"{outcome.submitted} submissions, {outcome.refused} × 429, {outcome.seconds:.0f} s "
        f"(at least {least:.0f} s)"
    )
    return [
        Figure("renders that are not done", SHOTS - outcome.states["done"], 0, "", note),
        Figure("renders that failed", outcome.states["failed"], 0, "", "same run"),
        Figure("submitted twice", outcome.twice, 0, "", "same run"),
        Figure("time of the batch", outcome.seconds / least, 4, "× least", "same run"),
    ]
