from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.installations import ROOT, Installation


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    bound: float
    unit: str
    how: str

    @property
    def is_ok(self) -> bool:
        return self.value <= self.bound

    @property
    def shown(self) -> str:
        return f"{self.value:.2f} {self.unit}" if self.unit != "" else f"{self.value:.0f}"

    @property
    def bound_shown(self) -> str:
        if self.bound == float("inf"):
            return "told only"
        return f"≤ {self.bound:g} {self.unit}".rstrip()


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Wall-clock of `run`, the middle one of several."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def peak_megabytes(installation: Installation, *arguments: str) -> float:
    """The most memory that this one `manage.py` process had resident."""
    child = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, child.stderr.read()
    child.stderr.close()
    return usage.ru_maxrss / 1024
