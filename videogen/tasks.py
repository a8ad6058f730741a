"""django-q2's doors: one call each, nothing else. Named as text in wakeups.py."""

from __future__ import annotations

from . import drafts, expiring, notices, reconciling, sending, slices, stops, takes
from .wakeups import wake_downloads, wake_pump, wake_sender


def pump() -> None:
    if slices.run_slice():
        wake_pump()
    notices.look_for_news()


def sweep() -> None:
    """Once a minute, whatever was lost."""
    wake_pump()
    wake_downloads(1)
    expiring.download_again()
    reconciling.ask_when_due()
    drafts.delete_old_drafts()
    notices.look_for_news()


def download() -> None:
    if takes.run_slice():
        wake_downloads(1)
    notices.look_for_news()


def reconcile() -> None:
    reconciling.reconcile()


def stop(render_pk: int) -> None:
    if stops.stop_render(render_pk):
        wake_pump()


def send_notices() -> None:
    if sending.run_slice():
        wake_sender()
