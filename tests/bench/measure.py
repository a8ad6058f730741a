from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from tests.support.installations import ROOT, Installation


@dataclass(frozen=True)
class Figure:
    """not_measured: why there is no value, which counts as little as one over the bound."""

    what: str
    value: float
    bound: float
    unit: str
    how: str
    not_measured: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.not_measured and self.value <= self.bound

    @property
    def shown(self) -> str:
        if self.not_measured:
            return f"not measured: {self.not_measured}"
        return f"{self.value:.2f} {self.unit}" if self.unit != "" else f"{self.value:.0f}"

    @property
    def bound_shown(self) -> str:
        return f"≤ {self.bound:g} {self.unit}".rstrip()


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
