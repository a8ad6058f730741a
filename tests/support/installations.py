"""A whole installation in a folder of its own: database, media, simulator, cluster, all of them
real processes that can be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


class Installation:
    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.database = folder / "db.sqlite3"
        self.media = folder / "media"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIDEO_")},
            # The developer's own .env and key have no say here.
            "PYTHON_DOTENV_DISABLED": "1",
            "GOOGLE_API_KEY": "",
            "DATABASE_URL": f"sqlite:///{self.database}",
            "MEDIA_ROOT": str(self.media),
            "VIDEO_STATE_DIR": str(folder / "var"),
            "VIDEO_BACKEND": "simulator",
            "VIDEO_WORKERS": "2",
            "VIDEO_POLL_SECONDS": "0.5",
            "GEMINI_API_KEY": "a-key",
            **environment,
        }
        self.simulator_url = ""
        self._warm: _Warm | None = None
        self._is_kept_warm = False
        self._children: list[subprocess.Popen[str]] = []

    def begin_with(self, template: Path) -> None:
        """With a copy of that database file instead of the migrations, which take seconds."""
        shutil.copyfile(template, self.database)

    def keep_warm(self) -> None:
        """From now on, `manage` forks its processes from one that has imported everything: where
        many commands only prepare and nobody looks at how they start."""
        self._is_kept_warm = True

    def command(self, *arguments: str) -> list[str]:
        """What `manage` and `start` run."""
        return [sys.executable, "manage.py", *arguments]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        if self._is_kept_warm:
            done = self._warm_process().manage(*arguments)
            if check:
                done.check_returncode()
            return done
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            text=True,
            capture_output=True,
            check=check,
        )

    def manage_and_kill(self, *arguments: str, after: float) -> bool:
        """Kill a command so many seconds after its fork; whether it had not ended by itself. Only
        where the installation is kept warm: a moment counts from the fork on."""
        done = self._warm_process().manage(*arguments, kill_after=after)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    def start(self, *arguments: str, log: str = "") -> subprocess.Popen[str]:
        """A child in a process group of its own, so that all of it can be killed."""
        output = (self.folder / f"{log or arguments[0]}.log").open("a")
        child = subprocess.Popen(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        output.close()
        self._children.append(child)
        return child

    def start_simulator(self, *options: str) -> None:
        log = self.folder / "run_simulator.log"
        log.unlink(missing_ok=True)
        self.start("run_simulator", "--port=0", "--clips=quick", *options)
        wait_until(lambda: "http" in (log.read_text() if log.exists() else ""), 30)
        line = next(line for line in log.read_text().splitlines() if "http" in line)
        self.simulator_url = line.split()[-1]
        self.environment["GOOGLE_GEMINI_BASE_URL"] = self.simulator_url

    def simulator_log(self) -> dict[str, Any]:
        return httpx.get(f"{self.simulator_url}/_simulator/log", timeout=30).json()

    def script_fault(self, at: str, fault: str, **spec: Any) -> None:
        httpx.post(
            f"{self.simulator_url}/_simulator/faults", json={"at": at, "fault": fault, **spec}
        ).raise_for_status()

    def accepted(self) -> Counter[str]:
        """By prompt: how many operations the simulator has accepted for it."""
        submissions = self.simulator_log()["submissions"]
        return Counter(each["prompt_sha256"] for each in submissions if each.get("operation"))

    def run_task(self, story: str, *options: str) -> list[dict[str, Any]]:
        """The objects of `run_task --json`; the last one is the summary."""
        done = self.manage(
            "run_task",
            "--task=CREATE_SHOT_VIDEO",
            f"--story-id={story}",
            "--json",
            *options,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        url = self.environment["DATABASE_URL"]
        if url.startswith("postgres"):
            with psycopg.connect(url) as connection:
                return connection.execute(sql.replace("?", "%s"), values).fetchall()
        # As a context manager, a connection ends its transaction but stays open.
        with closing(
            sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        ) as connection:
            return connection.execute(sql, values).fetchall()

    def states(self) -> Counter[str]:
        rows = self.query("SELECT state FROM videogen_videorender WHERE kind = 'generation'")
        return Counter(state for (state,) in rows)

    def kill(self, child: subprocess.Popen[str]) -> None:
        """kill -9 of the child and of all that it has started."""
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def _warm_process(self) -> _Warm:
        if self._warm is None or self._warm.environment != self.environment:
            self._end_warm()
            self._warm = _Warm(self.folder, self.environment)
        return self._warm

    def _end_warm(self) -> None:
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def close(self) -> None:
        self._end_warm()
        for child in self._children:
            if child.poll() is None:
                self.kill(child)


class _Warm:
    """See tests/support/warm.py."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.environment = dict(environment)
        self._files = {name: folder / f"warm.{name}" for name in ("stdout", "stderr")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm"],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def manage(self, *arguments: str, **job: float) -> subprocess.CompletedProcess[str]:
        files = {name: str(file) for name, file in self._files.items()}
        self._process.stdin.write(json.dumps({"arguments": arguments, **files, **job}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        printed = {name: file.read_text() for name, file in self._files.items()}
        return subprocess.CompletedProcess(["manage.py", *arguments], code, **printed)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def wait_until(condition: Callable[[], Any], seconds: float, what: str = "") -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain {what}"
        time.sleep(0.05)


def write_story(folder: Path, story_id: str, shots: int, *, characters: int = 4) -> Path:
    """A bundle with that many shots, six a scenelet, each with a key frame of its own."""
    images = folder / story_id / "images"
    visual = {
        "global_aesthetic": {"visual_style": "cut paper", "master_color_palette": ["#123456"]},
        "character_designs": [
            {
                "character_id": f"character-{number}",
                "character_name": f"Character {number}",
                "look": "A patient traveller in a long coat, with one bright button. " * 4,
                "character_model_sheet_image_path": f"{story_id}/characters/{number}/sheet.png",
            }
            for number in range(characters)
        ],
        "environment_designs": [
            {
                "environment_id": f"place-{number}",
                "environment_name": f"Place {number}",
                "look": "A harbour without water, boats on the mud, lanterns above. " * 4,
                "associated_scenelet_ids": [],
                "environment_reference_image_path": f"{story_id}/places/{number}/grid.jpg",
            }
            for number in range(4)
        ],
    }
    audio = {
        "sonic_identity": {"musical_direction": "none", "sound_effect_philosophy": "close, dry"},
        "narrator_voice_profile": {"voice_name": "Kore", "voice_profile": "warm"},
        "character_voice_profiles": [
            {"character_id": f"character-{number}", "voice_name": "Puck"}
            for number in range(characters)
        ],
        "music_and_ambience_cues": [],
    }
    scenelets = []
    for number in range(shots):
        if number % 6 == 0:
            scenelets.append(
                {
                    "scenelet_id": f"scenelet-{number // 6 + 1}",
                    "sequence": number // 6 + 1,
                    "shots": [],
                }
            )
        frame = f"{story_id}/shots/{number}.png"
        _draw(images / frame, number, (320, 180))
        scenelets[-1]["shots"].append(
            {
                "shot_index": number % 6 + 1,
                "storyboard_payload": {
                    "framingAndAngle": "Wide shot, eye level",
                    "compositionAndContent": f"{story_id} {number}: the quay at dusk. " * 6,
                    "characterActionAndEmotion": "She lifts the lantern and listens. " * 3,
                    "referencedDesigns": {
                        "characters": [f"character-{number % characters}"],
                        "environments": [f"place-{number % 4}"],
                    },
                    "audioAndNarrative": [
                        {"type": "monologue", "source": "narrator", "line": f"Night {number}."}
                    ],
                },
                "key_frame_image_path": frame,
            }
        )
    for number in range(characters):
        _draw(images / f"{story_id}/characters/{number}/sheet.png", 1000 + number, (1280, 720))
    for number in range(4):
        _draw(images / f"{story_id}/places/{number}/grid.jpg", 2000 + number, (1280, 720))
    (folder / story_id / "story.json").write_text(
        json.dumps(
            {
                "story_id": story_id,
                "title": f"A story of {shots} shots",
                "visual_design_document": visual,
                "audio_design_document": audio,
                "scenelets": scenelets,
            }
        )
    )
    return folder / story_id


def _draw(path: Path, seed: int, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.paste((seed * 37 % 256, seed * 91 % 256, seed * 13 % 256), (20, 20, 120, 100))
    picture.putpixel((0, 0), (seed % 256, seed // 256, 7))
    picture.save(path)
