"""Renders by way of Vertex AI, from the queue to the take, with a bucket and without."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.utils import timezone

from tests.support.factories import make_render, make_story, shots_of
from tests.support.pipeline import queue, run, work
from videogen.common.errors import RequestError
from videogen.models import Lane, Submission, VideoRender
from videogen.models.people import Requester
from videogen.pipeline.pump import Pump
from videogen.providers import credentials as sign_in
from videogen.providers.messages import INLINE
from videogen.recovery.decisions import attach_link
from videogen.recovery.reconcile import reconcile

pytestmark = pytest.mark.django_db

State = VideoRender.State
Outcome = Submission.Outcome
STORAGE = "gs://clips-of-ours/videos"
MODEL = "veo-3.1-generate-001"


@pytest.fixture(autouse=True)
def by_vertex(settings, simulator):
    settings.VIDEO_MODEL = MODEL


@pytest.fixture
def bucket(settings):
    settings.VIDEO_VERTEX_STORAGE_URI = STORAGE


def lose(story, simulator, fail, *, fault="drop_after_accept"):
    """A render that the API accepted and whose answer was lost."""
    fail("submit", fault)
    (render,) = queue(story)
    work(render.lane)
    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    return render


def until_made(simulator):
    """The far end's operations end by themselves; until then nothing lies in the bucket."""
    while not all(simulator.advance(each).outcome for each in simulator.store.all()):
        simulator.stopping.wait(0.02)


# -- to the take -----------------------------------------------------------------------------------


def test_a_batch_with_a_bucket_becomes_takes(settings, bucket, log):
    story = make_story(shots=2)
    renders = queue(story)
    links = []

    work(renders[0].lane, on_link=lambda render: links.append(render.download_uri))

    received = {each["operation"]: each for each in log()["submissions"]}
    assert len(received) == 2
    for render in renders:
        render.refresh_from_db()
        token = render.submissions.get().token
        assert (render.state, render.route, render.model) == (State.DONE, "vertex", MODEL)
        assert received[render.operation_name]["parameters"]["storageUri"] == f"{STORAGE}/{token}/"
        assert render.download_uri.startswith(f"{STORAGE}/{token}/")
        assert (Path(settings.MEDIA_ROOT) / render.video_file).stat().st_size == render.byte_size
    assert sorted(links) == sorted(render.download_uri for render in renders)
    assert log()["violations"] == []


def test_a_shot_without_a_bucket_becomes_a_take(settings, log):
    render = run(make_story())

    assert (render.state, render.download_uri) == (State.DONE, INLINE)
    assert (Path(settings.MEDIA_ROOT) / render.video_file).stat().st_size == render.byte_size
    assert "storageUri" not in log()["submissions"][0]["parameters"]


def test_a_kill_between_the_answer_and_the_file_loses_nothing(log):
    """The row says that the answer carries the video; the next worker asks for it again."""
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    while render.state != State.DOWNLOADING:
        pump.tick(0.02)
        render.refresh_from_db()
    pump.close()
    polls = log()["operations"][render.operation_name]["polls"]
    # A downloader took it and was killed.
    VideoRender.objects.filter(pk=render.pk).update(
        downloader="another-host|boot|1|1.0", download_lease_until=timezone.now()
    )

    work(render.lane)

    render.refresh_from_db()
    assert render.state == State.DONE
    assert log()["operations"][render.operation_name]["polls"] == polls + 1
    assert len(log()["submissions"]) == 1


def test_both_routes_may_be_in_one_queue(settings, bucket):
    (one,) = queue(make_story("one"))
    settings.VIDEO_MODEL = "veo-3.1-generate-preview"
    (other,) = queue(make_story("other"))

    work(one.lane)

    for render in (one, other):
        render.refresh_from_db()
    assert [(each.route, each.state) for each in (one, other)] == [
        ("vertex", State.DONE),
        ("gemini", State.DONE),
    ]
    assert one.download_uri.startswith("gs://")
    assert other.download_uri.startswith("http://")


