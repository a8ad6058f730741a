"""What gets into the image, and whether that is enough. None of this needs a container engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from tests.support.installations import Installation

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "videogen"}
STORY = "the-night-the-tide-forgot"
# Imports all that the packages have; the commands of Django import most things only when asked.
IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
for package in ("storybook", "videogen"):
    for each in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if not each.name.endswith((".wsgi", ".asgi", ".__main__")):
            import_module(each.name)
"""


def is_in_image(path):
    """Whether .dockerignore lets this file in: the last line decides that matches the file or one
    of its folders."""
    names = path.split("/")
    found = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        anywhere = pattern.startswith("**/")
        parts = pattern.removeprefix("**/").split("/")
        starts = range(len(names)) if anywhere else (0,)
        if any(_fits(names[start:], parts) for start in starts):
            found = line.startswith("!")
    return found


def _fits(names, parts):
    return len(names) >= len(parts) and all(map(fnmatchcase, names, parts))


def listed():
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".env",
        "deploy/.env",
        ".env.of-the-studio",
        "service-account.json",
        "privkey.pem",
        "db.sqlite3",
        "media/story/shots/clip.mp4",
        "var/secret_key",
        "static-collected/admin/css/base.css",
        "tests/conftest.py",
        "videogen/__pycache__/apps.cpython-313.pyc",
    ],
)
def test_the_image_does_not_get(path):
    assert not is_in_image(path)


@pytest.mark.parametrize(
    "path", ["manage.py", "deploy/gunicorn.conf.py", "deploy/backup", "LICENSE", "requirements.txt"]
)
def test_the_image_gets(path):
    assert (ROOT / path).is_file()
    assert is_in_image(path)


def test_what_the_image_gets_is_enough(tmp_path, migrated_database):
    image = tmp_path / "image"
    for name in filter(is_in_image, listed()):
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, image / name)
    installation = Installation(tmp_path / "data")
    installation.begin_with(migrated_database)

    for command in (
        ("collectstatic", "--no-input", "--verbosity=0"),
        ("import_story", f"storybook/sample/{STORY}"),
        ("shell", "-v0", "-c", IMPORT_ALL),
    ):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=image,
            env=installation.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


def test_all_stages_begin_with_one_python():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)

    assert {base for base in bases if ":" in base} == {"python:3.13-slim-trixie"}


def test_the_programs_of_the_database_have_the_version_of_the_server():
    """pg_dump refuses a server that is newer than itself, and an image of another Debian has an
    older one."""
    client = re.search(r"postgresql-client-(\d+)", DOCKERFILE)[1]

    assert SERVICES["database"]["image"] == f"postgres:{client}"


def test_a_database_that_is_being_made_is_not_ready():
    """While the server's image makes the database, a first server answers on the socket alone, and
    is stopped again."""
    assert "127.0.0.1" in SERVICES["database"]["healthcheck"]["test"]


@pytest.mark.parametrize("name", OURS)
def test_a_container_writes_on_its_volumes_only(name):
    written = set(re.findall(r"=(/data/\w+)", DOCKERFILE))
    service = OURS[name]
    mounted = [volume.split(":") for volume in service["volumes"]]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # They are as private as the doctor wants them.
    folders = re.search(r"install -d -m 700 -o videogen -g videogen (.*)", DOCKERFILE)[1]
    assert written == set(folders.split()) == {"/data/media", "/data/state", "/data/tmp"}
    assert {place for _, place in mounted} == written
    assert [f"state-{name}", "/data/state"] in mounted


@pytest.mark.parametrize("name", ["web", "work"])
def test_a_container_may_take_as_long_to_stop_as_its_unit(name):
    unit = (ROOT / "deploy" / f"videogen-{name}.service").read_text()
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)[1]

    assert OURS[name]["stop_grace_period"] == f"{seconds}s"
