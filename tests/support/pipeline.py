"""Queues renders as a command does and works them in this process."""

from __future__ import annotations

import time

from videogen.common.processes import this_process
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.models.states import ENDED
from videogen.pipeline.pump import Pump
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots
from videogen.takes.download_worker import Downloads

from .factories import shots_of

GONE = this_process().rpartition("|")[0] + "|1.00"


def queue(story, mode="default"):
    """The renders that a command would queue."""
    plan = plan_shots(story, shots_of(story), mode)
    queued = queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO", wake=False)
    return list(VideoRender.objects.filter(pk__in=queued.render_ids).order_by("pk"))


def work(lane, *, until=None, seconds=20, scope=None, on_link=None):
    """Pumps and downloads until `until` is true of the renders; by default until all have ended."""
    renders = VideoRender.objects.filter(lane=lane)
    renders = renders if scope is None else renders.filter(pk__in=scope)
    until = until or (lambda found: all(each.state in ENDED for each in found))
    pump = Pump(lane, scope=scope, on_link=on_link)
    downloads = Downloads([lane], scope=scope)
    end = time.monotonic() + seconds
    try:
        while not until(list(renders.all())):
            assert time.monotonic() < end, [
                (each.state, each.error_message) for each in renders.all()
            ]
            pump.tick(0.02)
            downloads.tick(seconds=0.02)
    finally:
        pump.close()
        downloads.close()


def run(story, mode="default"):
    """Queues the story's shots and works until all have ended; the first render and its lane."""
    render, *_ = queue(story, mode)
    work(render.lane)
    render.refresh_from_db()
    return render


OMNI = "gemini-omni-1.1-flash"


def queue_on_omni(story, model=OMNI, mode="default"):
    plan = plan_shots(story, shots_of(story), mode, model=model)
    queued = queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO", wake=False)
    return VideoRender.objects.get(pk__in=queued.render_ids)
