"""What `make chaos` found: answers and surroundings that held, broke or fooled the pipeline."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError
from django.utils import timezone

from tests.support.clips import write_clip
from tests.support.factories import make_render, make_shot
from videogen.common import db_retry
from videogen.common.errors import DownloadError, VeoError
from videogen.models import VideoRender
from videogen.pipeline import journal
from videogen.pipeline.pump import Pump
from videogen.pipeline.results import due_for_a_poll
from videogen.providers.messages import VideoRequest
from videogen.providers.registry import open_client
from videogen.providers.response_limits import MAX_ANSWER_BYTES
from videogen.takes.fetch import fetch_clip, new_client
from videogen.takes.storage import check_storage, partial_folder

State = VideoRender.State
MODEL = "veo-3.1-generate-preview"


def submit():
    request = VideoRequest(MODEL, "A fox.", (), "asset", "16:9", "1080p", 8)
    with pytest.raises(VeoError) as caught:
        open_client("gemini", submits=True).submit(request)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        "models/x/operations/a\0b",
        "models/x/operations/\ud800",
        "models/../../v1beta/files/x",
        "https://example.com/operations/x",
        "models/x/operations/a b",
        "n" * 501,
        12345,
        ["models/x/operations/y"],
    ],
)
def test_a_name_that_is_none_waits_for_a_person(settings, far_end, name):
    far_end.answer(200, {"name": name})
    settings.VIDEO_API_BASE_URL = far_end.url

    error = submit()

    assert error.maybe_accepted
    assert error.sentence.encode(), "it can be stored"
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * (MAX_ANSWER_BYTES + 1) + b'{"name": "models/x/operations/y"}', {}),
        (gzip.compress(b'{"name": "models/x/operations/y"}'), {"Content_Encoding": "gzip"}),
    ],
    ids=["too large", "compressed"],
)
def test_an_answer_out_of_bounds_is_no_answer(settings, far_end, body, headers):
    far_end.answer(200, body, **headers)
    settings.VIDEO_API_BASE_URL = far_end.url

    assert submit().maybe_accepted


def test_an_answer_that_was_broken_off_on_the_way_may_have_been_accepted(settings, far_end):
    far_end.answer(499, {"error": {"code": 499, "status": "CANCELLED", "message": "gone"}})
    settings.VIDEO_API_BASE_URL = far_end.url

    assert submit().maybe_accepted


@pytest.fixture
def dripping(settings):
    """A server that sends a blank every 0.1 s."""
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                while not stopping.wait(0.1):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        settings.VIDEO_API_BASE_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield
        stopping.set()
        thread.join()


def test_an_answer_that_drips_is_given_up(settings, dripping):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.5
    started = time.monotonic()

    error = submit()

    assert error.maybe_accepted
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("seconds", ["9" * 300, "31536000"])
def test_a_wait_that_nobody_can_mean_is_not_believed(settings, far_end, seconds):
    details = [{"retryDelay": f"{seconds}s"}]
    far_end.answer(503, {"error": {"code": 503, "message": "busy", "details": details}})
    settings.VIDEO_API_BASE_URL = far_end.url

    assert submit().retry_after is None


# -- the journal ---------------------------------------------------------------------------------


def test_what_could_not_be_written_down_is_not_bought(settings, simulator, log, db):
    folder = Path(settings.STATE_DIR) / "journal"
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    render = make_render(make_shot(), State.QUEUED, prompt_text="A fox.", references=[])
    pump = Pump(render.lane)

    pump.tick(0.5)
    pump.close()

    render.refresh_from_db()
    assert log()["submissions"] == []
    assert (render.state, render.error_code) == (State.QUEUED, "no_journal")
    assert [each.outcome for each in render.submissions.all()] == ["rejected"]
    assert "VIDEO_STATE_DIR" in render.error_message


def test_the_room_for_an_answer_becomes_the_answer(settings):
    token, folder = uuid.uuid4(), Path(settings.STATE_DIR) / "journal"
    journal.reserve(token)
    (reserved,) = folder.iterdir()
    room = reserved.stat()

    journal.write_answer(token, "models/x/operations/y")

    (kept,) = folder.iterdir()
    assert (kept.stat().st_ino, kept.stat().st_size) == (room.st_ino, room.st_size)
    assert dict(journal.read_answers()) == {token: "models/x/operations/y"}


def test_a_refused_submission_leaves_no_room_behind(settings, fail, db):
    fail("submit", "invalid_argument")
    render = make_render(make_shot(), State.QUEUED, prompt_text="A fox.", references=[])
    pump = Pump(render.lane)

    pump.tick(2)
    pump.close()

    render.refresh_from_db()
    assert render.state == State.FAILED
    assert list((Path(settings.STATE_DIR) / "journal").iterdir()) == []


# -- the clock, the storage, the database --------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "is_due"), [(-1, True), (30, False), (3600, True)], ids=["due", "soon", "set back"]
)
def test_a_clock_that_was_set_back_stops_no_poll(seconds, is_due):
    next_poll_at = timezone.now() + timedelta(seconds=seconds)
    render = make_render(make_shot(), State.RUNNING, next_poll_at=next_poll_at)

    found = VideoRender.objects.filter(due_for_a_poll())

    assert list(found) == ([render] if is_due else [])


def test_a_storage_that_is_not_mounted_is_not_written_below(settings):
    root = Path(settings.MEDIA_ROOT)
    check_storage([])  # a first download needs no folder
    with pytest.raises(DownloadError) as caught:
        check_storage(["a.png", "b.png"])

    assert caught.value.code == "storage"
    assert not root.exists()
    root.mkdir()
    (root / "b.png").write_bytes(b"x")
    check_storage(["a.png", "b.png"])
    (root / "b.png").unlink()
    partial_folder().mkdir()
    check_storage(["a.png", "b.png"])


def test_the_rest_of_another_file_is_not_appended(far_end, tmp_path):
    data = write_clip(tmp_path / "clip.mp4")
    half, size = len(data) // 2, len(data)
    far_end.answer(200, data[:half], ETag='"a"', Content_Length=str(size), Connection="close")
    span = f"bytes {half}-{size - 1}/{size}"
    far_end.answer(206, bytes(size - half), ETag='"b"', Content_Range=span)
    far_end.answer(200, data, ETag='"b"')
    codes = []
    with new_client() as client:
        for _ in range(2):
            with pytest.raises(DownloadError) as caught:
                fetch_clip(client, f"{far_end.url}/clip", 1)
            codes.append(caught.value.code)
        clip = fetch_clip(client, f"{far_end.url}/clip", 1)

    assert codes == ["broken_off", "range"]
    assert clip.facts.seconds == pytest.approx(1, abs=0.1)


def test_a_download_is_not_put_off_past_the_clips_life(far_end):
    far_end.answer(503, Retry_After="86400")
    far_end.answer(503, Retry_After="9" * 300)
    told = []
    with new_client() as client:
        for _ in range(2):
            with pytest.raises(DownloadError) as caught:
                fetch_clip(client, f"{far_end.url}/clip", 1)
            told.append(caught.value.retry_after)

    assert told == [600, None]


def test_a_database_that_comes_back_is_waited_for(monkeypatch, db):
    monkeypatch.setattr(db_retry, "PAUSES", (0, 0, 0))
    tries = []

    def work():
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return json.dumps("done")

    assert db_retry.persistently(work) == '"done"'
    assert len(tries) == 3


def test_a_database_that_stays_away_is_given_up_after_the_last_pause(monkeypatch, caplog, db):
    monkeypatch.setattr(db_retry, "PAUSES", (0, 0.1))
    tries = []

    def work():
        tries.append(time.monotonic())
        raise InterfaceError(f"try {len(tries)}")

    with pytest.raises(InterfaceError, match="try 3"):
        db_retry.persistently(work)

    assert len(tries) == 3
    assert tries[2] - tries[1] >= 0.1
    assert [each.getMessage() for each in caplog.records] == [
        f"The database does not answer (try {number}). Trying again." for number in (1, 2)
    ]


def test_what_is_not_the_databases_is_not_tried_again(monkeypatch, db):
    monkeypatch.setattr(db_retry, "PAUSES", (0, 0))
    tries = []

    def work():
        tries.append(1)
        raise IntegrityError("a defect of ours")

    with pytest.raises(IntegrityError):
        db_retry.persistently(work)

    assert len(tries) == 1
