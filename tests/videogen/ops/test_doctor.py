"""`manage.py doctor` and its page: faults are really planted, and each has to be named."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.signing import SignedPackage
from django_q.status import Stat, Status

from storybook import settings as module_of_settings
from tests.support.admin_clients import producer, viewer
from tests.support.factories import make_lane, make_render, make_shot
from tests.support.far_end import KEY
from tests.support.installations import Installation, wait_until
from tests.support.pages import page_of
from videogen.models import VideoRender
from videogen.ops.doctor import storage
from videogen.ops.doctor.findings import SECRET_SETTINGS, without_secrets
from videogen.ops.doctor.run import CHECKS, FIRST, WITH_TABLES, examine

State = VideoRender.State
PAGE = "/admin/videogen/lane/doctor/"
OTHER_KEY = "AIzaSy-another-key-of-nobody"


@pytest.fixture
def healthy(db, simulator, settings, tmp_path):
    """Nothing is wrong but that no workers run."""
    return simulator


@dataclass
class Scene:
    settings: Any
    monkeypatch: Any
    simulator: Any
    folder: Any
    request: Any


@pytest.fixture
def scene(healthy, settings, monkeypatch, tmp_path, request):
    return Scene(settings, monkeypatch, healthy, tmp_path, request)


def doctor(*options):
    """(findings by check, summary, exit code)"""
    out = io.StringIO()
    code = 0
    try:
        call_command("doctor", "--json", *options, stdout=out)
    except SystemExit as end:
        code = end.code
    *lines, last = map(json.loads, out.getvalue().splitlines())
    found = {}
    for line in lines:
        found.setdefault(line["check"], []).append(line)
    return found, last["summary"], code


# -- nothing is wrong ------------------------------------------------------------------------------


def test_a_healthy_installation_has_no_failure(healthy):
    found, summary, code = doctor()

    wrong = {key for key, lines in found.items() for line in lines if line["level"] != "ok"}
    assert wrong == {"workers"}, "no workers run in a test"
    assert summary["failures"] == 0 and summary["warnings"] == 1
    assert summary["ok"] == sum(map(len, found.values())) - 1
    assert code == 0
    assert healthy.journal.snapshot()["submissions"] == []


def test_every_check_says_something(healthy):
    keys = {topic.key for topic, _ in (*FIRST, *CHECKS, *WITH_TABLES)}

    assert set(doctor()[0]) == keys - {"redis"}


def test_the_objects_have_the_promised_keys(healthy, settings):
    settings.VIDEO_MODEL = "veo-9"

    found, summary, code = doctor()

    for line in (line for lines in found.values() for line in lines):
        assert set(line) == {"check", "level", "sentence", "what_to_do"}
        assert line["level"] in ("ok", "warning", "failure")
        assert line["sentence"].strip()
        assert bool(line["what_to_do"]) == (line["level"] != "ok"), line
    assert set(summary) == {"ok", "warnings", "failures"}
    assert (summary["failures"], code) == (1, 1)


def test_people_read_level_check_and_what_to_do(healthy, settings):
    settings.VIDEO_MODEL = "veo-9"
    out = io.StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("doctor", stdout=out)

    assert end.value.code == 1
    text = out.getvalue()
    assert "failure  Model" in text
    assert "Set VIDEO_MODEL to one that it has" in text
    assert "1 warning, 1 failure." in text


def test_only_who_was_asked_says_that_the_key_is_right(healthy, settings):
    settings.VIDEO_BACKEND = "gemini"

    assert doctor()[0]["key"][0]["sentence"] == "It is set, and the API takes it."
    assert doctor("--offline")[0]["key"][0]["sentence"] == "It is set."
    settings.VIDEO_API_BASE_URL = "http://127.0.0.1:9"
    assert doctor()[0]["key"][0]["sentence"] == "It is set."


def test_offline_asks_the_api_nothing(healthy, settings, start_far_end):
    server = start_far_end()
    server.answer(200, {"models": []})
    settings.VIDEO_API_BASE_URL = server.url

    found, _, code = doctor("--offline")

    assert server.requests == []
    assert not {"api", "model"} & set(found)
    assert code == 0


def test_wrong_usage():
    with pytest.raises(CommandError):
        call_command("doctor", "--everything")


# -- faults, each of them planted ------------------------------------------------------------------


def pay(scene):
    """As if the simulator sent invoices."""
    scene.settings.VIDEO_BACKEND = "gemini"


def no_key(scene):
    pay(scene)
    scene.settings.GEMINI_API_KEY = ""


def wrong_key(scene):
    scene.simulator.change_settings({"key_revoked": True})


def two_keys(scene):
    scene.monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    scene.monkeypatch.setenv("GEMINI_API_KEY", OTHER_KEY)


def key_with_a_space(scene):
    scene.settings.GEMINI_API_KEY = f"{KEY} copied"


def nobody_at_the_address(scene):
    scene.settings.VIDEO_API_BASE_URL = "http://127.0.0.1:9"


def another_server_at_the_address(scene):
    server = scene.request.getfixturevalue("far_end")
    server.answer(404, b"<html>Not here</html>")
    scene.settings.VIDEO_API_BASE_URL = server.url
    return server


def overloaded_api(scene):
    server = scene.request.getfixturevalue("far_end")
    server.answer(503, {"error": {"code": 503, "message": "The model is overloaded."}})
    scene.settings.VIDEO_API_BASE_URL = server.url


def model_not_listed(scene):
    scene.settings.VIDEO_MODEL = "veo-2.0-generate-001"


def clock_off_by(seconds):
    def plant(scene):
        server = start_clock(timedelta(seconds=seconds))
        scene.request.addfinalizer(server.server_close)
        scene.request.addfinalizer(server.shutdown)
        scene.settings.VIDEO_API_BASE_URL = f"http://127.0.0.1:{server.server_port}"
        return server

    return plant


def unapplied_migration(scene):
    last = MigrationRecorder.Migration.objects.filter(app="videogen").order_by("-name").first()
    last.delete()


def newer_database(scene):
    MigrationRecorder.Migration.objects.create(app="videogen", name="9999_of_tomorrow")


def another_host_on_sqlite(scene):
    make_lane(lease_owner="elsewhere|boot|1|2.00", beat_at=timezone.now())


def file_in_the_way_of(name):
    def plant(scene):
        (scene.folder / "file").write_text("in the way")
        setattr(scene.settings, name, str(scene.folder / "file" / "folder"))

    return plant


def disk_with_less_than(name):
    def plant(scene):
        scene.monkeypatch.setattr(storage, name, 10**18)

    return plant


def clips_not_mounted(scene):
    make_render(make_shot(), State.DONE, video_file="videos/not-mounted.mp4")


def due(**values):
    return make_render(make_shot(), touched_ago=120, queued_at=ago(120), **values)


def nobody_works(scene):
    due()


def workers_that_do_not_move(scene):
    due()
    make_lane(beat_at=ago(120))
    start_pretending_to_work()


def another_secret_key(scene):
    make_lane(beat_at=timezone.now(), lease_secret="0123456789abcdef")


def queue_stopped(scene):
    make_lane(paused_at=ago(5), pause_code="credits_depleted", pause_reason="No credit is left.")


def queue_paused(scene):
    make_lane(paused_at=ago(5), pause_code="person", pause_reason="ines paused it.")


def queue_waits(scene):
    due()
    make_lane(not_before=ago(-600), wait_code="quota_spend", wait_reason="Spend-based limit.")


def redis_is_away(scene):
    queue = {key: value for key, value in scene.settings.Q_CLUSTER.items() if key != "orm"}
    scene.settings.Q_CLUSTER = queue | {"redis": "redis://:a-password@127.0.0.1:9/0"}


def odd_resolution(scene):
    scene.settings.VIDEO_RESOLUTION = "480p"


def no_project(scene):
    pay(scene)
    scene.settings.VIDEO_MODEL = "veo-3.1-generate-001"
    scene.settings.VIDEO_VERTEX_PROJECT = ""


def no_price(scene):
    pay(scene)
    scene.settings.VIDEO_MODEL = "veo-9"


def small_window(scene):
    pay(scene)
    scene.settings.VIDEO_SPEND_WINDOW_USD = Decimal("3.00")


def nothing_a_minute(scene):
    scene.settings.VIDEO_SUBMISSIONS_PER_MINUTE = 0


def budget_used_up(scene):
    pay(scene)
    scene.settings.VIDEO_BUDGET_USD = Decimal("3.19")


def short_deadline(scene):
    pay(scene)
    scene.settings.VIDEO_OPERATION_DEADLINE_MINUTES = 5.0


def debug_mode(scene):
    pay(scene)
    scene.settings.DEBUG = True


def half_a_webhook(scene):
    scene.settings.VIDEO_NOTICE_WEBHOOK_URL = "https://videogen.example/told"


# fault → (how it is planted, check, level, what the finding has to say)
FAULTS = {
    "no key": (no_key, "key", "failure", "no key"),
    "a wrong key": (wrong_key, "key", "failure", "API key not valid"),
    "two different keys": (two_keys, "key", "warning", "GOOGLE_API_KEY wins"),
    "a key with a space": (key_with_a_space, "key", "failure", "characters"),
    "API away": (nobody_at_the_address, "api", "failure", "cannot be reached"),
    "another server": (another_server_at_the_address, "api", "failure", "does not list"),
    "API overloaded": (overloaded_api, "api", "warning", "overloaded"),
    "model not listed": (model_not_listed, "model", "failure", "veo-3.1-fast-generate-preview"),
    "clock ahead": (clock_off_by(-600), "clock", "failure", "10 minutes ahead of"),
    "clock behind": (clock_off_by(180), "clock", "warning", "3 minutes behind"),
    "a migration missing": (unapplied_migration, "migrations", "failure", "videogen.00"),
    "a newer database": (newer_database, "migrations", "warning", "9999_of_tomorrow"),
    "another secret key": (another_secret_key, "hosts", "failure", "another secret key"),
    "two hosts on SQLite": (another_host_on_sqlite, "hosts", "failure", "elsewhere"),
    "no media folder": (file_in_the_way_of("MEDIA_ROOT"), "media", "failure", "written to"),
    "no state folder": (file_in_the_way_of("STATE_DIR"), "state", "failure", "written to"),
    "a full disk": (disk_with_less_than("LEAST_BYTES"), "disk", "failure", "10 to 30 MB"),
    "a disk soon full": (disk_with_less_than("LOW_BYTES"), "disk", "warning", "10 to 30 MB"),
    "media not mounted": (clips_not_mounted, "clips", "failure", "videos/not-mounted.mp4"),
    "nobody works": (nobody_works, "workers", "failure", "1 render waits"),
    "a dead queue": (workers_that_do_not_move, "workers", "failure", "no pump beats"),
    "queue stopped by the API": (queue_stopped, "queue", "failure", "No credit is left."),
    "queue paused": (queue_paused, "queue", "warning", "ines paused it."),
    "queue waits": (queue_waits, "queue", "warning", "Spend-based limit."),
    "Redis away": (redis_is_away, "redis", "failure", "does not answer"),
    "an odd resolution": (odd_resolution, "request", "failure", "480p"),
    "no project": (no_project, "key", "failure", "no project is named"),
    "no price": (no_price, "price", "failure", "veo-9"),
    "a window below one video": (small_window, "quota", "failure", "$3.20"),
    "nothing a minute": (nothing_a_minute, "quota", "failure", "VIDEO_SUBMISSIONS_PER_MINUTE"),
    "no tier": (pay, "quota", "warning", "tier"),
    "no budget": (pay, "budget", "warning", "no budget over everything"),
    "budget used up": (budget_used_up, "budget", "failure", "$3.19"),
    "a short deadline": (short_deadline, "patience", "warning", "takes up to 6"),
    "debug mode": (debug_mode, "debug", "warning", "DJANGO_DEBUG"),
    "half a webhook": (half_a_webhook, "configuration", "failure", "SECRET"),
}


@pytest.mark.parametrize(("plant", "check", "level", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_planted_fault_is_named(scene, plant, check, level, words):
    if plant is another_host_on_sqlite and connection.vendor != "sqlite":
        pytest.skip("several hosts may use this database")
    plant(scene)

    found, summary, code = doctor()

    told = [line for line in found[check] if line["level"] == level and words in line["sentence"]]
    assert len(told) == 1, found[check]
    assert told[0]["what_to_do"]
    assert code == (1 if summary["failures"] else 0)
    assert summary["failures" if level == "failure" else "warnings"] >= 1
    everything = json.dumps(found)
    for secret in (KEY, OTHER_KEY, "a-password"):
        assert secret not in everything


def test_one_fault_does_not_hide_the_others(scene):
    no_media = file_in_the_way_of("MEDIA_ROOT")
    for plant in (wrong_key, unapplied_migration, nothing_a_minute, no_media):
        plant(scene)

    found, _, _ = doctor()

    levels = {key: lines[-1]["level"] for key, lines in found.items()}
    assert (levels["key"], levels["api"], levels["model"]) == ("failure", "ok", "warning")
    assert (levels["migrations"], levels["media"], levels["state"]) == ("failure", "failure", "ok")
    assert levels["quota"] == "warning", "not checked without its tables"


NAMES_OF_SECRETS = re.compile(r"^#?([A-Z_]*(?:SECRET|KEY|PASSWORD|TOKEN))(?:=|$)", re.MULTILINE)


def test_every_setting_that_is_a_secret_is_known_as_one(settings):
    examples = (settings.BASE_DIR / ".env.example").read_text()
    ours = "\n".join(name for name in vars(module_of_settings) if name.isupper())

    assert set(NAMES_OF_SECRETS.findall(examples)) == SECRET_SETTINGS.keys()
    assert set(NAMES_OF_SECRETS.findall(ours)) == {*SECRET_SETTINGS.values()} - {""}


@pytest.mark.parametrize("name", SECRET_SETTINGS)
def test_no_secret_is_told_even_where_nothing_starts(monkeypatch, name):
    monkeypatch.setenv(name, "whsec_of-nobody-else")

    assert without_secrets("It says whsec_of-nobody-else.") == "It says [secret]."


@pytest.mark.parametrize("name", sorted({*SECRET_SETTINGS.values()} - {""}))
def test_no_secret_of_a_setting_is_told(healthy, settings, name):
    setattr(settings, name, "whsec_of-nobody-else")
    settings.MEDIA_ROOT = "/proc/whsec_of-nobody-else"

    (line,) = doctor("--offline")[0]["media"]

    assert "/proc/[secret] cannot be written to" in line["sentence"]


def test_a_key_in_the_apis_words_is_not_told(healthy, settings, far_end):
    message = f"API key {KEY} not valid. Please pass a valid API key."
    far_end.answer(400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})
    settings.VIDEO_API_BASE_URL = far_end.url

    (line,) = doctor()[0]["key"]

    assert line["level"] == "failure" and "not valid" in line["sentence"]
    assert KEY not in line["sentence"]


# -- Vertex AI: credentials in place of a key ------------------------------------------------------


@pytest.fixture
def on_vertex(healthy, settings, real_world, signed_in):
    settings.VIDEO_MODEL = "veo-3.1-generate-001"
    signed_in.answer(200, {"access_token": "ya29.of-nobody", "expires_in": 3600})
    return real_world


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (401, "", "Vertex AI refuses the credentials"),
        (403, "", "give them the role Vertex AI User"),
        (403, "SERVICE_DISABLED", "is not enabled in the project studio-project"),
        (403, "BILLING_DISABLED", "has no billing"),
    ],
)
def test_what_vertex_refuses_is_a_failure_of_the_credentials(on_vertex, status, reason, words):
    message = "Not for the token ya29.of-nobody."
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    on_vertex.answer(
        status, {"error": {"code": status, "message": message, "status": "X", "details": details}}
    )

    found = doctor()[0]

    [key], [api], [model] = found["key"], found["api"], found["model"]
    assert (key["level"], api["level"], model["level"]) == ("failure", "ok", "warning")
    assert words in key["sentence"]
    assert "Google publishes" in model["sentence"]
    everything = json.dumps(found)
    assert "GOOGLE_GEMINI_BASE_URL" not in everything
    assert "ya29.of-nobody" not in everything


def test_a_token_in_other_words_of_the_api_is_not_told(on_vertex):
    on_vertex.answer(400, {"error": {"code": 400, "message": "Why ya29.of-nobody?", "status": "X"}})

    found = doctor()[0]

    [api] = found["api"]
    assert api["level"] == "failure" and "Why [key]?" in api["sentence"]
    assert "GOOGLE_CLOUD_LOCATION" in api["what_to_do"]


def test_credentials_that_cannot_be_read_are_told_and_nothing_is_asked(
    on_vertex, monkeypatch, tmp_path
):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    on_vertex.answer(404)

    found = doctor()[0]

    [key], [api] = found["key"], found["api"]
    assert key["level"] == "failure" and "GOOGLE_APPLICATION_CREDENTIALS" in key["sentence"]
    assert api["level"] == "ok" and "nothing was asked" in api["sentence"]


def test_of_vertex_is_told_what_google_publishes(simulator, settings, db):
    settings.VIDEO_MODEL = "veo-3.1-generate-001"

    assert doctor()[0]["model"][0]["sentence"] == "Google publishes veo-3.1-generate-001."


def test_the_clock_is_asked_without_the_key(scene):
    server = clock_off_by(0)(scene)

    found, _, _ = doctor()

    assert found["clock"][0]["level"] == "ok"
    told = {method: key for method, _, key in server.requests}
    assert told == {"HEAD": None, "GET": KEY}
    assert not any(KEY in path for _, path, _ in server.requests)


def test_an_api_that_does_not_answer_is_not_waited_for(healthy, settings, far_end):
    far_end.answer(200, {"models": []}, seconds=5)
    settings.VIDEO_API_BASE_URL = far_end.url
    began = time.monotonic()

    findings = {each.key: each for each in examine(seconds=0.5)}

    assert time.monotonic() - began < 4
    assert findings["api"].level == "failure"
    assert "no answer within 0.5 seconds" in findings["api"].sentence


def test_a_refusal_leaves_no_connection_open(scene):
    server = another_server_at_the_address(scene)

    doctor()

    assert server.requests
    ours = psutil.Process().net_connections("tcp4")
    assert [each for each in ours if each.raddr and each.raddr.port == server.server_port] == []


@pytest.fixture
def shared_folder():
    """In a folder that everybody may enter, as those of a test are not."""
    with tempfile.TemporaryDirectory(prefix="doctor-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(("mode", "level"), [(0o755, "warning"), (0o750, "ok"), (0o700, "ok")])
def test_what_everybody_can_read_is_told(healthy, settings, shared_folder, mode, level):
    media = shared_folder / "media's"
    media.mkdir()
    media.chmod(mode)
    settings.MEDIA_ROOT = str(media)

    [finding] = doctor()[0]["privacy"]

    assert finding["level"] == level
    if level == "warning":
        assert str(media) in finding["sentence"]
        subprocess.run(finding["what_to_do"], shell=True, check=True)
        assert doctor()[0]["privacy"][0]["level"] == "ok"


def test_a_file_below_a_closed_folder_is_closed(healthy, settings, shared_folder):
    media = shared_folder / "closed" / "media"
    media.mkdir(parents=True)
    media.parent.chmod(0o700)
    media.chmod(0o777)
    settings.MEDIA_ROOT = str(media)

    assert doctor()[0]["privacy"][0]["level"] == "ok"


def test_a_check_that_breaks_is_a_finding(healthy, settings):
    # What no check thinks of: a setting of another kind.
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = "soon"

    found, _, code = doctor()

    (line,) = found["patience"]
    assert line["level"] == "failure" and "could not be checked: TypeError" in line["sentence"]
    assert len(found["quota"]) == 1 and code == 1


def test_probes_leave_nothing_behind(healthy, settings, tmp_path):
    doctor()

    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []


# -- faults that only a process of its own can have ----------------------------------------------


@pytest.fixture(scope="module")
def installation(tmp_path_factory, migrated_database):
    """Migrated; the API is not asked."""
    place = Installation(tmp_path_factory.mktemp("doctor"))
    place.begin_with(migrated_database)
    return place


def package(folder, name, text):
    """A module that is found before the installed one."""
    file = folder / "planted" / Path(*name.split(".")) / "__init__.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return {"PYTHONPATH": str(folder / "planted")}


def sdk_of(version):
    return lambda folder: package(folder, "google.genai", f'__version__ = "{version}"')


def broken(name, words):
    return lambda folder: package(folder, name, f"raise ImportError({words!r})")


def variables(**values):
    return lambda folder: {name: value.format(folder=folder) for name, value in values.items()}


def below_a_file(folder):
    (folder / "file").write_text("in the way")
    return {"VIDEO_STATE_DIR": str(folder / "file" / "var"), "DJANGO_SECRET_KEY": ""}


# fault → (its surroundings, check, what the finding has to say)
SURROUNDINGS = {
    "an SDK without Veo": (sdk_of("3.0.0"), "sdk", "google-genai is 3.0.0"),
    "an old SDK": (sdk_of("2.33.9"), "sdk", "google-genai is 2.33.9"),
    "no SDK": (broken("google.genai", "No module named genai"), "sdk", "No module named genai"),
    "no FFmpeg": (broken("av", "libavcodec.so.62: cannot open"), "ffmpeg", "libavcodec.so.62"),
    "no database": (
        variables(DATABASE_URL="sqlite:///{folder}/none.sqlite3"),
        "database",
        "none.sqlite3",
    ),
    "a database server away": (
        variables(DATABASE_URL="postgres://somebody:a-password@127.0.0.1:9/videogen"),
        "database",
        "cannot be reached",
    ),
    "a database without tables": (
        variables(DATABASE_URL="sqlite:///{folder}/empty.sqlite3"),
        "migrations",
        "not applied",
    ),
    "no secret key and no folder for one": (
        below_a_file,
        "configuration",
        "There is no secret key",
    ),
    "a setting that is no number": (
        variables(VIDEO_POLL_SECONDS="soon"),
        "configuration",
        "VIDEO_POLL_SECONDS",
    ),
    "a database of no kind": (
        variables(DATABASE_URL="oracel://somebody:a-password@127.0.0.1/x"),
        "configuration",
        "does not start",
    ),
    "no time zones": (variables(PYTHONTZPATH="/nowhere"), "configuration", "America/Los_Angeles"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "check", "words"), SURROUNDINGS.values(), ids=SURROUNDINGS.keys()
)
def test_a_fault_around_the_process_is_named(installation, tmp_path, plant, check, words):
    (tmp_path / "empty.sqlite3").touch()
    place = Installation(tmp_path / "here", DATABASE_URL=installation.environment["DATABASE_URL"])
    place.environment |= plant(tmp_path)

    done = place.manage("doctor", "--json", "--offline", check=False)

    assert "Traceback" not in done.stdout + done.stderr
    *lines, last = map(json.loads, done.stdout.splitlines())
    failed = [line for line in lines if line["level"] == "failure"]
    assert [line["check"] for line in failed] == [check], failed
    assert words in failed[0]["sentence"]
    assert failed[0]["what_to_do"]
    assert (last["summary"]["failures"], done.returncode) == (1, 1)
    assert "a-password" not in done.stdout + done.stderr
    assert not (tmp_path / "none.sqlite3").exists()


@pytest.mark.slow
def test_with_workers_everything_is_in_order(tmp_path, migrated_database):
    place = Installation(tmp_path / "here")
    try:
        place.begin_with(migrated_database)
        place.start_simulator()
        place.start("work")

        def look():
            done = place.manage("doctor", "--json", check=False)
            return [json.loads(line) for line in done.stdout.splitlines()]

        wait_until(lambda: not look()[-1]["summary"]["warnings"], 60, "for the workers")
        *lines, last = look()
    finally:
        place.close()

    assert {line["level"] for line in lines} == {"ok"}
    (workers,) = (line["sentence"] for line in lines if line["check"] == "workers")
    assert workers.startswith("2 on ")
    assert last["summary"] == {"ok": len(lines), "warnings": 0, "failures": 0}


def test_usage_has_an_exit_code_of_its_own(installation):
    done = installation.manage("doctor", "--everything", check=False)

    assert done.returncode == 2


# -- the page --------------------------------------------------------------------------------------


def test_the_page_tells_the_same(healthy, settings):
    settings.VIDEO_MODEL = "veo-9"

    page = producer().get(PAGE)

    assert page.status_code == 200
    found = page_of(page)
    assert [(each["finding"], each["level"]) for each in found.hooks("finding")] == [
        ("model", "failure"),
        ("workers", "warning"),
    ]
    # The one test of this page's words. Variables are named only to those who can set them.
    wrong = found.hook("finding", "model")
    assert wrong.hook("sentence").text.startswith("The key does not have veo-9.")
    assert "Ask an administrator to set the installation's default model" in (
        wrong.hook("advice").text
    )
    assert found.hook("summary").text.startswith("1 failure, 1 warning.")
    assert KEY not in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_the_first_page_leads_there(healthy):
    make_shot()

    assert PAGE in page_of(producer().get("/admin/")).links
    assert PAGE not in page_of(viewer().get("/admin/")).links


def test_the_page_shows_no_folder_of_the_server(healthy, settings, monkeypatch):
    monkeypatch.setattr(storage, "_is_open_to_others", lambda path: True)

    page = producer().get(PAGE)

    advice = [each.hook("advice").text for each in page_of(page).hooks("finding", "privacy")]
    assert any("chmod -R o-rwx" in each for each in advice)
    for folder in (settings.MEDIA_ROOT, settings.STATE_DIR, settings.BASE_DIR):
        assert str(folder) not in page.text


def test_who_may_not_spend_does_not_see_the_page(healthy):
    browser = viewer()

    assert browser.get(PAGE).status_code == 403
    assert PAGE not in page_of(browser.get("/admin/videogen/lane/")).links
    assert PAGE in page_of(producer().get("/admin/videogen/lane/")).links


# -- helpers ---------------------------------------------------------------------------------------


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def start_clock(shift):
    """A server that lists the models, with another time than ours."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            key = self.headers.get("x-goog-api-key")
            self.server.requests.append((self.command, self.path, key))
            body = b'{"models": []}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def date_time_string(self, timestamp=None):
            return format_datetime(timezone.now() + shift, usegmt=True)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.requests = True, []
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def start_pretending_to_work():
    """A cluster's word that it is well."""
    status = Status(os.getpid(), "a-cluster")
    status.sentinel, status.workers, status.status = os.getpid(), [1, 2], "Idle"
    get_broker().set_stat(Stat.get_key("a-cluster"), SignedPackage.dumps(status, True), 3)
