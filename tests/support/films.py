"""Takes with real files, and the work on films until nothing is left."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from storybook.models import Scenelet
from videogen.films import film_worker
from videogen.models import VideoRender
from videogen.takes.video_file import sha256_of

from .clips import write_clip
from .factories import make_render, make_story, shots_of


def make_forked_story(story_id="the-lamp"):
    """Two endings after one choice. One shot a scenelet, and a take of each but of the last."""
    story = make_story(story_id, scenelets=("start", "left", "right"))
    start, left, right = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk=start.pk).update(choice_prompt="Where to?", is_branch_point=True)
    for scenelet, label in ((left, "The stairs"), (right, "The window")):
        Scenelet.objects.filter(pk=scenelet.pk).update(parent=start, choice_label=label)
    for shot in shots_of(story).filter(scenelet__in=[start, left]):
        make_film_take(shot)
    return story


def make_film_take(shot, *, frames=6, clip=None, **values):
    """A take with a file of its own. Each is another video, or two shots would share a segment."""
    number = VideoRender.objects.count() + 1
    path = Path(settings.MEDIA_ROOT) / f"{shot.pk}-{number}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, frames=frames, shade=number, **clip or {})
    return make_render(
        shot,
        VideoRender.State.DONE,
        video_file=path.name,
        sha256=sha256_of(path),
        byte_size=path.stat().st_size,
        **{"fps": 24.0} | values,
    )


def work_on_films():
    """However slow the machine is, and however many slices it takes."""
    while film_worker.run_slice():
        pass
