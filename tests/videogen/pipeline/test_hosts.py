"""Two hosts, each with a network and processes of its own; one of them is killed. The other ways to
lose a host take longer: `python -m tests.bench hosts`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.bench import hosts
from tests.chaos.places import NotHere

pytestmark = pytest.mark.slow


def test_the_host_that_pumps_is_killed() -> None:
    # The database server runs as another user, who may not look into the folders of pytest.
    with tempfile.TemporaryDirectory(prefix="videogen-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            outcome = hosts.run(folder / "killed", hosts.LOSSES["killed"], shots=12)
        except NotHere as missing:
            pytest.skip(str(missing))

    assert outcome.same_ids, "the hosts have processes of the same ids"
    tally = outcome.tally
    assert tally.accepted and tally.accepted <= tally.playing + tally.unknown
    assert (tally.twice, tally.lost, tally.left_open, outcome.half) == (0, 0, 0, 0)
    assert outcome.took_over < hosts.LOSSES["killed"].bound
