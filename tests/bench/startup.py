"""A 300-shot story: its import and its dry run, against what Django needs to start at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.installations import Installation, write_story

from .measure import Figure, median_seconds

SHOTS = 300
RUNS = 5


def measure(folder: Path) -> list[Figure]:
    story = write_story(folder / "bundles", "long-story", SHOTS)
    empty = Installation(folder / "empty")
    empty.manage("migrate")
    empty.manage("import_story", str(story))
    check = median_seconds(lambda: empty.manage("check"), RUNS)
    fresh = iter(range(RUNS))

    def import_into_fresh() -> None:
        number = next(fresh)
        fresh_one = Installation(folder / f"import-{number}")
        shutil.copy(template, fresh_one.database)
        fresh_one.manage("import_story", str(story))

    template = folder / "template.sqlite3"
    migrated = Installation(folder / "migrated")
    migrated.manage("migrate")
    shutil.copy(migrated.database, template)
    imported = median_seconds(import_into_fresh, RUNS)
    dry_run = median_seconds(lambda: empty.run_task("long-story", "--mode=dry-run"), RUNS)
    how = f"median of {RUNS}, whole processes; check {check:.2f} s"
    return [
        Figure(f"dry run of {SHOTS} shots", dry_run / check, 4, "× check", how),
        Figure(f"import of {SHOTS} shots", imported / check, 6, "× check", how),
    ]
