"""The technical check of takes: recall by kind of defect, false alarms, and what it costs beside
decoding a clip. `VIDEO_BENCH_CHECKS=5` makes so many of each defect, and five times as many clean
clips, instead of 20 and 100."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import django

from tests.support.installations import ROOT

from .measure import Figure

COUNT = int(os.environ.get("VIDEO_BENCH_CHECKS", "20"))


def measure(folder: Path) -> list[Figure]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
    django.setup()
    from tests.support.check_figures import false_alarms, recall_of
    from videogen.models import FindingKind

    figures = []
    for kind in FindingKind:
        found, missed = recall_of(folder, kind, COUNT)
        how = f"{found} of {COUNT} found" + (f", not {missed}" if missed else "")
        figures.append(
            Figure(f"missed: {kind.value}", (COUNT - found) / COUNT, 0.05, "of all", how)
        )
    clean, alarms = 5 * COUNT, false_alarms(folder, 5 * COUNT)
    how = f"{len(alarms)} of {clean} clean clips: {', '.join(alarms) or 'none'}"
    figures.append(Figure("false alarms", len(alarms) / clean, 0.02, "of all", how))
    return figures + _costs(folder)


def _costs(folder: Path) -> list[Figure]:
    path = folder / "large.mp4"
    told = [_run("make", path)]
    plain, checked = [], []
    for _ in range(3):
        plain.append(_run("decode", path))
        checked.append(_run("check", path))
    seconds = [min(each[0] for each in runs) for runs in (plain, checked)]
    peaks = [max(each[1] for each in runs) for runs in (plain, checked)]
    how = f"{seconds[1]:.2f} s, decoding alone {seconds[0]:.2f} s; 8 s of 1080p"
    peak = f"peak of the whole process: {peaks[1]:.0f} MB, decoding alone {peaks[0]:.0f} MB"
    assert told
    return [
        Figure("a technical check against decoding", seconds[1] / seconds[0], 1.5, "×", how),
        Figure("memory of a technical check", peaks[1] - peaks[0], 80, "MB more", peak),
    ]


def _run(what: str, path: Path) -> tuple[float, float]:
    """Seconds of the processor's time, and the most memory, of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.check_figures", what, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)
