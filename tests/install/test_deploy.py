"""The production kit; `make production-check` starts all of it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.installations import Installation

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# What only the containers beside the application read.
OF_OTHERS = {
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "SITE_HOST",
    "STORE_KEY",
    "STORE_SECRET",
}


@pytest.fixture
def installation(tmp_path, migrated_database):
    made = Installation(tmp_path / "here")
    made.begin_with(migrated_database)
    (made.media / "story" / "shots").mkdir(parents=True)
    (made.media / "story" / "shots" / "clip.mp4").write_bytes(b"paid for")
    (made.folder / "var").mkdir()
    (made.folder / "var" / "journal").write_text("an answer")
    return made


def run(script, installation, *arguments):
    return subprocess.run(
        [sys.executable, DEPLOY / script, *arguments],
        env=installation.environment,
        capture_output=True,
        text=True,
    )


def number_of_tables(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def test_a_backup_is_restored_into_an_empty_place(installation, tmp_path):
    done = run("backup", installation, tmp_path / "backup")
    assert done.returncode == 0, done.stderr

    there = Installation(tmp_path / "there")
    done = run("restore", there, tmp_path / "backup")

    assert done.returncode == 0, done.stderr
    assert number_of_tables(there.database) == number_of_tables(installation.database) > 20
    assert (there.media / "story" / "shots" / "clip.mp4").read_bytes() == b"paid for"
    assert (there.folder / "var" / "journal").read_text() == "an answer"


def test_what_was_queued_at_the_backup_waits_until_somebody_has_looked(installation, tmp_path):
    """It may have been sent since, and paid for."""
    queue = "from tests.support.factories import make_render, make_shot; make_render(make_shot())"
    installation.manage("shell", "-v0", "-c", queue)
    run("backup", installation, tmp_path / "backup")

    there = Installation(tmp_path / "there")
    done = run("restore", there, tmp_path / "backup")

    assert "1 waiting" in done.stdout, done.stderr
    assert there.query("SELECT pause_code FROM videogen_lane") == [("person",)]


def test_a_note_that_a_call_has_not_left_is_in_no_backup(installation, tmp_path):
    state, copies = installation.folder / "var", tmp_path / "backup" / "state"
    (state / "1.unsent").write_text("1")
    run("backup", installation, tmp_path / "backup")
    assert not (copies / "1.unsent").exists()
    # That of an earlier version had them.
    (copies / "2.unsent").write_text("2")

    there = Installation(tmp_path / "there")
    run("restore", there, tmp_path / "backup")

    assert (there.folder / "var" / "journal").exists()
    assert not list((there.folder / "var").glob("*.unsent"))


def test_nothing_that_is_there_is_overwritten(installation, tmp_path):
    run("backup", installation, tmp_path / "backup")

    done = run("restore", installation, tmp_path / "backup")

    assert done.returncode == 1
    assert "has tables already" in done.stderr


def test_the_second_backup_copies_what_is_new(installation, tmp_path):
    run("backup", installation, tmp_path / "backup")
    (installation.media / "story" / "shots" / "clip-2.mp4").write_bytes(b"later")

    done = run("backup", installation, tmp_path / "backup")

    assert "Files: 1 new" in done.stdout
    assert len(list((tmp_path / "backup").glob("database-*.sqlite3"))) >= 1
    assert not list((tmp_path / "backup").rglob("*.part"))


def test_a_backup_within_what_it_backs_up_is_refused(installation):
    done = run("backup", installation, installation.media / "backup")

    assert done.returncode == 1
    assert not (installation.media / "backup" / "media").exists()


def test_a_folder_without_a_backup_is_told(tmp_path):
    there = Installation(tmp_path / "there")

    done = run("restore", there, tmp_path)

    assert done.returncode == 1
    assert "There is no database-" in done.stderr


def test_the_kit_sets_nothing_that_is_not_documented():
    example = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.M))
    compose = (DEPLOY / "compose.yaml").read_text()

    given = set(re.findall(r"^\s+([A-Z][A-Z0-9_]+):", compose, re.M)) - OF_OTHERS

    assert len(given) > 8
    assert {name for name in given if not name.startswith("AWS_")} <= example


@pytest.mark.parametrize("unit", sorted(DEPLOY.glob("*.service")), ids=lambda path: path.name)
def test_a_unit_starts_what_is_there(unit):
    command = re.search(r"^ExecStart=/srv/videogen/(.+)$", unit.read_text(), re.M)[1].split()

    assert command[0].startswith(".venv/bin/")
    assert shutil.which(Path(command[0]).name, path=str(Path(sys.executable).parent))
    assert all((ROOT / each).exists() for each in command if each.endswith(".py"))


def test_no_server_of_nginx_logs_an_address_that_is_a_secret():
    _, *servers = (DEPLOY / "nginx.conf").read_text().split("\nserver {")

    assert len(servers) == 2
    for server in servers:
        assert re.findall(r"access_log \S+ (.*);", server) == ["combined if=$videogen_log"]