def test_a_refused_account_stops_the_lane_and_sends_nothing_more(simulator, log):
    simulator.change_settings({"vertex_disabled": True})
    story = make_story(shots=3)
    (render, *_) = queue(story)

    work(render.lane, until=lambda found: Lane.objects.get(pk=render.lane_id).paused_at)

    lane = Lane.objects.get(pk=render.lane_id)
    assert lane.pause_code == "service_disabled"
    assert len(log()["submissions"]) == 1


def test_a_missing_object_is_not_downloaded_and_the_link_is_kept(bucket, fail):
    fail("download", "not_found", times=-1)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "http_404")
    assert "not in the bucket" in render.error_message
    assert render.download_uri.startswith(STORAGE)


def test_a_link_of_another_bucket_is_not_followed(settings, bucket, log):
    (render,) = queue(make_story())
    work(render.lane, until=lambda found: found[0].state == State.RUNNING)
    settings.VIDEO_VERTEX_STORAGE_URI = "gs://another-bucket/videos"

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "host_not_allowed")
    assert "downloads" not in log()["operations"][render.operation_name]


# -- unknown outcomes ------------------------------------------------------------------------------


def test_a_lost_answer_is_found_below_its_token_and_becomes_a_take(bucket, simulator, fail, log):
    render = lose(make_story(), simulator, fail)
    until_made(simulator)

    report = reconcile()

    [line] = report.lines
    render.refresh_from_db()
    token = render.submissions.get().token
    assert (line.goes_on, render.state) == (True, State.DOWNLOADING)
    assert render.download_uri.startswith(f"{STORAGE}/{token}/")
    assert ("place of its own", f"The video lies at {render.download_uri}.") in line.asked
    assert render.submissions.get().outcome == Outcome.ACCEPTED

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1
    assert reconcile().lines == []


def test_each_of_several_gets_its_own(bucket, simulator, fail):
    fail("submit", "drop_after_accept", times=2)
    renders = queue(make_story(shots=2))
    work(renders[0].lane)
    until_made(simulator)

    reconcile()
    work(renders[0].lane)

    for render in renders:
        render.refresh_from_db()
        assert render.state == State.DONE
        assert str(render.submissions.get().token) in render.download_uri


def test_a_rehearsed_reconcile_tells_and_changes_nothing(bucket, simulator, fail):
    render = lose(make_story(), simulator, fail)
    until_made(simulator)

    [line] = reconcile(is_rehearsed=True).lines

    assert line.done.startswith("Not done, as asked")
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_nothing_there_leaves_it_to_a_person(bucket, simulator, fail):
    render = lose(make_story(), simulator, fail, fault="drop_before_accept")

    [line] = reconcile().lines

    render.refresh_from_db()
    assert (line.goes_on, render.state) == (False, State.UNKNOWN)


def test_two_there_leave_it_to_a_person(bucket, simulator, fail):
    fail("done", "two_samples")
    render = lose(make_story(), simulator, fail)
    until_made(simulator)

    reconcile()

    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_a_bucket_that_may_not_be_listed_is_told(bucket, simulator, fail):
    render = lose(make_story(), simulator, fail)
    until_made(simulator)
    simulator.change_settings({"storage_forbidden": True})

    [line] = reconcile().lines

    words = dict(line.asked)["place of its own"]
    assert "storage.objects.list" in words
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_without_a_bucket_there_is_no_such_way(simulator, fail):
    lose(make_story(), simulator, fail)

    [line] = reconcile().lines

    assert "place of its own" not in dict(line.asked)


# -- links that a person gives ---------------------------------------------------------------------


