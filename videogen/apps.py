from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class VideogenConfig(AppConfig):
    name = "videogen"
    verbose_name = "Video"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from . import checks  # noqa: F401

        post_spawn.connect(_wake_at_start, dispatch_uid="videogen.wake_at_start")


def _wake_at_start(**kwargs: Any) -> None:
    """A new worker may take the place of one that was killed in the middle of something."""
    from . import wakeups

    wakeups.wake_at_start()
