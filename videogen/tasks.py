"""The functions that django-q2 calls. common/task_queue.py names them as text."""

from __future__ import annotations

from .common.task_queue import wake_checks, wake_downloads, wake_films, wake_pump, wake_sender
from .films import film_worker
from .models import ApiAnswer
from .notifications import deliver, detect
from .pipeline import cancel, worker
from .planning import drafts
from .recovery import redownload
from .recovery.reconcile import ask_when_due
from .recovery.reconcile import reconcile as ask_about_all
from .takes import check_worker, download_worker


def pump() -> None:
    if worker.run_slice():
        wake_pump()
    detect.look_for_news()


def sweep() -> None:
    """Once a minute: do what a lost wake-up has left undone."""
    wake_pump()
    wake_downloads(1)
    redownload.download_again()
    ask_when_due()
    drafts.delete_old_drafts()
    ApiAnswer.objects.delete_old()
    if film_worker.waiting().exists():
        wake_films()
    film_worker.remove_unused_hourly()
    if check_worker.waiting().exists():
        wake_checks()
    detect.look_for_news()


def download() -> None:
    if download_worker.run_slice():
        wake_downloads(1)
    detect.look_for_news()


def reconcile() -> None:
    ask_about_all()


def stop(render_pk: int) -> None:
    if cancel.stop_render(render_pk):
        wake_pump()


def send_notices() -> None:
    if deliver.run_slice():
        wake_sender()


def make_films() -> None:
    if film_worker.run_slice():
        wake_films()


def check_takes() -> None:
    if check_worker.run_slice():
        wake_checks()
