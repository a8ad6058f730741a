"""A story that is archived, wiped and restored. How long does a GB take, against a plain copy of
its files? How much more memory do many takes need than one? Is all as it was?"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

from tests.support.installations import Installation

from .measure import Figure, peak_megabytes

TAKES, MEGABYTES = 200, 8
PREPARE = """
from pathlib import Path
from django.conf import settings
from tests.support.story_archives import make_archived_story
from videogen.models import VideoRender
import os
for name, takes in (("one", 1), ("many", {takes})):
    make_archived_story(name, takes=takes)
for take in VideoRender.objects.filter(shot__scenelet__story__story_id="many").exclude(take=None):
    with (Path(settings.MEDIA_ROOT) / take.video_file).open("wb") as file:
        for _ in range({megabytes}):
            file.write(os.urandom(1 << 20))
"""
DUMP = """
import json
from tests.support.story_archives import dump_story, files_of
json.dump([dump_story("many"), files_of("many")], open({path!r}, "w"))
"""


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "archive")
    installation.manage("migrate")
    installation.manage("shell", "-v0", "-c", PREPARE.format(takes=TAKES, megabytes=MEGABYTES))
    before, after = folder / "before.json", folder / "after.json"
    installation.manage("shell", "-v0", "-c", DUMP.format(path=str(before)))
    copied = _copy_seconds(installation.media / "many", folder / "copy")
    zips = {name: folder / f"{name}.zip" for name in ("one", "many")}
    memory: dict[str, tuple[float, float]] = {}
    took: dict[str, tuple[float, float]] = {}
    for name, path in zips.items():
        start = time.perf_counter()
        archiving = peak_megabytes(
            installation, "archive_story", f"--story-id={name}", f"--to={path}", "--wipe"
        )
        middle = time.perf_counter()
        restoring = peak_megabytes(installation, "restore_story", str(path))
        memory[name] = (archiving, restoring)
        took[name] = (middle - start, time.perf_counter() - middle)
    installation.manage("shell", "-v0", "-c", DUMP.format(path=str(after)))
    size = zips["many"].stat().st_size
    # What starting a command takes says nothing about the bytes.
    seconds = [many - one for many, one in zip(took["many"], took["one"], strict=True)]
    more = max(many - one for many, one in zip(memory["many"], memory["one"], strict=True))
    (rows, files), (rows_after, files_after) = (
        json.loads(path.read_text()) for path in (before, after)
    )
    differ = sum(
        one != other
        for label in rows.keys() | rows_after.keys()
        for one, other in _pairs(rows.get(label, []), rows_after.get(label, []))
    )
    gigabytes = size / 1e9
    return [
        Figure(
            f"archive and wipe of {TAKES} takes of {MEGABYTES} MB",
            seconds[0] / copied,
            5,
            "× a plain copy",
            f"{size:,} bytes; {seconds[0] / gigabytes:.1f} s a GB, a copy {copied / gigabytes:.1f}",
        ),
        Figure(
            "restore of it",
            seconds[1] / copied,
            4,
            "× a plain copy",
            f"{seconds[1] / gigabytes:.1f} s a GB",
        ),
        Figure(
            "memory of it",
            more,
            20,
            "MB more than of one take",
            f"peaks: archive {memory['many'][0]:.0f}, restore {memory['many'][1]:.0f} MB",
        ),
        Figure("equal: rows that differ", differ, 0, "", f"equal: {differ} rows differ"),
        Figure(
            "equal: files that differ",
            len(files.items() ^ files_after.items()),
            0,
            "",
            f"{len(files)} files by SHA-256",
        ),
    ]


def _pairs(one: list[object], other: list[object]) -> list[tuple[object, object]]:
    longest = max(len(one), len(other))
    return [
        ((one + [None] * longest)[place], (other + [None] * longest)[place])
        for place in range(longest)
    ]


def _copy_seconds(source: Path, target: Path) -> float:
    start = time.perf_counter()
    shutil.copytree(source, target)
    # As the archive's file is: on the disk.
    subprocess.run(["sync", "-f", str(target)], check=True)
    seconds = time.perf_counter() - start
    shutil.rmtree(target)
    return seconds
