from __future__ import annotations

import re

from tests.support.installations import ROOT

# Who deletes the row: a draft that was discarded, drafts that are old, a story that is wiped.
DELETING = {
    "videogen/planning/drafts.py",
    "videogen/story_archives/wipe.py",
    "videogen/views/plan/page.py",
}


def test_rows_are_locked_so_that_others_may_refer_to_them():
    """FOR UPDATE keeps the foreign keys of others from being checked, which ends in deadlocks on
    PostgreSQL: see the lock order in docs/architecture.md."""
    locks = {
        path.relative_to(ROOT).as_posix(): re.findall(r"select_for_update\(([^\n]*)", text)
        for app in ("videogen", "storybook")
        for path in (ROOT / app).rglob("*.py")
        if "select_for_update(" in (text := path.read_text())
    }

    strong = {path for path, calls in locks.items() if any("no_key" not in each for each in calls)}

    assert len(locks) > 10
    assert strong == DELETING
