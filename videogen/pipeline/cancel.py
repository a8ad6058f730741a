"""Ask the API to cancel running operations, on the routes that offer it.

A person asks for it; a task carries the request to the API. Only the next poll shows what became of
the operation, because it may have ended before. Google does not document what a cancelled operation
costs, so its render waits for a person, like everything that may have been charged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from videogen.common.errors import VeoError
from videogen.common.task_queue import wake_stop
from videogen.models import RenderBatch, VideoRender
from videogen.models.routes import CANCELLING, served_backends
from videogen.providers.registry import open_client

logger = logging.getLogger(__name__)

State = VideoRender.State


def stoppable(renders: Iterable[VideoRender]) -> list[VideoRender]:
    """Return those of the renders whose operation the API can be asked to cancel. Makes no
    query."""
    served = served_backends()
    return [
        render
        for render in renders
        if render.state == State.RUNNING
        and render.route in CANCELLING
        and render.backend in served
        and render.operation_name
    ]


def ask_to_stop(batch: RenderBatch) -> int:
    """Queue a task for each running render of the batch that can be cancelled. Return how many
    there are."""
    running = VideoRender.objects.filter(batch=batch, state=State.RUNNING).order_by("pk")
    chosen = stoppable(running.without_heavy_columns())
    for render in chosen:
        wake_stop(render.pk)
    return len(chosen)


def stop_render(pk: int) -> bool:
    """Task: ask the API to cancel the render's operation. Return whether the API accepted that.

    It does no harm twice or too late: the name is that of one operation, and one that has ended
    stays as it is.
    """
    render = VideoRender.objects.filter(pk=pk).without_heavy_columns().first()
    if render is None or not stoppable([render]):
        return False
    try:
        open_client(render.route).cancel(render.operation_name)
    except VeoError as error:
        logger.warning("%s: not stopped: %s", render, error.sentence)
        return False
    logger.info("%s: the API was asked to stop it", render)
    return True
