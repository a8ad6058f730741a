from __future__ import annotations

import socket
import time
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.clips import write_clip
from tests.support.factories import State, force, make_render, make_shot, make_story, shots_of
from videogen.common.errors import DownloadError
from videogen.models import VideoRender
from videogen.providers.messages import INLINE
from videogen.takes.download_worker import DOWNLOAD_LEASE, Downloads, run_slice
from videogen.takes.fetch import fetch_clip_of
from videogen.takes.storage import exclusive, partial_folder
from videogen.takes.video_file import VideoFacts, inspect_video

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


@pytest.fixture
def render():
    """A clip that another process has taken over meanwhile."""
    return make_render(
        make_shot(),
        State.DOWNLOADING,
        download_uri="http://127.0.0.1:9/v",
        downloader="another process",
        download_lease_until=timezone.now() + timedelta(seconds=30),
    )


def test_the_failure_of_a_slow_downloader_does_not_end_its_successors_row(render):
    downloads = Downloads([render.lane])

    downloads._fail(render, DownloadError("gone", code="http_404", permanent=True))

    assert VideoRender.objects.get(pk=render.pk).state == State.DOWNLOADING


def test_a_clip_that_another_process_downloads_is_left_alone(render):
    downloads = Downloads([render.lane])

    assert downloads.tick(seconds=0) is False
    assert VideoRender.objects.get(pk=render.pk).downloader == "another process"


@pytest.fixture
def waiting(far_end):
    """A clip that nobody downloads yet."""
    shot = make_shot(story_id="waiting")
    return make_render(shot, State.DOWNLOADING, download_uri=f"{far_end.url}/clip")


def worker(render, name="one process"):
    downloads = Downloads([render.lane])
    downloads.owner = name
    return downloads


def work(render):
    VideoRender.objects.filter(pk=render.pk).update(not_before=None)
    downloads = Downloads([render.lane])
    while downloads.tick():
        pass
    downloads.close()
    render.refresh_from_db()


def test_of_two_processes_one_takes_a_clip(waiting):
    first, second = worker(waiting), worker(waiting, "the other process")
    taken = []

    def meanwhile(execute, sql, *rest):
        # The second has seen that the clip is free; before it takes it, the first one does.
        if sql.startswith("SAVEPOINT") and not taken:
            taken.append(None)
            taken.extend(first._take(1))
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        taken += second._take(1)

    assert taken[1:] == [waiting]
    waiting.refresh_from_db()
    assert (waiting.downloader, waiting.download_attempts) == ("one process", 1)


def half(data):
    return {"ETag": '"a"', "Content_Length": str(len(data)), "Connection": "close"}


def test_what_a_passing_failure_left_is_gone_on_with(far_end, waiting, tmp_path):
    data = write_clip(tmp_path / "clip.mp4")
    far_end.answer(200, data[:900], **half(data))
    far_end.answer(503)
    span = f"bytes 900-{len(data) - 1}/{len(data)}"
    far_end.answer(206, data[900:], ETag='"a"', Content_Range=span)

    for _ in range(3):
        work(waiting)

    assert waiting.state == State.DONE
    assert [asked.get("range") for _, _, asked, _ in far_end.requests] == [
        None,
        "bytes=900-",
        "bytes=900-",
    ]


def test_it_is_gone_on_with_when_the_tries_are_used_up(settings, far_end, waiting, tmp_path):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    data = write_clip(tmp_path / "clip.mp4")
    far_end.answer(200, data[:900], **half(data))
    span = f"bytes 900-{len(data) - 1}/{len(data)}"
    far_end.answer(206, data[900:], ETag='"a"', Content_Range=span)

    work(waiting)
    assert waiting.state == State.NOT_DOWNLOADED
    assert waiting.restart_download(State.NOT_DOWNLOADED)
    work(waiting)

    assert waiting.state == State.DONE
    assert far_end.requests[1][2]["range"] == "bytes=900-"


def test_a_file_that_another_process_writes_costs_no_try(far_end, waiting):
    partial_folder().mkdir(parents=True)
    with exclusive(partial_folder() / f"render-{waiting.pk}.part"):
        work(waiting)

    assert (waiting.state, waiting.error_code) == (State.DOWNLOADING, "busy")
    assert waiting.download_attempts == 0
    assert far_end.requests == []


def test_a_video_within_an_answer_is_written_by_one_process_at_a_time(waiting, monkeypatch):
    class Client:
        def read_inline(self, name):
            return b"a video"

    monkeypatch.setattr("videogen.takes.fetch.open_client", lambda route: Client())
    waiting.download_uri = INLINE
    partial_folder().mkdir(parents=True)
    part = partial_folder() / f"render-{waiting.pk}.part"

    with exclusive(part), pytest.raises(DownloadError) as caught, httpx.Client() as client:
        fetch_clip_of(client, waiting)

    assert caught.value.code == "busy"
    assert part.read_bytes() == b""


def test_a_video_within_an_answer_that_is_refused_may_be_had_later(settings, far_end, waiting):
    """A right that is missing now may be given: the video is paid for."""
    settings.VIDEO_API_BASE_URL = far_end.url
    words = {"code": 403, "message": "No permission.", "status": "PERMISSION_DENIED"}
    far_end.answers.clear()
    far_end.answer(403, {"error": words}, Content_Type="application/json")
    waiting.route, waiting.operation_name, waiting.download_uri = "omni", "v1_abc", INLINE
    partial_folder().mkdir(parents=True, exist_ok=True)

    with pytest.raises(DownloadError) as caught, httpx.Client() as client:
        fetch_clip_of(client, waiting)

    assert (caught.value.code, caught.value.permanent) == ("poll_refused", False)


