"""The export that is streamed to a browser: 300 clips of 20 MB against one. How much more memory
does it take, and when does the first byte come?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.installations import Installation

from .measure import Figure

CLIPS, MEGABYTES = 300, 20
# One file under the names of all takes, so that it takes no 6 GB. A box that every reader skips
# makes it large.
PREPARE = f"""
import os
from pathlib import Path
from django.conf import settings
from django.contrib.auth import get_user_model
from tests.support.factories import make_render, make_story, shots_of
from tests.support.films import make_film_take
get_user_model().objects.create_superuser("producer", password="x")
for name, count in (("one", 1), ("many", {CLIPS})):
    first, *others = shots_of(make_story(name, shots=count)).order_by("shot_index")
    take = make_film_take(first, frames=24)
    path = Path(settings.MEDIA_ROOT) / take.video_file
    with path.open("r+b") as file:
        end, size = file.seek(0, 2), {MEGABYTES} << 20
        file.write((size - end).to_bytes(4, "big") + b"free")
        file.truncate(size)
    for shot in others:
        os.link(path, path.with_name(f"{{shot.pk}}.mp4"))
        make_render(shot, "done", video_file=f"{{shot.pk}}.mp4", sha256=take.sha256, byte_size=size)
"""
EXPORT = """
import json, resource, time
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from storybook.models import Story
client = Client(HTTP_HOST="localhost")
client.force_login(get_user_model().objects.get())
# What a process does once is done when somebody exports.
client.get(reverse("admin:index"))
story = Story.objects.get(story_id={name!r})
start = time.perf_counter()
response = client.get(reverse("admin:storybook_story_export", args=[story.pk]))
chunks = iter(response.streaming_content)
size = len(next(chunks))
first = time.perf_counter() - start
size += sum(map(len, chunks))
whole = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"first": first, "whole": whole, "bytes": size, "peak": peak}}))
"""


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "exports", DJANGO_DEBUG="1")
    installation.manage("migrate")
    installation.manage("shell", "-v0", "-c", PREPARE)
    one, many = (_export(installation, name) for name in ("one", "many"))
    return [
        Figure(
            f"memory of an export of {CLIPS} clips of {MEGABYTES} MB",
            many["peak"] - one["peak"],
            3 * MEGABYTES,
            "MB more",
            f"peak of the whole process: {many['peak']:.0f} MB, of one clip {one['peak']:.0f} MB; "
            f"{many['bytes']:,} bytes came",
        ),
        Figure(
            "the first byte of it",
            100 * many["first"] / many["whole"],
            5,
            "% of the time that all takes",
            f"{many['first']:.2f} of {many['whole']:.1f} s; of one clip {one['first']:.2f} s",
        ),
    ]


def _export(installation: Installation, name: str) -> dict[str, Any]:
    return json.loads(installation.manage("shell", "-v0", "-c", EXPORT.format(name=name)).stdout)
