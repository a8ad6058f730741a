"""kill -9 at random moments of a film, in real processes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.support.installations import Installation

pytestmark = pytest.mark.slow

logger = logging.getLogger(__name__)

KILLS = 20
PREPARE = "from tests.support.films import make_forked_story; make_forked_story()"
SWEEP = "from videogen.films.film_worker import remove_unused; remove_unused()"
RENDER = ("render_film", "--story-id=the-lamp", "--ending=right", "--json")


def made(installation: Installation) -> dict[str, str]:
    """The sha256 of every film and segment that has its name."""
    root = installation.media / "the-lamp" / "films"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("[!.]*.m*")
    }


def unfinished(installation: Installation) -> list[Path]:
    segments = installation.media / "the-lamp" / "films" / "segments"
    return [*segments.glob(".*"), *(installation.media / ".partial").glob("*")]


def test_a_film_survives_kills_at_random_moments(tmp_path, migrated_database):
    seed = random.randrange(1 << 32)
    logger.warning("seed %s", seed)
    chance = random.Random(seed)
    installation = Installation(tmp_path, VIDEO_STILL_SECONDS="0.1", VIDEO_CARD_SECONDS="0.1")
    installation.begin_with(migrated_database)
    installation.keep_warm()
    try:
        installation.manage("shell", "-v0", "-c", PREPARE)
        before = tmp_path / "before.sqlite3"
        shutil.copyfile(installation.database, before)
        start = time.monotonic()
        [film, _] = map(json.loads, installation.manage(*RENDER).stdout.splitlines())
        duration = time.monotonic() - start
        whole = made(installation)
        assert (film["status"], len(whole)) == ("done", 4)
        killed = 0
        for _ in range(KILLS):
            # As before the film. What a killed process left of it stays, for the sweep.
            for name in whole:
                (installation.media / "the-lamp" / "films" / name).unlink()
            shutil.copyfile(before, installation.database)

            moment = chance.uniform(0, duration)
            killed += installation.manage_and_kill(*RENDER, after=moment)

            assert made(installation).items() <= whole.items(), f"killed after {moment} s"
            start = time.monotonic()
            [again, _] = map(json.loads, installation.manage(*RENDER).stdout.splitlines())
            # The machine may be slower or faster than a moment ago, and half may be there already.
            duration = max(duration / 2, time.monotonic() - start)
            assert (again["status"], again["sha256"]) in (
                ("done", film["sha256"]),
                ("exists", film["sha256"]),
            ), f"killed after {moment} s"
            assert made(installation) == whole
            assert not [*(installation.media / ".partial").glob("*")]
        left = unfinished(installation)
        for path in left:
            os.utime(path, (1_000_000_000, 1_000_000_000))
        installation.manage("shell", "-v0", "-c", SWEEP)

        assert unfinished(installation) == []
        assert made(installation) == whole
        logger.warning("%s of %s runs killed, %s files swept", killed, KILLS, len(left))
        assert killed > KILLS / 4
    finally:
        installation.close()
