"""The key goes out in a header to its own host, and is found nowhere else, whatever echoes it."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.urls import NoReverseMatch, reverse

from storybook.models import Story
from tests.support.admin_urls import person
from tests.support.factories import make_story, shots_of
from tests.support.installations import Installation, write_story
from tests.support.pipeline import queue, work
from videogen.common.spellings import without_secrets
from videogen.common.untrusted_text import without_key
from videogen.models import Lane, Price, Submission, VideoModel, VideoRender

State = VideoRender.State

KEY = "AIzaSy-RECOGNISABLE_0123456789-abcdefgh"
ECHO = f"Key {KEY} is odd: https://api.example/?key={KEY}"

# Where and how the far end says the key.
ECHOES = [
    ("submit", "invalid_argument"),
    ("done", "error"),
    ("done", "blocked"),
]


@pytest.fixture
def secret(settings, caplog):
    settings.GEMINI_API_KEY = KEY
    for name in ("videogen", "storybook", "django", "django-q", "google_genai"):
        caplog.set_level(logging.DEBUG, name)
    return KEY


def rows():
    """Every value of every table, as the database has it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            yield from (f"{table}: {row}" for row in cursor.fetchall())


def pages():
    """Every page about a row that the admin has, as the superuser sees it."""
    browser = person("superuser")
    for model in apps.get_models():
        if model._meta.app_label not in ("storybook", "videogen", "django_q", "admin"):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        try:
            yield browser.get(reverse(f"{name}_changelist")).text
        except NoReverseMatch:
            continue
        rows = model._default_manager.all()
        # The first of those that migrations brought stands for all of them.
        for row in rows[:1] if model in (Price, VideoModel) else rows:
            yield browser.get(reverse(f"{name}_change", args=[row.pk])).text
            yield browser.get(reverse(f"{name}_history", args=[row.pk]), follow=True).text
    for story in Story.objects.all():
        yield browser.get(reverse("admin:storybook_story_board", args=[story.pk])).text
        for shot in shots_of(story):
            yield browser.get(reverse("admin:storybook_shot_takes", args=[shot.pk])).text
    yield browser.get("/admin/").text


def files_with_the_key(*folders):
    return [
        str(file)
        for folder in folders
        for file in Path(folder).rglob("*")
        if file.is_file() and KEY.encode() in file.read_bytes()
    ]


