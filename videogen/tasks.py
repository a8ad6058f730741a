"""django-q2's doors: one call each, nothing else. Named as text in wakeups.py."""

from __future__ import annotations

from . import drafts, expiring, pipeline, reconciling, takes
from .wakeups import wake_downloads, wake_pump


def pump() -> None:
    if pipeline.run_slice():
        wake_pump()


def sweep() -> None:
    """Once a minute, whatever was lost."""
    wake_pump()
    wake_downloads(1)
    expiring.download_again()
    reconciling.ask_when_due()
    drafts.delete_old_drafts()


def download() -> None:
    if takes.run_slice():
        wake_downloads(1)


def reconcile() -> None:
    reconciling.reconcile()
