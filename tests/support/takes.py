"""Takes that were made from what a story asked for, as the queue asks for it."""

from __future__ import annotations

from datetime import UTC, datetime

from storybook.models import Shot
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots

THIRD_OF_MAY = datetime(2026, 5, 3, 12, tzinfo=UTC)


def make_takes(*shots, review="unreviewed", rendered_at=THIRD_OF_MAY):
    """A new take of each shot; all are of one story."""
    chosen = Shot.objects.filter(pk__in=[shot.pk for shot in shots])
    plan = plan_shots(shots[0].scenelet.story, chosen, "override")
    queued = queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO", wake=False)
    renders = {each.shot_id: each for each in VideoRender.objects.filter(pk__in=queued.render_ids)}
    for render in renders.values():
        render.state, render.ended_at = "done", rendered_at
        render.take = VideoRender.objects.filter(shot=render.shot_id).exclude(take=None).count() + 1
        render.video_file = f"shot-{render.shot_id}/take-{render.take}.mp4"
        render.rendered_at, render.review = rendered_at, review
        render.save()
    return [renders[shot.pk] for shot in shots]


def make_take(shot, **values):
    return make_takes(shot, **values)[0]
