"""A clip of 200 MB against a small one: how much more memory does the download take?"""

from __future__ import annotations

from pathlib import Path

from tests.support.installations import Installation, write_story

from .measure import Figure, peak_megabytes


def measure(folder: Path) -> list[Figure]:
    peaks = {}
    for megabytes in (0, 200):
        installation = Installation(folder / f"clip-{megabytes}")
        installation.manage("migrate")
        story = write_story(installation.folder, "story", 1)
        installation.manage("import_story", str(story))
        installation.start_simulator("--latency=0.2", f"--clip-megabytes={megabytes}")
        try:
            peaks[megabytes] = peak_megabytes(
                installation,
                "run_task",
                "--task=CREATE_SHOT_VIDEO",
                "--story-id=story",
                "--wait",
            )
            ((size,),) = installation.query("SELECT byte_size FROM videogen_videorender")
        finally:
            installation.close()
    how = f"peak of the whole process: {peaks[0]:.0f} and {peaks[200]:.0f} MB; {size:,} bytes came"
    return [Figure("memory for a 200 MB clip", peaks[200] - peaks[0], 10, "MB more", how)]
