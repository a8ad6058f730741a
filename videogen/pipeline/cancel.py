"""Asking the API to stop what it renders, on the routes that know such a wish.

A person asks for each render by name; a task carries the wish to the API. What became of it, only
the next poll tells: it may have ended before. No page of Google's says what a stopped one costs, so
it waits for a person like everything that may have been paid.
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
    """Of these, what the API may be asked to stop. No query."""
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
    """The wish for each running render of the batch; how many those are. One query and the queue's
    own."""
    running = VideoRender.objects.filter(batch=batch, state=State.RUNNING).order_by("pk")
    chosen = stoppable(running.defer("prompt_text", "references"))
    for render in chosen:
        wake_stop(render.pk)
    return len(chosen)


def stop_render(pk: int) -> bool:
    """A task: whether the API took the wish. Harmless when doubled or late: the name is that of one
    operation, and what has ended stays as it is."""
    render = VideoRender.objects.filter(pk=pk).defer("prompt_text", "references").first()
    if render is None or not stoppable([render]):
        return False
    try:
        open_client(render.route).cancel(render.operation_name)
    except VeoError as error:
        logger.warning("%s: not stopped: %s", render, error.sentence)
        return False
    logger.info("%s: the API was asked to stop it", render)
    return True