def command_lines():
    """Of every process of this machine."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(file.read_bytes())
    return lines


def assert_nowhere(settings, caplog, capsys):
    assert [row for row in rows() if KEY in row] == []
    assert KEY not in caplog.text
    assert not any(KEY in str(vars(record)) for record in caplog.records)
    assert files_with_the_key(settings.MEDIA_ROOT, settings.STATE_DIR) == []
    found = list(pages())
    assert len(found) > 8 and all(found)
    assert [page for page in found if KEY in page] == []
    assert KEY not in "".join(capsys.readouterr())


@pytest.mark.django_db
@pytest.mark.parametrize(("at", "fault"), ECHOES)
def test_what_the_api_says_about_the_key_is_kept_without_it(
    settings, secret, simulator, fail, log, caplog, capsys, at, fault
):
    fail(at, fault, message=ECHO)
    make_story()

    with pytest.raises(SystemExit):
        call_command("run_task", "--task=CREATE_SHOT_VIDEO", "--story-id=the-lamp", "--wait")

    assert "is odd" in VideoRender.objects.get().error_message
    assert log()["violations"] == []
    assert_nowhere(settings, caplog, capsys)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "link",
    ["{api}/v1beta/files/x?alt=media&key={key}", "{api}/v1beta/files/x?key={key}&alt=media"],
)
def test_a_link_with_the_key_in_it_loses_it(settings, secret, start_far_end, caplog, capsys, link):
    api, elsewhere = start_far_end(), start_far_end()
    settings.VIDEO_API_BASE_URL = api.url
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    name = "models/veo-3.1-generate-preview/operations/op7"
    video = {"uri": link.format(api=api.url, key=KEY)}
    api.answer(200, {"name": name}, Content_Type="application/json")
    api.answer(
        200,
        {
            "name": name,
            "done": True,
            "response": {"generateVideoResponse": {"generatedSamples": [{"video": video}]}},
        },
        Content_Type="application/json",
    )
    api.answer(302, Location=f"{elsewhere.url}/x?token=7&key={KEY}")
    elsewhere.answer(403, {"error": {"message": ECHO}}, Content_Type="application/json")
    [render] = queue(make_story())

    work(render.lane)

    render.refresh_from_db()
    assert render.state == State.NOT_DOWNLOADED
    assert render.download_uri == f"{api.url}/v1beta/files/x?alt=media"
    assert "is odd" in render.error_message
    [(_, path, headers, _)] = elsewhere.requests
    assert path == "/x?token=7"
    assert KEY not in str(headers)
    assert all(headers["x-goog-api-key"] == KEY for _, _, headers, _ in api.requests)
    assert all(KEY not in path for _, path, _, _ in api.requests)
    assert_nowhere(settings, caplog, capsys)


BADLY_COPIED = {
    "line end within": f"{KEY[:20]}\n{KEY[20:]}",
    "typographic quotes": f"\u201c{KEY}\u201d",
    "zero width": f"\u200b{KEY}",
    "space": f"{KEY[:20]} {KEY[20:]}",
    "accent": f"{KEY}\u00e9",
}


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["veo-3.1-generate-preview", "gemini-omni-1.1-flash"])
@pytest.mark.parametrize("key", BADLY_COPIED.values(), ids=BADLY_COPIED.keys())
def test_a_key_that_was_not_copied_well_stops_the_queue_and_is_shown_nowhere(
    settings, secret, simulator, log, caplog, capsys, key, model
):
    settings.GEMINI_API_KEY = key
    make_story(shots=2)

    with pytest.raises(SystemExit):
        call_command(
            "run_task",
            "--task=CREATE_SHOT_VIDEO",
            "--story-id=the-lamp",
            "--wait",
            "--model",
            model,
        )
    with suppress(SystemExit):
        call_command("doctor")

    assert [each.state for each in VideoRender.objects.all()] == [State.QUEUED] * 2
    assert not Submission.objects.exists()
    lane = Lane.objects.get(name="simulator")
    assert lane.pause_code == "bad_key"
    assert "The key was not copied well" in lane.pause_reason
    assert log()["submissions"] == []
    shown = [*rows(), *pages(), caplog.text, *capsys.readouterr()]
    assert [text for text in shown if without_secrets(text, [key, KEY]) != text] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelling",
    [
        lambda key: repr(f"{key}\n".encode()),
        lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
        lambda key: base64.b64encode(f"x:{key}".encode()).decode(),
        lambda key: json.dumps("".join(f"\\u{ord(char):04x}" for char in key)),
        lambda key: key.encode().hex().upper(),
        lambda key: f"{key[:15]}\n  {key[15:]}",
    ],
    ids=["repr", "URL", "base64", "JSON", "HEX", "lines"],
)
@pytest.mark.parametrize(("at", "fault"), [("submit", "invalid_argument"), ("done", "error")])
def test_no_spelling_of_the_key_is_kept(
    settings, secret, simulator, fail, caplog, capsys, spelling, at, fault
):
    fail(at, fault, message=f"What is odd about {spelling(KEY)}?")
    make_story()

    with pytest.raises(SystemExit):
        call_command("run_task", "--task=CREATE_SHOT_VIDEO", "--story-id=the-lamp", "--wait")

    assert "What is odd about" in VideoRender.objects.get().error_message
    shown = [*rows(), caplog.text, *capsys.readouterr()]
    assert [text for text in shown if without_secrets(text, [KEY]) != text] == []


@pytest.mark.parametrize(
    ("link", "bare"),
    [
        ("https://h/x?alt=media", "https://h/x?alt=media"),
        ("https://h/x?key=KEY", "https://h/x"),
        ("https://h/x?key=KEY&alt=media", "https://h/x?alt=media"),
        ("https://h/x?alt=media&key=KEY", "https://h/x?alt=media"),
        ("https://h/x?a=1&api_key=KEY&b=2#c", "https://h/x?a=1&b=2#c"),
        ("https://h/KEY/x", "https://h//x"),
    ],
)
def test_a_link_without_the_key(settings, link, bare):
    settings.GEMINI_API_KEY = "KEY"

    assert without_key(link) == bare


@pytest.mark.slow
def test_nothing_of_a_running_installation_holds_the_key(tmp_path, migrated_database):
    place = Installation(tmp_path / "site", GEMINI_API_KEY=KEY, VIDEO_LOG_LEVEL="DEBUG")
    try:
        place.begin_with(migrated_database)
        place.start_simulator()
        place.manage("import_story", str(write_story(tmp_path / "bundles", "loud", 6)))
        for at, fault in ECHOES:
            place.script_fault(at, fault, params={"message": ECHO})
        place.script_fault("download", "redirect_other_host")
        place.script_fault("poll", "internal")
        place.start("work")

        *shots, summary = place.run_task("loud", "--wait")

        lines = command_lines()
        log = place.simulator_log()
    finally:
        place.close()

    assert summary["summary"]["generated"] == 3 and summary["summary"]["failed"] == 3
    assert [each["rule"] for each in log["violations"]] == []
    assert all(each["key_ok"] for each in log["submissions"]) and len(log["submissions"]) >= 6
    assert any(b"manage.py" in line for line in lines)
    assert not any(KEY.encode() in line for line in lines)
    assert KEY not in str(shots)
    # What the far end itself keeps is not ours.
    found = [
        each
        for each in files_with_the_key(place.folder)
        if "run_simulator" not in each and "/simulator/" not in each
    ]
    assert found == []
    with closing(sqlite3.connect(place.database)) as database:
        assert "is odd" in "".join(database.iterdump())
