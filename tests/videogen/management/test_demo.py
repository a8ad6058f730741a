from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from storybook.models import Story
from tests.support.factories import make_render, make_shot
from videogen.management.commands import demo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def started(settings, monkeypatch, tmp_path):
    """Whether the demo began: what it begins with is named here."""
    settings.DEBUG = True
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(demo, "DOTENV", tmp_path / ".env")
    monkeypatch.setattr(demo, "Children", Begun)
    monkeypatch.setattr(demo, "call_command", lambda *args, **kwargs: None)


class Begun(Exception):
    def __init__(self, **environment):
        raise self


PRODUCTION = {
    "a paying backend": "VIDEO_BACKEND=gemini\n",
    "a database of PostgreSQL": "DATABASE_URL=postgres://videogen@db.example/videogen\n",
    "a queue in Redis": "VIDEO_QUEUE_REDIS_URL=redis://db.example/0\n",
    "both": "VIDEO_BACKEND=vertex\nDATABASE_URL=sqlite:////srv/videogen.sqlite3\n",
}


@pytest.mark.parametrize("text", PRODUCTION.values(), ids=PRODUCTION.keys())
def test_the_demo_touches_no_installation_for_real_work(text, monkeypatch):
    demo.DOTENV.write_text(text)
    for line in text.splitlines():
        # As the settings read it.
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("VIDEO_BACKEND", "simulator")

    with pytest.raises(CommandError, match=r"Run it in another clone") as refused:
        call_command("demo")

    assert refused.value.returncode == 2
    assert not get_user_model().objects.exists() and not Story.objects.exists()


def test_the_demo_touches_no_database_with_real_videos():
    make_render(make_shot(), "done", backend="gemini")

    with pytest.raises(CommandError, match="not made by the simulator"):
        call_command("demo")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", None),
        ("VIDEO_WORKERS=3\nDATABASE_URL=sqlite:///here.sqlite3\n", "sqlite:///here.sqlite3"),
        ("VIDEO_BACKEND=gemini\n", "sqlite:////tmp/demo.sqlite3"),
    ],
    ids=["no file", "a file for trying", "a database of its own"],
)
def test_the_demo_begins_elsewhere(text, url, monkeypatch):
    demo.DOTENV.write_text(text)
    make_render(make_shot(), "done", backend="simulator")
    if url:
        monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(Begun):
        call_command("demo")