def test_a_process_renews_and_frees_its_own_rows_only(waiting, render):
    downloads = worker(waiting)
    [taken] = downloads._take(1)
    soon = timezone.now() + timedelta(seconds=1)
    VideoRender.objects.filter(pk=taken.pk).update(download_lease_until=soon)
    # It believes to have this one, too, but was so slow that another process took it over.
    downloads._running = {1: taken, 2: render}
    lease = render.download_lease_until

    downloads._renew()

    waiting.refresh_from_db()
    render.refresh_from_db()
    assert waiting.download_lease_until > soon + DOWNLOAD_LEASE / 2
    assert render.download_lease_until == lease

    downloads.close()

    waiting.refresh_from_db()
    render.refresh_from_db()
    assert (waiting.downloader, render.downloader) == ("", "another process")


def test_a_passing_failure_of_a_slow_downloader_changes_nothing(render):
    Downloads([render.lane])._fail(render, DownloadError("away", code="http_503"))

    render.refresh_from_db()
    assert (render.downloader, render.error_code) == ("another process", "")


def test_a_slow_downloader_does_not_finish_its_successors_row(render, tmp_path):
    write_clip(tmp_path / "clip.mp4")
    force(render, take=1)

    downloads = Downloads([render.lane])
    stored: Future[VideoFacts] = Future()
    stored.set_result(inspect_video(tmp_path / "clip.mp4"))
    downloads._finish({stored: render})

    render.refresh_from_db()
    assert (render.state, render.downloader) == (State.DOWNLOADING, "another process")


@pytest.mark.parametrize(("workers", "tries"), [(2, 0), (3, 1)])
def test_one_worker_stays_free_for_the_pump(settings, workers, tries):
    """One process downloads already, so with two workers the other one is for the pump."""
    settings.VIDEO_WORKERS, settings.VIDEO_DOWNLOAD_ATTEMPTS = workers, 1
    lease = timezone.now() + timedelta(seconds=30)
    another = f"{socket.gethostname()[:80]}|another process"
    busy = {"downloader": another, "download_lease_until": lease}
    make_render(make_shot(story_id="busy"), State.DOWNLOADING, **busy)
    waiting = make_render(make_shot(), State.DOWNLOADING)

    run_slice()

    waiting.refresh_from_db()
    assert waiting.download_attempts == tries


def clips(far_end, count):
    shots = list(shots_of(make_story(f"story-of-{count}", shots=count)))
    return [
        make_render(shot, State.DOWNLOADING, download_uri=f"{far_end.url}/clip") for shot in shots
    ]


@pytest.mark.parametrize("places", [1, 3])
def test_so_many_downloads_as_the_setting_says_run_at_once(settings, far_end, tmp_path, places):
    settings.VIDEO_DOWNLOADS_AT_ONCE = places
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"), seconds=0.5)
    renders = clips(far_end, 5)
    downloads = Downloads([renders[0].lane])

    downloads.tick(seconds=0.3)
    taken = VideoRender.objects.filter(downloader=downloads.owner).count()
    asked = len(far_end.requests)
    downloads.close()

    assert (taken, asked) == (places, places)


def test_a_slow_download_does_not_hold_up_the_others(settings, far_end, tmp_path):
    settings.VIDEO_DOWNLOADS_AT_ONCE = 2
    data = write_clip(tmp_path / "clip.mp4")
    far_end.answer(200, data, seconds=5)
    far_end.answer(200, data)
    slow, *others = clips(far_end, 4)
    downloads = Downloads([slow.lane])
    quick = VideoRender.objects.filter(pk__in=[each.pk for each in others])
    end = time.monotonic() + 4

    while quick.exclude(state=State.DONE).exists() and time.monotonic() < end:
        downloads.tick(seconds=0.05)

    held = VideoRender.objects.get(state=State.DOWNLOADING)
    downloads.close()
    assert quick.filter(state=State.DONE).count() >= 2
    assert held.downloader == downloads.owner


def test_looking_for_the_next_clip_costs_the_same_however_many_wait(far_end):
    renders = clips(far_end, 2)
    downloads = Downloads([renders[0].lane])

    with CaptureQueriesContext(connection) as few:
        downloads._take(1)
    clips(far_end, 12)
    with CaptureQueriesContext(connection) as many:
        downloads._take(1)

    assert len(many) == len(few)
    assert " LIMIT 1" in many[0]["sql"]


def test_clips_that_cannot_be_stored_are_kept_and_stored_later(settings, far_end, tmp_path):
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"))
    renders = clips(far_end, 3)
    blocked = Path(settings.MEDIA_ROOT) / "story-of-3" / "shots"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.touch()

    work(renders[0])
    rows = VideoRender.objects.values_list("state", "error_code", "download_uri")
    failed = set(rows)
    blocked.unlink()
    VideoRender.objects.update(not_before=None)
    work(renders[0])

    assert failed == {(State.DOWNLOADING, "storage", f"{far_end.url}/clip")}
    assert set(VideoRender.objects.values_list("state", flat=True)) == {State.DONE}
    assert len(far_end.requests) == 3
