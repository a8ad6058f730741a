"""kill -9 at random moments of a restore and of a wipe, in real processes."""

from __future__ import annotations

import json
import logging
import random
import time

import pytest

from tests.support.installations import Installation

pytestmark = pytest.mark.slow

logger = logging.getLogger(__name__)

KILLS = 6
PREPARE = """
from tests.support.story_archives import make_archived_story
make_archived_story(takes=60)
"""
DUMP = """
import json
from tests.support.story_archives import dump_story, files_of, sha256_of_dump
from videogen.billing.budgets import usage
print(json.dumps([sha256_of_dump(dump_story("the-lamp")), files_of("the-lamp"), str(usage())]))
"""
SPENT = """
from videogen.billing.budgets import usage
from storybook.models import Story
print(usage(), Story.objects.exists())
"""


def test_kills_leave_all_or_nothing_and_running_it_again_succeeds(tmp_path, migrated_database):
    seed = random.randrange(1 << 32)
    logger.warning("seed %s", seed)
    chance = random.Random(seed)
    installation = Installation(tmp_path / "installation")
    installation.begin_with(migrated_database)
    installation.keep_warm()
    file = tmp_path / "the-lamp.zip"
    archive = ("archive_story", "--story-id=the-lamp", f"--to={file}", "--wipe")
    restore = ("restore_story", str(file))

    def shell(script):
        return installation.manage("shell", "-v0", "-c", script).stdout

    try:
        shell(PREPARE)
        whole = json.loads(shell(DUMP))
        usage = shell(SPENT).split(" True")[0]
        killed = {"restore": 0, "wipe": 0}
        wipe_takes = restore_takes = 1.0
        for _ in range(KILLS):
            start = time.monotonic()
            installation.manage(*archive)
            wipe_takes = time.monotonic() - start
            was_killed = installation.manage_and_kill(
                *restore, after=chance.uniform(0.2, 1) * restore_takes
            )
            killed["restore"] += was_killed
            told = shell(SPENT)
            assert told.startswith(usage)
            if "False" in told:
                start = time.monotonic()
                installation.manage(*restore)
                restore_takes = time.monotonic() - start
            assert json.loads(shell(DUMP)) == whole
            file.unlink()

            killed["wipe"] += installation.manage_and_kill(
                *archive, after=chance.uniform(0.2, 1) * wipe_takes
            )
            told = shell(SPENT)
            assert told.startswith(usage)
            if "False" in told:
                installation.manage(*restore)
            assert json.loads(shell(DUMP)) == whole
            file.unlink(missing_ok=True)
        logger.warning("killed: %s of %s each", killed, KILLS)
        assert min(killed.values()) > KILLS / 4
    finally:
        installation.close()
