"""kill -9 at random moments of an export, in real processes."""

from __future__ import annotations

import hashlib
import logging
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.support.installations import Installation

pytestmark = pytest.mark.slow

logger = logging.getLogger(__name__)

KILLS = 20
CLIP_BYTES = 40 << 20
# A box that every reader skips makes the clips as large as real ones.
PREPARE = f"""
import pathlib
from tests.support.films import make_forked_story
from videogen.models import VideoRender
make_forked_story()
for take in VideoRender.objects.all():
    with (pathlib.Path({{media!r}}) / take.video_file).open("ab") as file:
        file.write(({CLIP_BYTES} + 8).to_bytes(4, "big") + b"free" + bytes({CLIP_BYTES}))
"""


def content(output: Path) -> dict[str, str]:
    """The sha256 of the zip, or of each file of the folder; nothing where neither is there."""
    files = [output] if output.is_file() else sorted(output.rglob("*"))
    return {
        str(path.relative_to(output.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def remove(output: Path) -> None:
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def test_an_export_survives_kills_at_random_moments(tmp_path, migrated_database):
    seed = random.randrange(1 << 32)
    logger.warning("seed %s", seed)
    chance = random.Random(seed)
    installation = Installation(tmp_path / "installation")
    installation.begin_with(migrated_database)
    installation.keep_warm()
    killed = half = 0
    try:
        script = PREPARE.format(media=str(installation.media))
        installation.manage("shell", "-v0", "-c", script)
        for command in ("export_story", "export_player"):
            for name in ("out", "out.zip"):
                output = tmp_path / command / name
                call = (command, "--story-id=the-lamp", f"--output={output}")
                start = time.monotonic()
                installation.manage(*call)
                duration = time.monotonic() - start
                whole = content(output)
                assert whole
                for _ in range(KILLS // 4):
                    remove(output)

                    moment = chance.uniform(0, duration)
                    killed += installation.manage_and_kill(*call, after=moment)

                    found = content(output)
                    assert found in ({}, whole), f"{call} killed after {moment} s"
                    half += len([*output.parent.glob(".*")])
                    if found:
                        remove(output)
                    start = time.monotonic()
                    installation.manage(*call)
                    duration = time.monotonic() - start
                    assert content(output) == whole, f"{call} killed after {moment} s"
                    assert [path.name for path in output.parent.iterdir()] == [name]
                remove(output)
        logger.warning("%s of %s runs killed, %s left a half", killed, KILLS, half)
        assert killed > KILLS / 4
        assert half
    finally:
        installation.close()
