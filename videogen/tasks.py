"""django-q2's doors: one call each, nothing else. Named as text in wakeups.py."""

from __future__ import annotations

from . import pipeline, takes
from .wakeups import wake_downloads, wake_pump


def pump() -> None:
    if pipeline.run_slice():
        wake_pump()


def download() -> None:
    if takes.run_slice():
        wake_downloads(1)
