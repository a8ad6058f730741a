"""Which tests go to the same worker: those that share what takes long to start. All others go, one
by one, to whoever is free.

The marks of `--dist loadgroup` would say it too, but pytest 9.2 has no `_nodeid` any more, into
which xdist 3.8 writes them: it groups nothing and says nothing.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    # One installation and one Chromium.
    "tests/browser/",
    # One pair of competitors for each database.
    "tests/videogen/billing/test_budget_race.py",
    # One Redis, which each test empties.
    "tests/videogen/pipeline/test_servers.py",
)


class Scheduling(LoadScopeScheduling):
    """Long groups start first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)
