"""The project as it starts with the environment of a production site, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_SECRET_KEY": "oK3-fP9_zQ7xVb2mN8cR5tY1uW4eI6oA0sD_gH-jL2kZ9xC7vB5nM3qW1eR8tY",
    "DJANGO_ALLOWED_HOSTS": "videogen.example",
    "DJANGO_TRUSTED_ORIGINS": "https://videogen.example",
    "DJANGO_BEHIND_TLS": "1",
    "VIDEO_BACKEND": "gemini",
    "GEMINI_API_KEY": "AIzaSy-not-a-real-key",
}


@pytest.fixture
def start(tmp_path):
    """start("check", NAME="value"): manage.py with nothing but that in its environment."""

    def start(*arguments, program=("manage.py",), **environment):
        own = {
            "PATH": os.environ["PATH"],
            # The developer's own .env has no say here.
            "PYTHON_DOTENV_DISABLED": "1",
            "VIDEO_STATE_DIR": str(tmp_path / "var"),
            "MEDIA_ROOT": str(tmp_path / "media"),
        }
        return subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=ROOT,
            env=own | environment,
            text=True,
            capture_output=True,
            # As most systems have it. (This process has loaded the settings already.)
            umask=0o022,
        )

    return start


DEPLOY = ("check", "--deploy", "--fail-level", "WARNING")


def test_a_production_site_passes_djangos_own_checks(start):
    done = start(*DEPLOY, **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


# What is wrong may be wrong together: every start of a process takes a second.
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"DJANGO_SECRET_KEY": "", "DJANGO_BEHIND_TLS": "0", "VIDEO_BACKEND": "other"},
            {"videogen.E030", "security.W012", "videogen.E001"},
        ),
        (
            {"DJANGO_SECRET_KEY": "short", "DJANGO_HSTS_SECONDS": "0", "DJANGO_DEBUG": "1"},
            {"security.W009", "security.W004", "security.W018"},
        ),
    ],
)
def test_what_is_missing_in_production_is_told(start, wrong, told):
    done = start(*DEPLOY, **PRODUCTION | wrong)

    assert done.returncode == 1
    # Each alone would fail the check: what is only remarked comes last, under INFOS.
    assert told <= set(re.findall(r"\(([\w.]+)\)", done.stderr.partition("INFOS:")[0]))


@pytest.fixture
def show(start):
    """show("DEBUG", NAME="value"): a setting as it is printed."""

    def show(setting, **environment):
        code = f"from storybook import settings; print([settings.{setting}])"
        done = start("-c", code, program=(), **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return show


def test_debug_is_off_unless_somebody_asks_for_it(show):
    assert show("DEBUG") == "[False]"


def test_no_secret_has_a_default_that_somebody_else_knows(show, tmp_path):
    one, again = show("SECRET_KEY"), show("SECRET_KEY")
    other = show("SECRET_KEY", VIDEO_STATE_DIR=str(tmp_path / "other"))

    assert one == again != other
    assert len(one) > 54
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600


def test_without_a_secret_and_without_a_place_for_one_nothing_starts(start, tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")

    done = start("check", VIDEO_STATE_DIR=str(tmp_path / "taken"))

    assert done.returncode != 0
    assert "ImproperlyConfigured: There is no secret key: set DJANGO_SECRET_KEY" in done.stderr


def test_the_gemini_backend_has_no_key_of_its_own(show):
    assert show("GEMINI_API_KEY", VIDEO_BACKEND="gemini") == "['']"


def test_every_setting_is_in_the_example_with_its_name():
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, re.MULTILINE))
    source = (ROOT / "storybook" / "settings.py").read_text()

    read = set(re.findall(r"env(?:_bool|_number)?\(\s*\"([A-Z_]+)\"", source))

    assert read - named == set()


# Its own user; with a web server in front that sends the clips itself, its group, too.
@pytest.mark.parametrize(("prefix", "mode"), [("", 0o600), ("/protected/", 0o640)])
def test_what_is_made_is_closed_to_others_on_the_machine(start, tmp_path, prefix, mode):
    program = (
        "import storybook.settings, pathlib, sys;"
        "pathlib.Path(sys.argv[1]).mkdir();"
        "(pathlib.Path(sys.argv[1]) / 'file').write_text('private')"
    )

    done = start(str(tmp_path / "made"), program=("-c", program), VIDEO_ACCEL_PREFIX=prefix)

    assert done.returncode == 0, done.stderr
    folder = tmp_path / "made"
    assert stat.S_IMODE((folder / "file").stat().st_mode) == mode
    assert stat.S_IMODE(folder.stat().st_mode) == (0o750 if prefix else 0o700)


def test_static_files_are_open_to_the_web_server(start, tmp_path):
    program = (
        "import os, sys; sys.path.insert(0, os.getcwd());"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'storybook.settings';"
        "import django; from django.conf import settings; django.setup();"
        f"settings.STATIC_ROOT = {str(tmp_path / 'static')!r};"
        "from django.core.management import call_command;"
        "call_command('collectstatic', interactive=False, verbosity=0)"
    )

    done = start(program=("-c", program))

    assert done.returncode == 0, done.stderr
    made = [tmp_path / "static", *(tmp_path / "static").rglob("*")]
    assert len(made) > 50
    for each in made:
        wanted = 0o755 if each.is_dir() else 0o644
        assert stat.S_IMODE(each.stat().st_mode) == wanted, each


PRINT_OPTIONS = """
import json
from django.conf import settings
print(json.dumps([settings.DATABASES["default"]["OPTIONS"], settings.Q_CLUSTER.get("redis", "")]))
"""


def test_a_host_that_is_gone_without_a_word_is_noticed_by_database_and_workers(start):
    done = start(
        "shell",
        "-v0",
        "-c",
        PRINT_OPTIONS,
        DATABASE_URL="postgres://videogen@db.example/videogen?sslmode=require&connect_timeout=4",
        VIDEO_QUEUE_REDIS_URL="redis://db.example/0?socket_timeout=7",
    )

    options, redis = json.loads(done.stdout)
    assert "-c tcp_user_timeout=25000" in options.pop("options")
    assert options == {
        "sslmode": "require",
        "connect_timeout": 4,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
    }
    assert redis == "redis://db.example/0?socket_timeout=7&socket_connect_timeout=3"


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "25000"),
    ],
)
def test_the_database_server_asks_after_a_silent_client(name, value):
    """The setting is what the server has really set at the connection's socket."""
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")

        assert cursor.fetchone() == (value,)
