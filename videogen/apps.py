from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class VideogenConfig(AppConfig):
    name = "videogen"
    verbose_name = "Video"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate
        from django_q.signals import post_spawn

        import videogen.notifications.checks
        import videogen.ops.checks
        import videogen.webhooks.checks  # noqa: F401

        post_spawn.connect(_wake_at_start, dispatch_uid="videogen.wake_at_start")
        post_migrate.connect(_fill_standings, sender=self, dispatch_uid="videogen.fill_standings")


def _wake_at_start(**kwargs: Any) -> None:
    """A new worker may take the place of one that was killed in the middle of something."""
    from .common import task_queue

    task_queue.wake_at_start()


def _fill_standings(apps: Any = None, **kwargs: Any) -> None:
    """Of renders from before there were standings, or after a migration that changed what a badge
    means and therefore emptied the table."""
    from .models import fill_standings

    # `migrate` says which models there are after it, `flush` does not.
    if apps is None or "shotstanding" in apps.all_models["videogen"]:
        fill_standings()
