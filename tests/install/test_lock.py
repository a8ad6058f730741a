"""Installing has to work on any day: the lock alone decides what comes, whatever has been released
since it was made. These tests run the Makefile's own recipe against an index on loopback."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections import deque
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NEWER = "9999.0"
PIN = re.compile(r"^([a-z0-9-]+==[^\\]+) \\$", re.MULTILINE)


def pins(lock):
    """Name → version of what this lock installs on this machine and Python."""
    pinned = map(Requirement, PIN.findall((ROOT / lock).read_text()))
    return {
        each.name: next(iter(each.specifier)).version
        for each in pinned
        if each.marker is None or each.marker.evaluate()
    }


class Index:
    """A package index with an empty wheel for each release. The metadata is that of the packages
    that run this test, so the made-up wheels depend on each other as the real ones do."""

    def __init__(self, folder):
        self._folder = folder
        handler = partial(_QuietHandler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def release(self, name, version):
        """Return the hash of the new wheel."""
        distinct = name.replace("-", "_")
        requires = "".join(f"Requires-Dist: {each}\n" for each in distribution(name).requires or ())
        extras = distribution(name).metadata.get_all("Provides-Extra") or ()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        metadata += "".join(f"Provides-Extra: {each}\n" for each in extras)
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        info = f"{distinct}-{version}.dist-info"
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", wheel)
            archive.writestr(f"{info}/RECORD", "")
        path = self._folder / name / f"{distinct}-{version}-py3-none-any.whl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.getvalue())
        return sha256(data.getvalue()).hexdigest()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def index(tmp_path):
    (tmp_path / "index").mkdir()
    index = Index(tmp_path / "index")
    yield index
    index.close()


@pytest.fixture
def install(tmp_path, index):
    """install(lock, without): `make install` of the made-up wheels that the lock pins, on a day
    when everything has a newer release. Returns the finished process and what is installed."""

    def install(lock, without=""):
        lines = []
        for name, version in pins(lock).items():
            index.release(name, NEWER)
            digest = index.release(name, version)
            if name != without:
                lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
        (tmp_path / "lock.txt").write_text("".join(lines))
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "MAKE", "MFLAGS"))
        } | {
            "HOME": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_NO_CACHE_DIR": "1",
        }
        venv = tmp_path / "venv"
        base = os.path.realpath(sys.executable)
        made = subprocess.run(
            ["make", "install", f"VENV={venv}", f"LOCK={tmp_path / 'lock.txt'}", f"PYTHON={base}"],
            cwd=ROOT,
            env=environment,
            text=True,
            capture_output=True,
        )
        listed = subprocess.run(
            [venv / "bin/python", "-m", "pip", "list", "--format=json"],
            env=environment,
            text=True,
            capture_output=True,
            check=True,
        )
        installed = {canonicalize_name(e["name"]): e["version"] for e in json.loads(listed.stdout)}
        return made, installed

    return install


def test_what_is_released_after_the_lock_is_not_installed(install):
    made, installed = install("requirements-dev.txt")

    assert made.returncode == 0, made.stdout + made.stderr
    pinned = pins("requirements-dev.txt")
    assert {name: installed.get(name) for name in pinned} == pinned
    assert NEWER not in installed.values()


def test_a_dependency_that_the_lock_lacks_is_named(install):
    made, installed = install("requirements.txt", without="sqlparse")

    assert made.returncode != 0
    assert "requires sqlparse, which is not installed" in made.stdout + made.stderr
    assert "sqlparse" not in installed


def test_both_locks_agree():
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.txt", []), ("requirements-dev.txt", ["dev"])]
)
def test_the_lock_has_everything_with_its_extras(lock, extras):
    """`pip check` does not know which extras were asked for, so it cannot see what they lack."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    pinned = pins(lock)
    waiting, seen = deque((each, "") for each in asked), set()
    while waiting:
        text, extra = waiting.popleft()
        each = Requirement(text)
        if each.marker and not each.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(each.name)
        assert name in pinned, f"{each} is not in {lock}"
        assert each.specifier.contains(pinned[name], prereleases=True), each
        for extra in {"", *each.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(more, extra) for more in distribution(name).requires or ()]
    assert {name for name, _ in seen} == pinned.keys()
