from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from storybook.importer.effects import Effect
    from storybook.models import Story


class VideogenConfig(AppConfig):
    name = "videogen"
    verbose_name = "Video"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate
        from django_q.signals import post_spawn, pre_enqueue

        import videogen.notifications.checks
        import videogen.ops.checks
        import videogen.webhooks.checks  # noqa: F401

        from .common.log_lines import install_last_words
        from .common.own_tasks import keep_out_of_this_process

        pre_enqueue.connect(keep_out_of_this_process, dispatch_uid="videogen.own_tasks_only")
        install_last_words()
        post_spawn.connect(_wake_at_start, dispatch_uid="videogen.wake_at_start")
        post_migrate.connect(_fill_standings, sender=self, dispatch_uid="videogen.fill_standings")

    def effects_of_import(self, story: Story) -> Iterator[Effect]:
        """What an import means for the takes of the story: see storybook/importer/effects.py."""
        # Not before it is needed: planning is much to load.
        from .planning.outdated import effects_of_import

        return effects_of_import(story)


def _wake_at_start(**kwargs: Any) -> None:
    """Wake the pipeline: a new worker may replace one that was killed in the middle of work."""
    from .common import task_queue

    task_queue.wake_at_start()


def _fill_standings(apps: Any = None, **kwargs: Any) -> None:
    """Fill the stored shot statuses of renders that are older than the table.

    It also fills the table after a migration that emptied it because a status changed its meaning.
    """
    from .models import fill_standings

    # `migrate` passes the models that exist after it, `flush` passes none.
    if apps is None or "shotstanding" in apps.all_models["videogen"]:
        fill_standings()
