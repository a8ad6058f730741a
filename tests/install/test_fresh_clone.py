"""What a newcomer does: clone, then type what the documents say, with an empty home and no
cache."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"^ {4,}((?:[A-Z_]+=\S+ )?(?:make|git|cd|\.venv/bin/python) .*?)(?: +#.*)?$")
# Their indented commands are run; what cannot run here stands in fenced blocks.
DOCUMENTS = ("README.md", "docs/user-guide.md", "CONTRIBUTING.md")
# They are what runs this test, take long, change the lock or end the installation at hand.
OTHERS = {
    f"make {target}"
    for target in ("test", "test-all", "test-slow", "test-postgres", "lint", "bench", "chaos")
} | {"make screenshots", "make lock", "make clean"}


def documented_commands():
    """Each once, those of the README first."""
    lines = [line for name in DOCUMENTS for line in (ROOT / name).read_text().splitlines()]
    found = dict.fromkeys(match[1] for line in lines if (match := COMMAND.match(line)))
    return [command for command in found if command not in OTHERS]


class Clone:
    """A copy of what git has, in an empty folder."""

    def __init__(self, folder):
        self.folder = folder / "videogen"
        home = folder / "home"
        home.mkdir()
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        kept = ("PIP_", "LANG", "LC_", "SSL_", "HTTPS_PROXY", "https_proxy")
        self.environment = {
            name: value for name, value in os.environ.items() if name.startswith(kept)
        } | {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PIP_NO_CACHE_DIR": "1",
            # The Python of this run; without it, the newest on the PATH.
            "PYTHON": os.path.realpath(sys.executable),
        }

    def run(self, command):
        ended = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
        )
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{ended.stdout}"
        return ended.stdout

    def start(self, command):
        return subprocess.Popen(
            shlex.split(command),
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def first_line(self, command):
        """What a command that does not end by itself says first."""
        child = self.start(command)
        try:
            return child.stdout.readline()
        finally:
            os.killpg(child.pid, signal.SIGTERM)
            child.communicate(timeout=60)


def wait_for_admin(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.3)


def test_the_commands_of_the_documents_work_in_an_empty_folder(tmp_path):
    clone = Clone(tmp_path)
    commands = documented_commands()
    assert commands[:4] == [
        "git clone <this repository> videogen",
        "cd videogen",
        "make demo",
        "make serve",
    ]

    demo = clone.run("make demo")

    takes = list((clone.folder / "media").glob("*/shots/*/*/take-1.mp4"))
    assert len(takes) == 16
    assert "16 shots: 16 generated" in demo
    assert f"Videos    {clone.folder / 'media'}" in demo
    assert re.search(r"Admin     http://\S+:8000/admin/", demo)
    assert re.search(r"User      \w+ .*\n.*Password  \S+", demo)

    clone.run(".venv/bin/python manage.py new_story my-story/")
    # Other ports than the documents': another installation of this machine may have those.
    server = clone.start("make serve ADDRESS=127.0.0.1:8765 SIMULATOR_PORT=8766")
    clone.environment["GOOGLE_GEMINI_BASE_URL"] = "http://127.0.0.1:8766"
    try:
        assert "Log in" in wait_for_admin("http://127.0.0.1:8765/admin/")
        for command in commands[4:]:
            if "run_simulator" in command:
                assert "listening on http" in clone.first_line(f"{command} --port=0")
            else:
                clone.run(command)
    finally:
        # Not SIGINT, which a shell without job control lets its background processes ignore.
        os.killpg(server.pid, signal.SIGTERM)
        server.communicate(timeout=60)


def test_a_taken_port_is_said_once_and_ends_it(tmp_path):
    """`make serve` twice: the second one leaves the first alone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments in ([f"127.0.0.1:{port}"], ["127.0.0.1:0", f"--simulator-port={port}"]):
            ended = subprocess.run(
                [sys.executable, "manage.py", "serve", *arguments],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
                text=True,
                capture_output=True,
                timeout=60,
            )

            assert ended.returncode == 1
            assert ended.stdout == ""
            assert ended.stderr.count(f"127.0.0.1:{port}") == 1
            assert "make serve" in ended.stderr
