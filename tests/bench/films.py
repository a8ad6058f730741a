"""Films: seconds of work for a second of film when it is new, when one take is replaced and when
nothing changed; and the memory that a long film takes more than a short one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.support.installations import Installation

from .measure import Figure, peak_megabytes

SHORT, LONG = 2, 60
# Takes of a second in 720p: one picture, and a box that no reader looks at makes each another file.
TAKES = """
from pathlib import Path
from django.conf import settings
from storybook.models import Shot
from tests.support.clips import write_clip
from tests.support.factories import make_render, make_story, shots_of
from videogen.takes.video_file import sha256_of

def add_take(shot, name):
    path = Path(settings.MEDIA_ROOT) / f"{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = write_clip(path, size=(1280, 720), level=0.1)
    box = b"free" + f"{name:>8}".encode()
    path.write_bytes(data + (4 + len(box)).to_bytes(4, "big") + box)
    size = path.stat().st_size
    values = {"sha256": sha256_of(path), "byte_size": size, "fps": 24.0}
    make_render(shot, "done", video_file=path.name, **values)
"""
PREPARE = f"""{TAKES}
for count in ({SHORT}, {LONG}):
    for shot in shots_of(make_story(f"of-{{count}}", shots=count)):
        add_take(shot, shot.pk)
"""
REPLACE = f"""{TAKES}
add_take(Shot.objects.get(scenelet__story__story_id="of-{LONG}", shot_index=7), "new")
"""


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "films")
    installation.manage("migrate")
    installation.manage("shell", "-v0", "-c", PREPARE)
    short_peak = peak_megabytes(installation, "render_film", f"--story-id=of-{SHORT}")
    start = time.perf_counter()
    long_peak = peak_megabytes(installation, "render_film", f"--story-id=of-{LONG}")
    new_seconds = time.perf_counter() - start
    same_seconds, same = _make(installation)
    installation.manage("shell", "-v0", "-c", REPLACE)
    replaced_seconds, replaced = _make(installation)
    length = same["seconds"]
    peaks = f"peak of the whole process: {long_peak:.0f} MB, of {SHORT} shots {short_peak:.0f} MB"
    work = "s of work per s of film"
    return [
        Figure(f"memory of a film of {LONG} shots", long_peak - short_peak, 64, "MB more", peaks),
        Figure("a new film", new_seconds / length, 3, work, f"{length:.0f} s of film"),
        Figure(
            "segments encoded for one replaced take",
            replaced["segments_encoded"],
            1,
            "",
            f"{replaced_seconds / length:.3f} {work}; {replaced['segments_reused']} used again",
        ),
        Figure(
            "segments encoded for an unchanged film",
            same["segments_encoded"],
            0,
            "",
            f"{same_seconds / length:.3f} {work}, the start of the program; {same['status']}",
        ),
    ]


def _make(installation: Installation) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    done = installation.manage("render_film", f"--story-id=of-{LONG}", "--json")
    seconds = time.perf_counter() - start
    return seconds, json.loads(done.stdout.splitlines()[0])
