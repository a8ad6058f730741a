"""Films: seconds of work for a second of film when it is new, when one take is replaced and when
nothing changed; and the memory that a long film takes more than a short one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.support.installations import Installation, write_story

from .measure import Figure, peak_megabytes

SHORT, LONG = 2, 60


def measure(folder: Path) -> list[Figure]:
    installation = Installation(folder / "films")
    installation.manage("migrate")
    for shots in (SHORT, LONG):
        bundle = write_story(installation.folder, f"of-{shots}", shots)
        _join(bundle / "story.json")
        installation.manage("import_story", str(bundle))
    installation.start_simulator("--latency=0.1", "--clips=quick")
    try:
        for shots in (SHORT, LONG):
            installation.run_task(f"of-{shots}", "--wait")
        peaks = {
            shots: peak_megabytes(installation, "render_film", f"--story-id=of-{shots}")
            for shots in (SHORT, LONG)
        }
        seconds, [same, _] = _make(installation, LONG)
        installation.run_task(
            f"of-{LONG}", "--scenelet-id=scenelet-1", "--shot-index=1", "--mode=override", "--wait"
        )
        replaced_seconds, [replaced, _] = _make(installation, LONG)
        # As if nothing had been encoded: a film of its own for each choice of options.
        new_seconds, [new, _] = _make(installation, SHORT, "--no-levelling")
    finally:
        installation.close()
    how = f"peak of the whole process: {peaks[SHORT]:.0f} and {peaks[LONG]:.0f} MB"
    return [
        Figure(f"memory of a film of {LONG} shots", peaks[LONG] - peaks[SHORT], 64, "MB more", how),
        Figure(
            "a new film",
            new_seconds / new["seconds"],
            3,
            "s of work per s of film",
            f"{new['segments_encoded']} segments encoded, {new['seconds']:.0f} s of film",
        ),
        Figure(
            "segments encoded for one replaced take",
            replaced["segments_encoded"],
            1,
            "",
            f"{replaced_seconds / replaced['seconds']:.3f} s of work per s of film",
        ),
        Figure(
            "segments encoded for an unchanged film",
            same["segments_encoded"],
            0,
            "",
            f"{seconds / same['seconds']:.3f} s of work per s of film; status {same['status']}",
        ),
    ]


def _make(installation: Installation, shots: int, *options: str) -> tuple[float, list[Any]]:
    start = time.perf_counter()
    done = installation.manage("render_film", f"--story-id=of-{shots}", "--json", *options)
    seconds = time.perf_counter() - start
    return seconds, [json.loads(line) for line in done.stdout.splitlines()]


def _join(story_file: Path) -> None:
    """Make one path of the story: each scenelet after the one before."""
    story = json.loads(story_file.read_text())
    for before, scenelet in zip(story["scenelets"], story["scenelets"][1:], strict=False):
        scenelet["parent_scenelet_id"] = before["scenelet_id"]
    story_file.write_text(json.dumps(story))