def test_a_person_may_give_a_link_into_our_bucket_only(bucket, simulator, fail):
    render = lose(make_story(), simulator, fail)
    until_made(simulator)
    (uri,) = [uri for each in simulator.store.all() for uri in each.object_uris]

    for link in ("gs://another-bucket/x.mp4", "gs://clips-of-ours"):
        with pytest.raises(RequestError):
            attach_link(render, link, Requester("admin"))
    assert attach_link(render, uri, Requester("admin"))
    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.download_uri) == (State.DONE, uri)


# -- several accounts ------------------------------------------------------------------------------


def test_an_account_that_cannot_be_asked_does_not_end_the_asking(
    settings, simulator, monkeypatch, tmp_path
):
    """Of two accounts, one has a key file that cannot be read."""
    shots = shots_of(make_story(shots=2)).select_related("scenelet__story")
    settings.VIDEO_BACKEND = "gemini"
    asked, broken = (
        make_render(shot, State.UNKNOWN, backend=backend, route=backend, model=model)
        for shot, backend, model in zip(
            shots, ("gemini", "vertex"), ("veo-3.1-generate-preview", MODEL), strict=True
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    sign_in._default.cache_clear()

    lines = {line.render.pk: line for line in reconcile().lines}

    assert "GOOGLE_APPLICATION_CREDENTIALS" in dict(lines[broken.pk].asked)["the API"]
    assert "list of operations" in dict(lines[asked.pk].asked)


# -- other settings meanwhile ----------------------------------------------------------------------


def test_another_location_meanwhile_leaves_the_render_to_be_resumed(settings, far_end):
    (render,) = queue(make_story())
    work(render.lane, until=lambda found: found[0].state == State.RUNNING)
    far_end.answer(404, {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}})
    settings.VIDEO_VERTEX_LOCATION = "europe-west4"
    settings.VIDEO_VERTEX_BASE_URL = far_end.url

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.INTERRUPTED, "another_place")
    assert "GOOGLE_CLOUD_LOCATION=us-central1" in render.error_message
    assert render.submissions.get().outcome == Outcome.ACCEPTED


# -- signing in ------------------------------------------------------------------------------------


def test_a_sign_in_that_hangs_keeps_nobody_waiting_and_nothing_is_claimed(real_world, signed_in):
    signed_in.answer(200, {"access_token": "ya29.new", "expires_in": 3600}, seconds=1.5)
    real_world.answer(503, {"error": {"code": 503, "message": "Overloaded."}})
    renders = queue(make_story(shots=2))
    pump = Pump(renders[0].lane)
    try:
        pump.tick(0)  # imports the SDK
        ticks = []
        while len(ticks) < 3:
            start = time.monotonic()
            pump.tick(0.02)
            ticks.append(time.monotonic() - start)
        claimed_meanwhile = Submission.objects.count()
        end = time.monotonic() + 10
        while not real_world.requests and time.monotonic() < end:
            pump.tick(0.02)
    finally:
        pump.close()

    assert max(ticks) < 1
    assert claimed_meanwhile == 0
    assert real_world.requests[0][2]["authorization"] == "Bearer ya29.new"
    assert len(signed_in.requests) == 1


def test_a_sign_in_that_cannot_be_reached_claims_nothing_and_stops_nothing(real_world, signed_in):
    signed_in.shutdown()
    signed_in.server_close()
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    try:
        for _ in range(10):
            pump.tick(0.05)
    finally:
        pump.close()

    render.refresh_from_db()
    assert (render.state, render.refusals) == (State.QUEUED, 0)
    assert not Submission.objects.exists()
    assert Lane.objects.get(pk=render.lane_id).paused_at is None


def test_a_sign_in_that_was_withdrawn_stops_the_queue_before_a_claim(real_world, signed_in):
    signed_in.answer(400, {"error": "invalid_grant"})
    (render,) = queue(make_story())

    work(render.lane, until=lambda found: Lane.objects.get(pk=render.lane_id).paused_at)

    assert Lane.objects.get(pk=render.lane_id).pause_code == "no_credentials"
    assert not Submission.objects.exists()
