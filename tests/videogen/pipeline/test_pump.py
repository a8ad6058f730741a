"""Pump and downloads in this process, against the simulator: every ending of a render."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from storybook.models import Picture, Shot, Story
from tests.support.factories import (
    PAYLOAD,
    force,
    make_lane,
    make_render,
    make_shot,
    make_story,
    make_submission,
    only_shot,
    shots_of,
)
from tests.support.far_end import KEY, NOWHERE
from tests.support.pipeline import GONE, queue, run, work
from videogen.billing.budgets import usage
from videogen.common import db_retry
from videogen.common.errors import VeoError
from videogen.common.processes import this_process
from videogen.models import Lane, Submission, VideoRender
from videogen.pipeline import journal, orphans, worker
from videogen.pipeline.claims import Claim, claim_renders
from videogen.pipeline.pump import Pump, _send
from videogen.pipeline.results import MAX_REFUSALS
from videogen.providers.messages import Finished
from videogen.providers.registry import open_client
from videogen.takes import download_worker

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State
Outcome = Submission.Outcome

AWAY = "another-host|boot|1|1.0"
# A process of this machine before it was started again.
EARLIER = re.sub(r"\.[^.|@]+@", ".an-earlier-boot@", GONE)
# Nobody can tell whether it lives.
HERE = f"{socket.gethostname()[:80]}|boot"


def only_submission(render):
    return render.submissions.get()


# -- success -------------------------------------------------------------------------------------


def test_a_shot_becomes_a_take(settings, simulator, log):
    render = run(make_story())

    (received,) = log()["submissions"]
    assert render.state == State.DONE
    assert render.take == 1
    assert (Path(settings.MEDIA_ROOT) / render.video_file).stat().st_size == render.byte_size
    assert (Path(settings.MEDIA_ROOT) / render.poster_file).exists()
    assert received["prompt"] == render.prompt_text
    assert json.loads(received["prompt"])["storyboard_payload"] == PAYLOAD
    assert [each["sha256"] for each in received["references"]] == [
        each["sha256"] for each in render.references
    ]
    assert [each["kind"] for each in render.references] == [
        "character",
        "environment",
        "key_frame",
    ]
    assert received["operation"] == render.operation_name
    assert render.download_uri.startswith(f"{simulator.url}/v1beta/files/")
    assert render.sdk_version.startswith("google-genai 2.")
    assert (render.error_code, render.error_message) == ("", "")
    times = [
        render.queued_at,
        render.claimed_at,
        render.submitted_at,
        render.rendered_at,
        render.downloaded_at,
    ]
    assert times == sorted(times)


def test_a_submission_is_kept_for_every_paid_call(simulator):
    render = run(make_story())

    submission = only_submission(render)
    assert submission.outcome == Outcome.ACCEPTED
    assert submission.operation_name == render.operation_name
    assert submission.owner == this_process()
    assert submission.claimed_at <= submission.answered_at
    assert list(journal.read_answers()) == []


def test_the_link_is_told_before_the_download_starts(simulator):
    story = make_story()
    (render,) = queue(story)
    told = []

    def listen(each):
        each.refresh_from_db()
        told.append((each.pk, each.state, each.download_uri))

    work(render.lane, on_link=listen)

    render.refresh_from_db()
    assert told == [(render.pk, State.DOWNLOADING, render.download_uri)]


def test_many_shots_are_submitted_once_each(simulator, log):
    story = make_story(scenelets=("a", "b"), shots=6)
    renders = queue(story)

    work(renders[0].lane)

    received = log()["submissions"]
    assert len(received) == 12
    assert {each["operation"] for each in received} == set(
        VideoRender.objects.filter(state=State.DONE).values_list("operation_name", flat=True)
    )
    assert log()["violations"] == []


def test_other_batches_are_left_alone_by_a_pump_with_a_scope(simulator, log):
    mine, other = queue(make_story("mine")), queue(make_story("other"))

    work(mine[0].lane, scope=[mine[0].pk])

    other[0].refresh_from_db()
    assert other[0].state == State.QUEUED
    assert len(log()["submissions"]) == 1


# -- endings without a video ---------------------------------------------------------------------

ENDINGS = {
    "400": ("submit", "invalid_argument", State.FAILED, "http_400", Outcome.REJECTED, "refuses"),
    "error 13": ("done", "error", State.FAILED, "operation_13", Outcome.NOT_CHARGED, "Not charged"),
    "blocked": ("done", "blocked", State.BLOCKED, "blocked", Outcome.NOT_CHARGED, "child"),
    "blocked, audio": (
        "done",
        "blocked_audio",
        State.BLOCKED,
        "blocked",
        Outcome.NOT_CHARGED,
        "not been charged",
    ),
    "nothing": (
        "done",
        "nothing",
        State.UNKNOWN,
        "done_with_nothing",
        Outcome.UNKNOWN,
        "a person must decide",
    ),
    "no sample": (
        "done",
        "empty_samples",
        State.UNKNOWN,
        "done_with_nothing",
        Outcome.UNKNOWN,
        "a person must decide",
    ),
    "forgotten": (
        "poll",
        "not_found",
        State.UNKNOWN,
        "operation_forgotten",
        Outcome.UNKNOWN,
        "does not know the operation",
    ),
    "500": ("submit", "internal", State.UNKNOWN, "http_500", Outcome.UNKNOWN, "may have been"),
    "504": (
        "submit",
        "gateway_timeout",
        State.UNKNOWN,
        "http_504",
        Outcome.UNKNOWN,
        "may have been",
    ),
    "dropped": (
        "submit",
        "drop_after_accept",
        State.UNKNOWN,
        "no_answer",
        Outcome.UNKNOWN,
        "not sent again",
    ),
    "half an answer": (
        "submit",
        "garbage_after_accept",
        State.UNKNOWN,
        "no_answer",
        Outcome.UNKNOWN,
        "not sent again",
    ),
    "no name": (
        "submit",
        "no_name",
        State.UNKNOWN,
        "no_operation_name",
        Outcome.UNKNOWN,
        "without an operation name",
    ),
}


@pytest.mark.parametrize(
    ("place", "fault", "state", "code", "outcome", "words"), ENDINGS.values(), ids=ENDINGS.keys()
)
def test_endings_without_a_video(fail, log, place, fault, state, code, outcome, words):
    fail(place, fault, times=-1)

    render = run(make_story())

    assert (render.state, render.error_code) == (state, code)
    assert words in render.error_message
    assert render.ended_at
    assert only_submission(render).outcome == outcome
    assert len(log()["submissions"]) == 1
    assert (render.take, render.video_file) == (None, "")


def test_a_time_out_of_a_submission_leaves_its_outcome_unknown(settings, fail, log):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.3
    fail("submit", "hang", times=-1)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.UNKNOWN, "no_answer")
    assert only_submission(render).outcome == Outcome.UNKNOWN
    assert len(log()["submissions"]) == 1


@pytest.mark.parametrize(
    ("place", "fault", "left"),
    [
        ("submit", "internal", "0.80"),
        ("done", "nothing", "0.80"),
        ("poll", "not_found", "0.80"),
        ("done", "two_samples", "0.80"),
        ("submit", "invalid_argument", "4.00"),
        ("done", "blocked", "4.00"),
        ("done", "error", "4.00"),
    ],
)
def test_what_may_have_been_paid_stays_in_the_budget(settings, fail, place, fault, left):
    fail(place, fault, times=-1)
    settings.VIDEO_BUDGET_USD = Decimal("4.00")
    (render,) = queue(make_story())
    VideoRender.objects.update(price_estimate_usd=Decimal("3.20"))

    work(render.lane)

    assert settings.VIDEO_BUDGET_USD - usage().total_usd == Decimal(left)


def test_the_support_codes_and_the_words_of_a_block_are_kept(fail):
    fail("done", "blocked", codes=[29310472, 12345678])

    render = run(make_story())

    assert render.error_details["support_codes"] == ["29310472", "12345678"]
    assert "Support codes: 29310472, 12345678" in render.error_details["reasons"][0]
    assert render.error_message.startswith(
        "Blocked by the safety filter (celebrity, code 12345678), not charged: "
    )


def test_a_block_at_submission_is_one_and_not_charged(settings, fail, log):
    words = "Input blocked: Sorry, we can't create videos with real people's names or likenesses."
    fail("submit", "invalid_argument", message=words)
    settings.VIDEO_BUDGET_USD = Decimal("4.00")

    render = run(make_story())

    assert (render.state, render.error_code) == (State.BLOCKED, "blocked")
    assert render.error_message == (
        f"Blocked by the safety filter (celebrity), not charged: {words}"
    )
    assert render.error_details == {"reasons": [words], "support_codes": []}
    assert only_submission(render).outcome == Outcome.REJECTED
    assert usage().total_usd == 0
    assert not render.lane.paused_at
    assert len(log()["submissions"]) == 1


def test_what_breaks_before_the_call_was_not_sent(simulator, log, monkeypatch):
    """A bug of ours before the call leaves; nobody can have been paid."""

    def break_down(token):
        raise ZeroDivisionError

    monkeypatch.setattr(journal, "reserve", break_down)

    render = run(make_story())

    assert (render.state, render.error_code) == (State.FAILED, "internal")
    assert only_submission(render).outcome == Outcome.REJECTED
    assert log()["submissions"] == []


def test_one_shots_failure_stops_no_other(fail, log):
    fail("submit", "invalid_argument")
    fail("done", "blocked")
    story = make_story(shots=4)

    run(story)

    states = sorted(VideoRender.objects.values_list("state", flat=True))
    assert states == ["blocked", "done", "done", "failed"]
    assert len(log()["submissions"]) == 4


def test_a_reference_that_has_changed_is_not_sent(settings, simulator, log):
    story = make_story()
    (render,) = queue(story)
    picture = Picture.objects.filter(story=story).first()
    (Path(settings.MEDIA_ROOT) / picture.file).write_bytes(b"another picture")

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.FAILED, "reference_changed")
    assert only_submission(render).outcome == Outcome.REJECTED
    assert log()["submissions"] == []


def test_answers_are_stored_in_the_order_of_the_shots():
    """Two processes that store answers of the same shots lock them in the same order."""
    shots = list(shots_of(make_story(shots=4)).select_related("scenelet__story"))
    renders = {shot.pk: make_render(shot, State.RUNNING) for shot in reversed(shots)}
    answered = {}
    for number in (2, 0, 3, 1):
        future = Future()
        future.set_result(Finished(f"http://127.0.0.1:9/v1beta/files/{number}"))
        answered[future] = renders[shots[number].pk]
    stored = []
    pump = Pump(make_lane(), on_link=lambda render: stored.append(render.shot_id))

    pump._apply_polls(answered)

    assert stored == [shot.pk for shot in shots]


def test_an_answer_that_cannot_be_stored_does_not_take_the_others_with_it():
    first, second = shots_of(make_story(shots=2)).select_related("scenelet__story")
    broken, whole = make_render(first, State.RUNNING), make_render(second, State.RUNNING)
    answered = {}
    # No row is downloading without a link.
    for render, link in ((broken, ""), (whole, "http://127.0.0.1:9/v1beta/files/1")):
        future = Future()
        future.set_result(Finished(link))
        answered[future] = render

    Pump(make_lane())._apply_polls(answered)

    stored = VideoRender.objects.in_bulk()
    assert (stored[broken.pk].state, stored[broken.pk].error_code) == (State.RUNNING, "internal")
    assert stored[whole.pk].state == State.DOWNLOADING


def test_an_operation_is_not_asked_about_while_the_answer_is_on_its_way(fail):
    fail("poll", "slow", times=-1, seconds=1)
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    while not pump._polls:
        pump.tick(0.02)

    for _ in range(5):
        pump.tick(0.02)

    assert len(pump._polls) == 1
    pump.close()


def test_polls_make_way_for_submissions(fail):
    fail("poll", "slow", times=-1, seconds=1)
    for shot in shots_of(make_story(shots=5)):
        make_render(shot, State.RUNNING)
    pump = Pump(make_lane())
    # A request that was sent just now, and then one that has no answer.
    pump._submits[Future()] = object()
    pump._sent = time.monotonic()

    pump._poll()
    beside = len(pump._polls)
    pump._sent -= 1
    pump._poll()

    assert (beside, len(pump._polls)) == (2, 5)
    pump._submits.clear()
    pump.close()


# -- the answer to a paid call -----------------------------------------------------------------


def sent(fail, settings):
    """A pump whose submission was answered a moment ago, and that has not looked at the answer."""
    fail("submit", "slow", seconds=0.3)
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    while not pump._submits:
        pump.tick(0)
    (future,) = pump._submits
    future.exception(timeout=10)
    return render, pump, future


def test_an_answer_is_on_disk_before_it_is_in_its_row(settings, fail):
    render, pump, future = sent(fail, settings)

    submission = only_submission(render)
    assert submission.outcome == Outcome.CLAIMED
    assert dict(journal.read_answers()) == {submission.token: future.result()}
    (kept,) = (Path(settings.STATE_DIR) / "journal").iterdir()
    assert kept.stat().st_size == 2048, "it is in the room that was made before the call"
    pump.close()


def test_answers_of_several_submissions_are_stored_together_or_each_by_itself(fail, log):
    """No row is running without an operation, so one of the answers finds no place."""
    fail("submit", "slow", times=-1, seconds=0.3)
    lane = queue(make_story(shots=4))[0].lane
    pump = Pump(lane)
    pump._is_warm = True
    while not pump._submits:
        pump.tick(0)
    for future in pump._submits:
        future.exception(timeout=10)
    broken, *whole = pump._submits.items()
    empty = Future()
    empty.set_result("")

    with CaptureQueriesContext(connection) as together:
        pump._settle(dict(whole[:1]))
    with CaptureQueriesContext(connection) as more:
        pump._settle(dict(whole[1:]))
    pump._settle({empty: broken[1]})

    assert len(whole) == 3
    assert len(more) == len(together)
    states = dict(VideoRender.objects.values_list("pk", "state"))
    assert states.pop(broken[1].render.pk) == State.SUBMITTING
    assert set(states.values()) == {State.RUNNING}
    assert [token for token, _ in journal.read_answers()] == [broken[1].submission.token]
    pump.close()


def test_a_defect_of_ours_after_the_call_sends_nothing_again(fail, log, monkeypatch):
    def broken(token, operation_name):
        raise TypeError("a defect")

    monkeypatch.setattr(journal, "write_answer", broken)
    render = run(make_story())

    assert (render.state, render.error_code) == (State.UNKNOWN, "internal")
    assert only_submission(render).outcome == Outcome.UNKNOWN
    assert [each["operation"] is not None for each in log()["submissions"]] == [True]


class Locked:
    """Refuses the first statement that begins like this and names that column, as a database that
    another process has locked for a moment."""

    def __init__(self, begins, column):
        self._begins, self._column = begins, column
        self.refused = 0

    def __call__(self, execute, sql, params, many, context):
        if not self.refused and sql.startswith(self._begins) and self._column in sql:
            self.refused += 1
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)


# Another try begins by closing a connection that is in the middle of something.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("begins", "column"),
    [
        ('UPDATE "videogen_submission"', '"answered_at"'),
        ('UPDATE "videogen_videorender" SET "state"', '"submitted_at" = %s'),
        ('UPDATE "videogen_videorender" SET "state"', '"download_uri" = CASE'),
    ],
    ids=["submission", "operation", "link"],
)
def test_a_database_that_is_locked_for_a_moment_loses_no_answer(
    simulator, log, monkeypatch, begins, column
):
    monkeypatch.setattr(db_retry, "PAUSES", (0, 0, 0))
    locked = Locked(begins, column)

    with connection.execute_wrapper(locked):
        render = run(make_story())

    assert locked.refused == 1
    assert render.state == State.DONE
    assert len(log()["submissions"]) == 1


# -- what stops the queue ----------------------------------------------------------------------

STOPS = {
    "400, key": ("key_invalid", "key_refused"),
    "401": ("unauthenticated", "key_refused"),
    "403": ("permission_denied", "key_refused"),
    "404": ("model_not_found", "model_not_found"),
    "404, retired": ("model_retired", "model_not_found"),
    "402": ("payment_required", "credits_depleted"),
    "429, credits": ("credits_depleted", "credits_depleted"),
}


@pytest.mark.parametrize(("fault", "code"), STOPS.values(), ids=STOPS.keys())
def test_what_no_other_submission_survives_is_met_once_and_stops_the_queue(fail, log, fault, code):
    fail("submit", fault, times=-1)
    renders = queue(make_story(shots=3))
    lane = renders[0].lane

    work(lane, until=lambda found: Lane.objects.get().paused_at)
    pump = Pump(lane)
    for _ in range(5):
        pump.tick(0.01)

    lane.refresh_from_db()
    states = sorted(VideoRender.objects.values_list("state", flat=True))
    # None of them was ever accepted, so none is lost, not even the one that met the refusal.
    assert states == ["queued", "queued", "queued"]
    assert Submission.objects.get().outcome == Outcome.REJECTED
    assert (lane.pause_code, bool(lane.paused_at)) == (code, True)
    assert lane.pause_reason
    assert len(log()["submissions"]) == 1
    assert not pump.has_work()


def test_without_a_key_nothing_is_claimed_and_the_queue_says_so(settings, simulator, log):
    settings.GEMINI_API_KEY = ""
    (render,) = queue(make_story())
    pump = Pump(render.lane)

    pump.tick(0.01)

    render.refresh_from_db()
    render.lane.refresh_from_db()
    assert render.state == State.QUEUED
    assert not render.submissions.exists()
    assert render.lane.pause_code == "no_api_key"
    assert "GEMINI_API_KEY" in render.lane.pause_reason
    assert log()["submissions"] == []


# -- refused for now ---------------------------------------------------------------------------


def test_a_quota_is_waited_out_and_one_submission_is_accepted(fail, log):
    fail("submit", "quota_minute", retry_seconds=1)
    (render,) = queue(make_story())
    started = time.monotonic()

    work(render.lane, until=lambda found: Lane.objects.get().quota_refusals)
    render.refresh_from_db()
    lane = Lane.objects.get()
    waiting = (render.state, lane.wait_code, render.submissions.get().outcome)
    words = lane.wait_reason
    work(lane)

    render.refresh_from_db()
    lane.refresh_from_db()
    assert waiting == (State.QUEUED, "quota_minute", Outcome.REJECTED)
    assert words.startswith("Waiting for quota: You exceeded your current quota")
    assert render.state == State.DONE
    assert time.monotonic() - started >= 1, "not before the API's own time"
    assert sorted(render.submissions.values_list("outcome", flat=True)) == ["accepted", "rejected"]
    assert [each["operation"] is not None for each in log()["submissions"]] == [False, True]
    assert (lane.quota_refusals, lane.wait_code) == (0, "")


def test_a_daily_quota_leaves_everything_queued_until_tomorrow(fail, log):
    fail("submit", "quota_day", times=-1)
    renders = queue(make_story(shots=3))

    work(renders[0].lane, until=lambda found: Lane.objects.get().wait_code)
    pump = Pump(renders[0].lane)
    for _ in range(5):
        pump.tick(0.01)

    lane = Lane.objects.get()
    assert set(VideoRender.objects.values_list("state", flat=True)) == {State.QUEUED}
    assert lane.not_before > timezone.now()
    assert not Submission.objects.exclude(outcome=Outcome.REJECTED).exists()
    assert len(log()["submissions"]) == 1
    assert not pump.has_work(within_seconds=1)


def test_an_overload_is_tried_again(fail, log):
    fail("submit", "unavailable")

    render = run(make_story())

    assert render.state == State.DONE
    assert render.refusals == 1
    assert len(log()["submissions"]) == 2
    assert sorted(render.submissions.values_list("outcome", flat=True)) == ["accepted", "rejected"]


def test_a_refused_connection_is_tried_again_with_growing_waits_and_then_told(settings):
    settings.VIDEO_API_BASE_URL = NOWHERE
    (render,) = queue(make_story())
    waits = []

    def is_refused(found):
        if found[0].refusals > len(waits):
            waits.append((found[0].not_before - timezone.now()).total_seconds())
            VideoRender.objects.update(not_before=None)
        return found[0].state == State.FAILED

    work(render.lane, until=is_refused)

    render.refresh_from_db()
    assert waits == sorted(waits)
    assert len(waits) == 5
    assert (render.state, render.error_code) == (State.FAILED, "no_connection")
    assert set(render.submissions.values_list("outcome", flat=True)) == {Outcome.REJECTED}


# -- polls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["quota", "internal", "unavailable", "drop", "garbage", "html_200", "key_invalid"]
)
def test_a_poll_that_fails_is_repeated(fail, fault):
    fail("poll", fault, times=2)

    render = run(make_story())

    assert (render.state, render.error_code, render.error_message) == (State.DONE, "", "")


def test_an_operation_that_is_forgotten_once_is_asked_for_again(fail):
    fail("poll", "not_found", times=2)

    assert run(make_story()).state == State.DONE


def test_a_forgotten_operation_keeps_its_name(fail):
    fail("poll", "not_found", times=-1)

    render = run(make_story())

    assert render.state == State.UNKNOWN
    assert render.operation_name


def test_a_key_that_is_refused_while_polling_interrupts_and_stops_the_queue(fail):
    fail("poll", "key_invalid", times=-1)

    render = run(make_story())

    render.lane.refresh_from_db()
    assert (render.state, render.error_code) == (State.INTERRUPTED, "key_refused")
    assert render.operation_name
    assert only_submission(render).outcome == Outcome.ACCEPTED
    assert render.lane.pause_code == "key_refused"


def test_an_operation_that_is_refused_alone_stops_no_submission(fail, log):
    story = make_story(shots=2)
    shot = shots_of(story).get(shot_index=1)
    Shot.objects.filter(pk=shot.pk).update(
        storyboard_payload={**shot.storyboard_payload, "mark": "the first one"}
    )
    first, second = queue(story)
    fail("poll", "failed_precondition", times=-1, match="the first one")

    work(first.lane)

    for render in (first, second):
        render.refresh_from_db()
    assert (first.state, first.error_code) == (State.INTERRUPTED, "poll_refused")
    assert first.operation_name
    assert second.state == State.DONE
    assert Lane.objects.get().paused_at is None


@pytest.mark.parametrize("fault", ["", "internal"], ids=["it takes longer", "polls fail"])
def test_the_deadline_interrupts_and_resume_goes_on(settings, simulator, fail, log, fault):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 0.3 / 60
    if fault:
        fail("poll", fault, times=-1)
    else:
        simulator.change_settings({"latency": 1.0})
    story = make_story()
    interrupted = run(story)
    simulator.faults.clear()
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 1

    (resumed,) = queue(story, "resume")
    opened = (resumed.state, resumed.error_code, resumed.ended_at)
    work(resumed.lane)

    resumed.refresh_from_db()
    assert (interrupted.state, interrupted.error_code) == (State.INTERRUPTED, "deadline")
    assert "resume it" in interrupted.error_message
    assert resumed == interrupted
    assert opened == (State.RUNNING, "", None)
    assert (resumed.state, resumed.operation_name) == (State.DONE, interrupted.operation_name)
    assert len(log()["submissions"]) == 1, "resuming submits nothing"


def test_a_video_that_was_not_downloaded_is_downloaded_by_resume(settings, fail, log):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    fail("download", "unavailable")
    story = make_story()
    missed = run(story)

    (resumed,) = queue(story, "resume")
    work(resumed.lane)

    resumed.refresh_from_db()
    assert (missed.state, missed.error_code) == (State.NOT_DOWNLOADED, "http_503")
    assert resumed == missed
    assert (resumed.state, resumed.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1


def test_a_running_render_that_nobody_polls_is_simply_polled(simulator):
    story = make_story()
    (render,) = queue(story)
    work(render.lane, until=lambda found: found[0].state != State.QUEUED and found[0].next_poll_at)
    long_ago = timezone.now() - timedelta(hours=1)
    force(VideoRender.objects.all(), beat_at=long_ago, state_since=long_ago)

    work(render.lane)

    render.refresh_from_db()
    assert render.state == State.DONE


# -- what dead pumps left ------------------------------------------------------------------------


def submitting(shot, *, owner=GONE, age=5, **values):
    """A render whose submission left, as a killed pump leaves it."""
    render = make_render(shot, State.SUBMITTING, submission=False, touched_ago=age, **values)
    claimed_at = timezone.now() - timedelta(seconds=age)
    return render, make_submission(render, owner=owner, claimed_at=claimed_at)


@pytest.fixture
def accepted(simulator):
    """The name of an operation that the far end accepted."""
    body = {"instances": [{"prompt": "A fox."}], "parameters": {}}
    url = f"{simulator.url}/v1beta/models/veo-3.1-generate-preview:predictLongRunning"
    return httpx.post(url, json=body, headers={"x-goog-api-key": KEY}).json()["name"]


def test_an_answer_in_the_journal_of_a_dead_pump_is_taken(log, accepted):
    render, submission = submitting(make_shot())
    journal.write_answer(submission.token, accepted)

    work(render.lane)

    render.refresh_from_db()
    submission.refresh_from_db()
    assert (render.state, render.operation_name) == (State.DONE, accepted)
    assert (submission.outcome, submission.operation_name) == (Outcome.ACCEPTED, accepted)
    assert list(journal.read_answers()) == []
    assert len(log()["submissions"]) == 1


def test_an_answer_that_cannot_be_removed_from_the_journal_holds_up_nothing(accepted, monkeypatch):
    """Such as on a disk that has become read-only: the row has the answer."""
    render, submission = submitting(make_shot())
    journal.write_answer(submission.token, accepted)
    unlink = Path.unlink

    def refused(path, **options):
        if path.suffix == ".json":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refused)

    work(render.lane)

    render.refresh_from_db()
    assert render.state == State.DONE
    assert [token for token, _ in journal.read_answers()] == [submission.token]


def test_without_an_answer_nobody_knows_and_nothing_is_sent_again(simulator, log):
    render, submission = submitting(make_shot())

    work(render.lane)

    render.refresh_from_db()
    submission.refresh_from_db()
    assert (render.state, render.error_code) == (State.UNKNOWN, "submitter_gone")
    assert "not sent again by itself" in render.error_message
    assert submission.outcome == Outcome.UNKNOWN
    assert log()["submissions"] == []


def test_what_a_dead_pump_had_claimed_and_not_sent_is_sent(settings, simulator, log):
    """The limit has room for these three only: what was not sent is not counted."""
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = 3
    lane = queue(make_story(shots=3))[0].lane
    begun, *others = (claim.submission for claim in claim_renders(lane, owner=GONE, limit=3))
    journal.reserve(begun.token)

    work(lane)

    stored = Submission.objects.in_bulk()
    assert (begun.render.pk, stored[begun.token].outcome) in {
        (render.pk, Outcome.UNKNOWN) for render in VideoRender.objects.filter(state=State.UNKNOWN)
    }
    assert {(stored[each.token].outcome, stored[each.token].error_code) for each in others} == {
        (Outcome.REJECTED, "not_sent")
    }
    sent = VideoRender.objects.filter(pk__in=[each.render_id for each in others])
    assert {(each.state, each.refusals) for each in sent} == {(State.DONE, 0)}
    assert len(log()["submissions"]) == 2
    assert journal.unsent() == set()


def test_what_always_ends_its_process_before_it_is_sent_does_not_hold_up_the_others(simulator, log):
    """Such as a picture that needs more memory than there is."""
    first, second = queue(make_story(shots=2))
    for _ in range(MAX_REFUSALS):
        [claim] = claim_renders(first.lane, owner=GONE, limit=1)
        orphans.reap(first.lane)
        first.refresh_from_db()
        assert (claim.render, first.state) == (first, State.QUEUED)
    claim_renders(first.lane, owner=GONE, limit=1)

    work(first.lane)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.error_code) == (State.FAILED, "not_sent")
    assert first.actual_cost_usd == 0
    assert second.state == State.DONE
    assert len(log()["submissions"]) == 1


@pytest.mark.parametrize(
    ("owner", "seconds", "state"),
    [
        (this_process(), 0, State.SUBMITTING),
        (this_process(), 21, State.UNKNOWN),
        (AWAY, 0, State.SUBMITTING),
        (AWAY, 21, State.UNKNOWN),
        (EARLIER, 0, State.UNKNOWN),
    ],
    ids=["here", "here, silent", "away", "away, silent", "before a power failure"],
)
def test_what_may_still_leave_or_may_have_left_is_not_sent_again(
    settings, simulator, owner, seconds, state
):
    """A process that lives sends what it has claimed at any moment; and what a process did to its
    files before a power failure may be undone."""
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10
    (render,) = queue(make_story())
    (claim,) = claim_renders(render.lane, owner=owner, limit=1)
    then = timezone.now() - timedelta(seconds=seconds)
    Submission.objects.update(claimed_at=then)

    orphans.reap(render.lane)

    render.refresh_from_db()
    assert journal.unsent() == {claim.submission.token}
    assert render.state == state


def test_the_notes_of_settled_calls_are_removed_when_they_are_old(settings, simulator):
    (render,) = queue(make_story())
    (claim,) = claim_renders(render.lane, owner=this_process(), limit=1)
    settled, new = make_submission(render, Outcome.REJECTED), uuid4()
    for token in (settled.token, new):
        journal.note_unsent(token)
    for token in (settled.token, claim.submission.token):
        os.utime(journal.folder() / f"{token}.unsent", (0, 0))

    orphans.reap(render.lane)

    assert journal.unsent() == {claim.submission.token, new}


@pytest.mark.parametrize(
    ("owner", "age", "state"),
    [
        (AWAY, 15, State.SUBMITTING),
        (AWAY, 21, State.UNKNOWN),
        (this_process(), 15, State.SUBMITTING),
        (this_process(), 21, State.UNKNOWN),
        (GONE, 0, State.UNKNOWN),
        ("nonsense", 15, State.SUBMITTING),
    ],
    ids=["away, young", "away, old", "here, young", "here, old", "gone", "nonsense"],
)
def test_a_submission_is_given_up_when_its_owner_is_gone_or_silent(
    settings, simulator, owner, age, state
):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10
    render, _ = submitting(make_shot(), owner=owner, age=age)
    pump = Pump(render.lane)

    pump.tick(0.01)

    render.refresh_from_db()
    assert render.state == state


@pytest.mark.parametrize(("age", "sent"), [(9, 1), (11, 0)])
def test_a_process_that_stood_still_sends_no_old_claim(settings, simulator, log, age, sent):
    """Another host may have given it up meanwhile, and a person may have had it sent again."""
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10
    render, submission = submitting(make_shot(), owner=this_process(), age=age)

    with suppress(VeoError):
        _send(open_client(render.route, submits=True), Claim(render, submission))

    assert len(log()["submissions"]) == sent


def test_the_last_word_of_a_dying_pump_is_heard(accepted, monkeypatch):
    """It writes its answer and ends while another one looks whether it lives."""
    render, submission = submitting(make_shot())
    looks = orphans.is_provably_gone

    def dies(owner):
        journal.write_answer(submission.token, accepted)
        return looks(owner)

    monkeypatch.setattr(orphans, "is_provably_gone", dies)

    orphans.reap(render.lane)

    render.refresh_from_db()
    submission.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, accepted)
    assert submission.outcome == Outcome.ACCEPTED


def test_an_answer_that_no_row_takes_is_kept_and_not_given_up(simulator):
    render, submission = submitting(make_shot())
    other, lost = submitting(make_shot(story_id="other"))
    # No row is running without an operation.
    journal.write_answer(submission.token, "")

    orphans.reap(render.lane)

    stored = Submission.objects.in_bulk()
    assert stored[submission.token].outcome == Outcome.CLAIMED
    assert stored[lost.token].outcome == Outcome.UNKNOWN, "the others are not stopped"
    assert VideoRender.objects.get(pk=render.pk).state == State.SUBMITTING
    assert list(journal.read_answers()) == [(submission.token, "")]


def test_an_answer_that_comes_after_all_is_taken(accepted):
    render, submission = submitting(make_shot())
    pump = Pump(render.lane)
    pump.tick(0.01)
    render.refresh_from_db()
    given_up = render.state
    journal.write_answer(submission.token, accepted)

    work(render.lane, until=lambda found: found[0].state == State.DONE)

    render.refresh_from_db()
    submission.refresh_from_db()
    assert given_up == State.UNKNOWN
    assert (render.state, submission.outcome) == (State.DONE, Outcome.ACCEPTED)
    assert (render.error_code, render.error_message) == ("", "")


def test_a_late_answer_changes_nothing_that_a_person_has_decided(accepted):
    render, submission = submitting(make_shot())
    render.move(State.SUBMITTING, State.UNKNOWN)
    render.move(State.UNKNOWN, State.CANCELLED)
    journal.write_answer(submission.token, accepted)

    Pump(render.lane).tick(0.01)

    render.refresh_from_db()
    submission.refresh_from_db()
    assert render.state == State.CANCELLED
    assert submission.operation_name == accepted, "the name is known all the same"
    assert list(journal.read_answers()) == []


def test_an_answer_of_another_database_is_left_alone(simulator):
    render = make_render(make_shot(), State.QUEUED, kind="rehearsal")
    other = make_render(make_shot(story_id="x"), State.CANCELLED)  # queued, it would be sent
    token = make_submission(other).token
    Submission.objects.all().delete()
    journal.write_answer(token, "models/x/operations/y")

    Pump(render.lane).tick(0.01)

    assert list(journal.read_answers()) == [(token, "models/x/operations/y")]


# -- rehearsals ------------------------------------------------------------------------------------


def test_a_rehearsal_stores_the_request_and_calls_nobody(simulator, log):
    render = run(make_story(), "dry-run")

    assert (render.state, render.kind) == (State.REHEARSED, "rehearsal")
    assert json.loads(render.prompt_text)["storyboard_payload"] == PAYLOAD
    assert len(render.references) == 3
    assert (render.take, render.video_file, render.operation_name) == (None, "", "")
    assert not Submission.objects.exists()
    assert log()["submissions"] == []


def test_a_rehearsal_sends_exactly_what_the_render_sends(simulator, log):
    story = make_story()
    rehearsal = run(story, "dry-run")

    render = run(story)

    (received,) = log()["submissions"]
    assert received["prompt"] == rehearsal.prompt_text == render.prompt_text
    assert [each["sha256"] for each in received["references"]] == [
        each["sha256"] for each in rehearsal.references
    ]


def test_a_rehearsal_finds_a_broken_picture(settings, simulator):
    story = make_story()
    (render,) = queue(story, "dry-run")
    (Path(settings.MEDIA_ROOT) / render.references[1]["path"]).unlink()

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.FAILED, "reference_missing")
    assert render.references[1]["path"] in render.error_message


def test_rehearsals_need_neither_a_key_nor_a_lane_that_is_open(settings):
    settings.GEMINI_API_KEY = ""
    make_lane(paused_at=timezone.now(), pause_reason="No credit.")

    assert run(make_story(), "dry-run").state == State.REHEARSED


# -- slices of a cluster -------------------------------------------------------------------------


def test_slices_work_the_lane_and_wake_the_downloads(simulator):
    story = make_story(shots=2)
    queue(story)

    more = worker.run_slice()
    woken = [each.task["func"] for each in OrmQ.objects.all()]
    again = download_worker.run_slice()

    assert (more, again) == (False, False)
    assert set(VideoRender.objects.values_list("state", flat=True)) == {State.DONE}
    assert "videogen.tasks.download" in woken
    assert Lane.objects.get().lease_owner == ""


@pytest.mark.parametrize(
    ("workers", "host", "woken"),
    [
        (2, HERE, 0),
        (3, HERE, 1),
        (2, "another-host|boot", 1),
    ],
    ids=["all at work", "one is free", "elsewhere"],
)
def test_a_downloader_at_work_needs_no_task_for_the_next_clip(settings, workers, host, woken):
    settings.VIDEO_WORKERS = workers
    shots = shots_of(make_story(shots=2)).select_related("scenelet__story")
    busy, made = make_render(shots[0], State.DOWNLOADING), make_render(shots[1], State.RUNNING)
    lease = timezone.now() + timedelta(seconds=20)
    force(VideoRender.objects.filter(pk=busy.pk), downloader=host, download_lease_until=lease)
    answer = Future()
    answer.set_result(Finished("http://127.0.0.1:9/v1beta/files/1"))
    pump = Pump(made.lane)
    pump._woke = time.monotonic()

    pump._apply_polls({answer: made})

    assert OrmQ.objects.count() == woken


def test_a_slice_leaves_the_lane_to_a_pump_that_lives(simulator, log):
    queue(make_story())
    later = timezone.now() + timedelta(seconds=8)
    Lane.objects.update(lease_owner=AWAY, lease_expires_at=later)

    assert worker.run_slice() is False

    assert log()["submissions"] == []
    assert Lane.objects.get().lease_owner == AWAY


def test_a_slice_without_a_lane_has_nothing_to_do():
    assert worker.run_slice() is False
    assert download_worker.run_slice() is False


def test_an_account_that_breaks_does_not_stop_the_others(settings, simulator, monkeypatch):
    """A defect of ours, not a failure of the API."""
    queue(make_story())
    broken = make_lane("broken")
    monkeypatch.setattr(
        worker, "served_lanes", lambda: [broken, Lane.objects.get(name="simulator")]
    )
    whole = Pump.tick

    def tick(pump, seconds):
        if pump.lane == broken:
            raise TypeError("a defect")
        return whole(pump, seconds)

    monkeypatch.setattr(Pump, "tick", tick)

    worker.run_slice()

    assert VideoRender.objects.get().state == State.DOWNLOADING
    assert Lane.objects.get(name="broken").lease_owner == ""


def test_a_lane_that_another_process_took_over_is_left_alone(simulator, monkeypatch):
    """Beside another lane that has work."""
    queue(make_story())
    lost = make_lane("lost")
    monkeypatch.setattr(worker, "served_lanes", lambda: [lost, Lane.objects.get(name="simulator")])
    whole, ticks = Pump.tick, []

    def tick(pump, seconds):
        if pump.lane == lost:
            ticks.append(pump)
            return False
        return whole(pump, seconds)

    monkeypatch.setattr(Pump, "tick", tick)

    worker.run_slice()

    assert len(ticks) == 1
    assert VideoRender.objects.get().state == State.DOWNLOADING


def test_a_pump_that_lost_its_lease_says_so(simulator):
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    assert pump.acquire()
    later = timezone.now() + timedelta(seconds=8)
    Lane.objects.update(lease_owner=AWAY, lease_expires_at=later)

    assert pump.tick(0.01) is False


def test_a_pump_that_ends_waits_for_the_answers_under_way(fail):
    fail("submit", "slow", seconds=0.3)
    (render,) = queue(make_story())
    pump = Pump(render.lane)
    pump.tick(0.01)
    render.refresh_from_db()
    under_way = render.state

    pump.close()

    render.refresh_from_db()
    assert under_way == State.SUBMITTING
    assert render.state == State.RUNNING
    assert list(journal.read_answers()) == []


def test_a_render_keeps_what_it_was_made_from(simulator):
    story = make_story()
    render = run(story)
    before = VideoRender.objects.values().get(pk=render.pk)

    story.design_documents.all().delete()
    Story.objects.filter(pk=story.pk).update(title="Another title")
    shot = only_shot(story)
    shot.storyboard_payload = {"a": "changed"}
    shot.save()

    assert VideoRender.objects.values().get(pk=render.pk) == before
