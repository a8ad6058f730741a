"""What it costs to start at all, and a 300-shot story: its import and its dry run.

Processor time, user and system, of whole processes whose modules are compiled. What is compared
runs in turns, so that it meets the same machine.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.installations import ROOT, Installation, write_story

from .measure import Figure

SHOTS = 300
RUNS = 7

_EMPTY_PROJECT = {
    "manage.py": """
import os
import sys

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
""",
    # What `django-admin startproject` writes, and django-q2.
    "settings.py": """
SECRET_KEY = "a-key-of-nothing"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
Q_CLUSTER = {"name": "empty", "orm": "default", "timeout": 60, "retry": 120}
""",
    "urls.py": """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
""",
}


def measure(folder: Path) -> list[Figure]:
    project = folder / "empty-project"
    project.mkdir()
    for name, text in _EMPTY_PROJECT.items():
        (project / name).write_text(text)
    story = write_story(folder / "bundles", "long-story", SHOTS)
    installation = Installation(folder / "installation")
    installation.manage("migrate")
    migrated = folder / "migrated.sqlite3"
    shutil.copyfile(installation.database, migrated)
    installation.manage("import_story", str(story))
    imported = folder / "imported.sqlite3"
    shutil.copyfile(installation.database, imported)
    dry_run = ("--task=CREATE_SHOT_VIDEO", "--story-id=long-story", "--mode=dry-run", "--json")
    environment = _with_compiled_modules(installation.environment)

    def ours(*arguments: str, begins_with: Path | None = None) -> float:
        if begins_with:
            # Each run meets the same rows.
            for left in folder.glob("installation/db.sqlite3*"):
                left.unlink()
            installation.begin_with(begins_with)
        return _processor_seconds(ROOT, environment, *arguments)

    empty, check, dry, importing = _medians_in_turns(
        lambda: _processor_seconds(project, environment, "check"),
        lambda: ours("check"),
        lambda: ours("run_task", *dry_run, begins_with=imported),
        lambda: ours("import_story", str(story), begins_with=migrated),
    )
    how = f"processor time, median of {RUNS} in turns; {{}} {{:.2f}} s"
    of_empty, of_check = how.format("empty project", empty), how.format("check", check)
    return [
        Figure("start-up: check", check / empty, 1.5, "× empty project", of_empty),
        Figure(f"dry run of {SHOTS} shots", dry / check, 1.6, "× check", of_check),
        Figure(f"import of {SHOTS} shots", importing / check, 6, "× check", of_check),
    ]


def _with_compiled_modules(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: each for name, each in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _medians_in_turns(*runs: Callable[[], float]) -> list[float]:
    for run in runs:
        run()  # compiles the modules
    rounds = [[run() for run in runs] for _ in range(RUNS)]
    return [statistics.median(each) for each in zip(*rounds, strict=True)]


def _processor_seconds(folder: Path, environment: Mapping[str, str], *arguments: str) -> float:
    """User and system time of one `manage.py` in that folder."""
    child = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime
