from __future__ import annotations

import io
import json
import sys
from collections import namedtuple
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone
from django_q.models import OrmQ

from storybook.models import KeyFrame, Shot
from tests.support.commands import manage
from tests.support.factories import (
    PAYLOAD,
    SHEET,
    make_lane,
    make_picture,
    make_price,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from tests.support.far_end import KEY, NOWHERE
from tests.support.installations import Installation, write_story
from videogen.cli.console import ConsoleListener
from videogen.cli.create_shot_videos import create_shot_videos
from videogen.cli.workflow import TaskRequest
from videogen.common.processes import this_process
from videogen.lanes.pauses import pause_by_person, resume_lane
from videogen.management.commands.run_task import Command
from videogen.models import Lane, RenderBatch, Submission, VideoRender
from videogen.models.people import Requester
from videogen.pipeline.claims import claim_renders
from videogen.planning.enqueue import queue_link
from videogen.planning.model_switch import move_queued, plan_move, renders_to_move
from videogen.planning.plan import plan_shots

State = VideoRender.State

ROW_KEYS = [
    "scenelet_id",
    "shot_index",
    "code",
    "decision",
    "reason",
    "render_id",
    "status",
    "take",
    "prompt",
    "prompt_tokens",
    "references",
    "dropped_references",
    "warnings",
    "request",
    "estimated_cost_usd",
    "operation_name",
    "download_uri",
    "video_file",
    "error",
]
SUMMARY_KEYS = {
    "targeted",
    "generated",
    "rehearsed",
    "skipped",
    "blocked",
    "failed",
    "estimated_cost_usd",
    "charged_usd",
    "open_usd",
}
STORY = "the-lamp"

Result = namedtuple("Result", "code out err rows summary")


def listener(*, on_link=lambda render: None, on_progress=lambda progress: None):
    return SimpleNamespace(on_link=on_link, on_progress=on_progress, on_note=lambda sentence: None)


@pytest.fixture
def run_task(capsys, db):
    """run_task("--wait", …): how the command ends and what it prints."""

    def run_task(*arguments, story_id=STORY):
        capsys.readouterr()
        code, words = 0, ""
        try:
            call_command(
                "run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={story_id}", *arguments
            )
        except SystemExit as ended:
            code = ended.code
        except CommandError as error:
            code, words = error.returncode, f"CommandError: {error}\n"
        out, err = capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()] if "--json" in arguments else []
        summary = lines.pop()["summary"] if lines else None
        return Result(code, out, err + words, lines, summary)

    return run_task


# -- the JSON contract ---------------------------------------------------------------------------


def test_one_object_a_shot_and_the_summary_last(settings, simulator, log, run_task):
    make_story()

    result = run_task("--wait", "--json")

    (row,) = result.rows
    render = VideoRender.objects.get()
    (received,) = log()["submissions"]
    assert result.code == 0
    assert list(row) == ROW_KEYS
    assert row == {
        "scenelet_id": "opening",
        "shot_index": 1,
        "code": "S01-01",
        "decision": "generate",
        "reason": "no render, or only rehearsals",
        "render_id": render.pk,
        "status": "done",
        "take": 1,
        "prompt": json.loads(received["prompt"]),
        "prompt_tokens": render.prompt_tokens,
        "references": render.references,
        "dropped_references": [],
        "warnings": [],
        "request": {
            "model": "veo-3.1-generate-preview",
            "aspect_ratio": "16:9",
            "resolution": "1080p",
            "duration_seconds": 8,
        },
        "estimated_cost_usd": "0.00",
        "operation_name": received["operation"],
        "download_uri": render.download_uri,
        "video_file": "the-lamp/shots/opening/shot-1/take-1.mp4",
        "error": None,
    }
    assert [list(reference) for reference in row["references"]] == [
        ["kind", "id", "path", "mime_type", "bytes", "sha256"]
    ] * 3
    assert set(result.summary) == SUMMARY_KEYS
    assert result.summary == {
        "targeted": 1,
        "generated": 1,
        "rehearsed": 0,
        "skipped": 0,
        "blocked": 0,
        "failed": 0,
        "estimated_cost_usd": "0.00",
        "charged_usd": "0.00",
        "open_usd": "0.00",
    }
    assert (Path(settings.MEDIA_ROOT) / row["video_file"]).exists()


def test_a_blocked_shot_has_only_what_applies(run_task):
    make_story(payload=None)

    result = run_task("--wait", "--json")

    (row,) = result.rows
    assert result.code == 1
    assert list(row) == ROW_KEYS
    assert {key: value for key, value in row.items() if value is not None} == {
        "scenelet_id": "opening",
        "shot_index": 1,
        "code": "S01-01",
        "decision": "blocked",
        "reason": "The shot has no storyboard payload.",
        "warnings": [],
    }
    assert result.summary["blocked"] == 1


def test_what_the_quota_dropped_is_listed_with_its_reason(run_task):
    story = make_story()
    picture = make_picture(story, "lamp/second.png")
    KeyFrame.objects.create(shot=shots_of(story).get(), position=2, picture=picture)

    (row,) = run_task("--mode=dry-run", "--json").rows

    assert [(each["kind"], each["id"]) for each in row["references"]] == [
        ("character", "ada"),
        ("environment", "attic"),
        ("key_frame", "1"),
    ]
    assert row["dropped_references"] == [
        {
            "kind": "key_frame",
            "id": "2",
            "path": picture.file,
            "reason": "only 3 reference images can be sent",
        }
    ]


def test_what_cannot_be_used_is_a_warning_and_not_dropped(run_task):
    story = make_story(pictures={})
    make_picture(story, SHEET, problem="The file is empty. Export the picture again.")

    (row,) = run_task("--mode=dry-run", "--json").rows

    assert row["references"] == row["dropped_references"] == []
    assert any("The file is empty" in warning for warning in row["warnings"])


def test_stdout_is_json_whatever_the_texts_hold(simulator, run_task):
    words = "line\u2028para\u2029next\u0085 灯 🏮 \x1b[31m"
    make_story(scenelets=(words,), payload=PAYLOAD | {words: words})

    result = run_task("--wait", "--json")

    (row,) = result.rows
    assert row["scenelet_id"] == words
    assert row["prompt"]["storyboard_payload"][words] == words
    assert row["status"] == "done"


def test_progress_and_links_go_to_stderr_under_json(simulator, run_task):
    make_story()

    result = run_task("--wait", "--json")

    assert all(line.startswith("{") for line in result.out.splitlines())
    assert result.rows[0]["download_uri"] in result.err
    assert "No cluster is running" in result.err


# -- endings and exit codes ----------------------------------------------------------------------


def test_a_second_run_skips_what_exists(simulator, log, run_task):
    make_story(shots=2)
    first = run_task("--wait", "--json")

    second = run_task("--wait", "--json")

    assert (first.code, second.code) == (0, 0)
    assert [(row["decision"], row["reason"]) for row in second.rows] == [("skip", "exists")] * 2
    assert [row["render_id"] for row in second.rows] == [row["render_id"] for row in first.rows]
    assert [row["video_file"] for row in second.rows] == [row["video_file"] for row in first.rows]
    assert (second.summary["skipped"], second.summary["generated"]) == (2, 0)
    assert len(log()["submissions"]) == 2


@pytest.mark.parametrize(
    ("place", "fault", "status", "words"),
    [
        ("submit", "invalid_argument", "failed", "refuses the request"),
        ("submit", "internal", "unknown", "may have been"),
        ("done", "blocked", "blocked", "safety filter"),
        ("done", "error", "failed", "Not charged"),
        ("done", "nothing", "unknown", "a person must decide"),
        ("download", "not_found", "not_downloaded", "two days"),
    ],
)
def test_a_render_that_misses_makes_exit_code_1(
    simulator, fail, run_task, place, fault, status, words
):
    make_story()
    fail(place, fault, times=-1)

    result = run_task("--wait", "--json")

    (row,) = result.rows
    assert result.code == 1
    assert (row["decision"], row["status"]) == ("generate", status)
    assert words in row["error"]
    assert row["video_file"] is None
    assert (result.summary["failed"], result.summary["generated"]) == (1, 0)


def test_an_operation_that_takes_too_long_makes_exit_code_1(settings, fail, run_task):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 0.2 / 60
    make_story()
    fail("done", "never_done")

    result = run_task("--wait", "--json")

    assert result.code == 1
    assert result.rows[0]["status"] == "interrupted"
    assert result.rows[0]["operation_name"]
    assert result.summary["failed"] == 1


def test_one_shots_failure_does_not_stop_the_others(simulator, fail, run_task):
    make_story(shots=3)
    fail("submit", "invalid_argument")

    result = run_task("--wait", "--json")

    assert result.code == 1
    assert sorted(row["status"] for row in result.rows) == ["done", "done", "failed"]
    assert (result.summary["generated"], result.summary["failed"]) == (2, 1)


def test_what_a_person_must_decide_is_skipped_the_next_time(fail, log, run_task):
    make_story()
    fail("submit", "drop_after_accept")
    run_task("--wait", "--json")

    result = run_task("--wait", "--json")

    (row,) = result.rows
    assert result.code == 0
    assert (row["decision"], row["reason"]) == ("skip", "a person must decide")
    assert row["status"] == "unknown"
    assert len(log()["submissions"]) == 1


USAGE = {
    "an unknown story": ({"story_id": "nobody"}, [], "There is no story nobody"),
    "a misspelt story": ({"story_id": "the-lmap"}, [], "Did you mean the-lamp?"),
    "an unknown scenelet": ({}, ["--scenelet-id=zoo"], "no scenelet zoo"),
    "a misspelt scenelet": ({}, ["--scenelet-id=Openning"], "Did you mean opening?"),
    "an index that no shot has": ({}, ["--shot-index=9"], "No shot matches"),
    "an unknown model": ({}, ["--model=veo-9"], "The video models are"),
    "a misspelt model, rehearsed": (
        {},
        ["--model=veo-3.1-fast-generate-prevew", "--mode=dry-run"],
        "Did you mean veo-3.1-fast-generate-preview",
    ),
    "a filter that matches nothing": (
        {},
        ["--scenelet-id=opening", "--shot-index=0"],
        "No shot matches",
    ),
    "a link with dry-run": (
        {},
        ["--shot-index=1", "--mode=dry-run", "--video-download-link=http://x/y"],
        "A dry run downloads nothing",
    ),
    "a link for two shots": (
        {},
        ["--video-download-link=http://x/y"],
        "belongs to one shot, but these filters match 2",
    ),
    "an empty link": ({}, ["--shot-index=1", "--video-download-link="], "link is empty"),
}


@pytest.mark.parametrize(("story", "arguments", "words"), USAGE.values(), ids=USAGE.keys())
@pytest.mark.parametrize("output", [[], ["--json"]], ids=["text", "json"])
def test_wrong_usage_queues_nothing(run_task, story, arguments, words, output):
    make_story(shots=2)

    result = run_task("--wait", *arguments, *output, **story)

    assert result.code == 2
    assert words in result.err
    assert result.out == ""
    assert not VideoRender.objects.exists()
    assert not RenderBatch.objects.exists()


# -- modes and filters ---------------------------------------------------------------------------


def test_a_dry_run_calls_nobody_and_shows_everything(settings, run_task):
    settings.GEMINI_API_KEY = ""
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_API_BASE_URL = NOWHERE
    make_story(shots=2)

    result = run_task("--mode=dry-run", "--json")

    row = result.rows[0]
    assert result.code == 0
    assert (row["decision"], row["status"]) == ("rehearse", "rehearsed")
    assert row["prompt"]["storyboard_payload"] == PAYLOAD
    assert row["prompt_tokens"] > 100
    assert [each["kind"] for each in row["references"]] == [
        "character",
        "environment",
        "key_frame",
    ]
    assert row["request"]["duration_seconds"] == 8
    assert row["estimated_cost_usd"] == "3.20"
    assert [row[key] for key in ("take", "operation_name", "download_uri", "video_file")] == [
        None
    ] * 4
    assert result.summary["rehearsed"] == 2
    assert result.summary["estimated_cost_usd"] == "6.40"
    assert not Submission.objects.exists()


def test_a_dry_run_with_a_broken_picture_fails(settings, run_task):
    story = make_story()
    (Path(settings.MEDIA_ROOT) / story.pictures.first().file).unlink()

    result = run_task("--mode=dry-run", "--json")

    assert result.code == 1
    assert result.rows[0]["status"] == "failed"
    assert "cannot be read" in result.rows[0]["error"]


def test_override_makes_a_new_take_and_keeps_the_old_one(settings, simulator, run_task):
    make_story()
    old = run_task("--wait", "--json").rows[0]
    content = (Path(settings.MEDIA_ROOT) / old["video_file"]).read_bytes()

    (new,) = run_task("--wait", "--json", "--mode=override").rows

    assert (new["decision"], new["take"], new["status"]) == ("generate", 2, "done")
    assert new["video_file"] == "the-lamp/shots/opening/shot-1/take-2.mp4"
    assert new["render_id"] != old["render_id"]
    assert (Path(settings.MEDIA_ROOT) / old["video_file"]).read_bytes() == content


def test_resume_goes_on_polling_and_downloading(settings, fail, log, run_task):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 0.5 / 60
    make_story(shots=2)
    fail("done", "never_done")
    fail("download", "unavailable")
    missed = run_task("--wait", "--json")
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 0.2 / 60

    default = run_task("--wait", "--json")
    resumed = run_task("--wait", "--json", "--mode=resume")

    assert sorted(row["status"] for row in missed.rows) == ["interrupted", "not_downloaded"]
    assert [row["reason"] for row in default.rows] == ["resume it"] * 2
    assert default.code == 0
    assert sorted((row["decision"], row["status"]) for row in resumed.rows) == [
        ("download", "done"),
        ("resume", "interrupted"),
    ]
    assert resumed.code == 1
    assert len(log()["submissions"]) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scenelet-id=b"], [("b", 1), ("b", 2)]),
        (["--scenelet-id=b", "--shot-index=2"], [("b", 2)]),
        (["--shot-index=2"], [("a", 2), ("b", 2)]),
        ([], [("a", 1), ("a", 2), ("b", 1), ("b", 2)]),
    ],
)
def test_filters_choose_the_shots(run_task, arguments, expected):
    make_story(scenelets=("a", "b"), shots=2)

    result = run_task("--mode=dry-run", "--json", *arguments)

    assert [(row["scenelet_id"], row["shot_index"]) for row in result.rows] == expected
    assert result.summary["targeted"] == len(expected)


# -- the download link ---------------------------------------------------------------------------


@pytest.fixture
def link(simulator, run_task):
    """The link of a video that was made for another story."""
    make_story("another")
    (row,) = run_task("--wait", "--json", story_id="another").rows
    return row["download_uri"]


@pytest.mark.parametrize("has_video", [False, True])
def test_a_given_link_is_downloaded_and_nothing_is_submitted(log, link, run_task, has_video):
    shot = make_shot()
    if has_video:
        make_render(shot, State.DONE)
    submitted = len(log()["submissions"])

    result = run_task("--wait", "--json", "--shot-index=1", f"--video-download-link={link}")

    (row,) = result.rows
    render = VideoRender.objects.get(pk=row["render_id"])
    assert result.code == 0
    assert (row["decision"], row["status"]) == ("download", "done")
    assert row["take"] == (2 if has_video else 1)
    assert row["download_uri"] == link == render.download_uri
    assert row["estimated_cost_usd"] == "0.00"
    assert row["operation_name"] is None
    assert render.kind == "link"
    assert not render.submissions.exists()
    assert len(log()["submissions"]) == submitted


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("default", "approved"),
        ("resume", "approved"),
        ("override", "approved, unlock it first"),
    ],
)
def test_an_approved_shot_takes_no_link(link, run_task, mode, reason):
    shot = make_shot()
    approved = make_render(shot, State.DONE, review="approved")

    result = run_task("--wait", "--json", f"--mode={mode}", f"--video-download-link={link}")

    (row,) = result.rows
    assert result.code == 0
    assert (row["decision"], row["reason"], row["render_id"]) == ("skip", reason, approved.pk)
    assert (result.summary["skipped"], result.summary["generated"]) == (1, 0)
    assert list(shot.renders.all()) == [approved]
    batch = RenderBatch.objects.latest("pk")
    assert batch.counts == {"skip": 1}
    assert [record["reason"] for record in batch.plan] == [reason]


def test_an_approval_that_comes_after_the_plan_counts(link):
    shot = make_shot()
    plan = plan_shots(shot.scenelet.story, Shot.objects.filter(pk=shot.pk), "default")
    # Even where another render of the shot waits for a person.
    make_render(shot, State.UNKNOWN)
    approved = make_render(shot, State.DONE, review="approved")

    queued = queue_link(plan, link, Requester("command"), task="CREATE_SHOT_VIDEO")

    [(row, render_id)] = queued.rows
    assert (row.decision.action, render_id) == ("skip", approved.pk)
    assert queued.render_ids == frozenset()
    assert shot.renders.count() == 2
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize("given", ["https://example.org/clip.mp4?key={}", " {} "])
def test_a_link_with_the_key_in_it_is_refused(run_task, given):
    make_story()

    result = run_task(f"--video-download-link={given.format(KEY)}")

    assert result.code == 2
    assert "Leave the key out" in result.err and KEY not in result.err
    assert not RenderBatch.objects.exists()


def test_a_given_link_is_printed_like_any_other(link, run_task):
    make_story()

    result = run_task("--wait", f"--video-download-link={link}")

    assert link in result.out


@pytest.mark.parametrize("is_given", [True, False])
def test_a_link_is_told_before_its_download_starts(link, is_given):
    make_story()
    told = []

    def listen(render):
        rows = VideoRender.objects.filter(pk=render.pk)
        told.append(rows.values_list("state", "download_attempts", "download_uri").get())

    result = create_shot_videos(
        TaskRequest(
            story_id=STORY,
            requester=Requester("command"),
            video_download_link=link if is_given else None,
            listener=listener(on_link=listen),
        )
    )

    (row,) = result.rows
    assert told == [("downloading", 0, row["download_uri"])]


def test_our_own_mark_is_no_link(run_task):
    make_story()

    result = run_task("--wait", "--json", "--video-download-link=inline:")

    assert result.code == 2
    assert "has to begin with http:// or https://" in result.err
    assert not VideoRender.objects.exists()


@pytest.mark.parametrize("words", ["http://127.0.0.1:9/nobody", "file:///etc/passwd", "nonsense"])
def test_a_link_that_cannot_be_had_makes_a_failed_render(settings, simulator, run_task, words):
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    make_story()

    result = run_task("--wait", "--json", f"--video-download-link={words}")

    (row,) = result.rows
    assert result.code == 1
    assert (row["status"], row["take"], row["video_file"]) == ("failed", None, None)
    assert row["error"]
    assert result.summary["failed"] == 1


def test_every_link_is_printed_as_soon_as_it_is_known(simulator, fail, run_task):
    make_story(shots=2)
    fail("download", "not_found", times=-1)

    result = run_task("--wait")

    links = list(VideoRender.objects.values_list("download_uri", flat=True))
    assert len(links) == 2
    for link in links:
        assert result.out.count(link) == 1
    assert result.out.index(links[0]) < result.out.index("2 shots "), "before the results"


# -- waiting and queueing ------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_the_command_only_queues(simulator, log, run_task):
    make_story(shots=2)

    result = run_task("--json")

    assert result.code == 0
    assert [row["status"] for row in result.rows] == ["queued"] * 2
    assert result.summary["failed"] == result.summary["generated"] == 0
    assert "no cluster is running" in result.err
    assert log()["submissions"] == []
    assert "videogen.tasks.pump" in [each.task["func"] for each in OrmQ.objects.all()]


def test_in_a_terminal_the_command_waits(simulator, run_task, monkeypatch):
    make_story()
    monkeypatch.setattr(sys, "stdout", Terminal())

    result = run_task()

    assert result.code == 0
    assert VideoRender.objects.get().state == State.DONE


def test_in_a_terminal_no_wait_only_queues(simulator, run_task, monkeypatch):
    make_story()
    monkeypatch.setattr(sys, "stdout", Terminal())

    run_task("--no-wait")

    assert VideoRender.objects.get().state == State.QUEUED


def test_what_runs_already_is_not_queued_again(simulator, log, run_task):
    make_story()
    first = run_task("--json")

    second = run_task("--json")

    assert [row["reason"] for row in second.rows] == ["already running"]
    assert second.rows[0]["render_id"] == first.rows[0]["render_id"]
    assert VideoRender.objects.count() == 1


def test_the_command_works_its_own_batch_only(simulator, log, run_task):
    other = make_render(make_shot(story_id="another"), State.QUEUED)
    make_story()

    run_task("--wait", "--json")

    other.refresh_from_db()
    assert other.state == State.QUEUED
    assert len(log()["submissions"]) == 1


def test_a_daily_quota_ends_the_wait_with_the_apis_words_and_loses_nothing(fail, log, run_task):
    make_story(shots=2)
    fail("submit", "quota_day", times=1)

    result = run_task("--wait", "--json")
    Lane.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    VideoRender.objects.update(not_before=None)
    RenderBatch.objects.update(worked_by=this_process().rpartition("|")[0] + "|1.00")
    tomorrow = run_task("--wait", "--json", "--mode=resume")

    assert result.code == 1
    assert [row["status"] for row in result.rows] == ["queued"] * 2
    assert all("You exceeded your current quota" in row["error"] for row in result.rows)
    assert tomorrow.code == 0
    assert [row["status"] for row in tomorrow.rows] == ["done"] * 2
    assert sum(each["operation"] is not None for each in log()["submissions"]) == 2


def test_a_queue_that_a_person_must_mend_ends_the_wait(fail, run_task):
    make_story(shots=3)
    fail("submit", "credits_depleted", times=-1)

    result = run_task("--wait", "--json")

    assert result.code == 1
    assert [row["status"] for row in result.rows] == ["queued"] * 3
    assert all("prepayment credits are depleted" in row["error"] for row in result.rows)
    assert Lane.objects.get().paused_at


def test_a_queue_that_a_person_paused_ends_the_wait_and_says_by_whom(simulator, log, run_task):
    pause_by_person(make_lane(), "ines", "Lunch.")
    make_story()

    result = run_task("--wait", "--json")

    assert result.code == 1
    assert [(row["status"], row["error"]) for row in result.rows] == [
        ("queued", "ines paused it: Lunch.")
    ]
    assert "The queue is paused. ines paused it: Lunch." in result.err
    assert log()["submissions"] == []


def test_waiting_for_the_spend_window_is_told_and_ends_by_itself(
    settings, simulator, log, run_task
):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_SPEND_WINDOW_USD = Decimal("3.20")
    settings.VIDEO_SPEND_WINDOW_SECONDS = 3
    make_story(shots=2)

    result = run_task("--wait", "--json")

    assert result.code == 0
    assert [row["status"] for row in result.rows] == ["done", "done"]
    assert "Waiting for quota: the next render is sent about " in result.err
    assert "The account lets $3.20 through in 3 seconds." in result.err
    assert len(log()["submissions"]) == 2


@pytest.mark.parametrize(("word", "priority"), [("first", 10), ("normal", 0), ("later", -10)])
def test_a_batch_has_its_place_in_the_queue(run_task, word, priority):
    make_story()

    run_task("--no-wait", "--priority", word)

    assert RenderBatch.objects.get().priority == priority


def test_whoever_asks_again_opens_the_queue(simulator, log, run_task):
    make_lane(paused_at=timezone.now(), pause_code="key_refused", pause_reason="The key.")
    make_story()

    result = run_task("--wait", "--json")

    assert result.code == 0
    assert result.rows[0]["status"] == "done"
    assert Lane.objects.get().paused_at is None


@pytest.mark.parametrize("status", [503, 429, 400])
def test_what_was_refused_while_the_command_was_stopped_is_not_sent_later(
    settings, far_end, db, status
):
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(status, {"error": {"code": status, "message": "No."}}, seconds=0.3)
    make_story(shots=3)

    def press_ctrl_c(progress):
        if "submitting" in progress.counts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_shot_videos(
            TaskRequest(
                story_id=STORY,
                requester=Requester("command"),
                listener=listener(on_progress=press_ctrl_c),
            )
        )

    states = sorted(VideoRender.objects.values_list("state", flat=True))
    assert len(far_end.requests) == 1
    assert states == ["cancelled", "cancelled", "failed" if status == 400 else "cancelled"]


def test_what_waits_in_a_paused_queue_is_cancelled_by_ctrl_c(simulator, log, db):
    """Whoever resumes the queue later does not send what its person has stopped."""
    make_story(shots=2)
    lane = make_lane()
    pause_by_person(lane, "ines", "Lunch.")
    notes = []

    def press_ctrl_c(progress):
        notes.append(progress.note)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_shot_videos(
            TaskRequest(
                story_id=STORY,
                requester=Requester("command"),
                listener=listener(on_progress=press_ctrl_c),
            )
        )

    assert notes == ["The queue is paused. ines paused it: Lunch."]
    assert [each.error_code for each in VideoRender.objects.filter(state=State.CANCELLED)] == [
        "stopped",
        "stopped",
    ]
    resume_lane(lane)
    assert claim_renders(lane, owner=this_process(), limit=9) == []
    assert log()["submissions"] == []


@pytest.mark.parametrize("is_stopped", [False, True])
def test_what_somebody_moves_meanwhile_is_not_waited_for_and_not_cancelled(
    simulator, log, db, is_stopped
):
    """It is the cluster's, also while there is none."""
    make_story()
    lane = make_lane()
    pause_by_person(lane, "ines", "Lunch.")
    later = timezone.now() + timedelta(hours=1)
    told = []

    def listen(progress):
        told.append(progress.total)
        assert len(told) < 20, "it does not end"
        if len(told) == 1:
            source, target = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
            move = plan_move(renders_to_move(lane, source), target)
            move_queued(lane, source, target, Requester("admin"), seen=move.fingerprint)
            VideoRender.objects.update(not_before=later)
            resume_lane(lane)
            if is_stopped:
                raise KeyboardInterrupt

    request = TaskRequest(
        story_id=STORY,
        requester=Requester("command"),
        listener=listener(on_progress=listen),
    )
    with pytest.raises(KeyboardInterrupt) if is_stopped else nullcontext():
        create_shot_videos(request)

    render = VideoRender.objects.get()
    assert (render.state, render.model) == (State.QUEUED, "veo-3.1-fast-generate-preview")
    assert log()["submissions"] == []


def test_what_was_accepted_while_the_command_was_stopped_is_kept(fail, log, db):
    fail("submit", "slow", seconds=0.3)
    make_story(shots=2)

    def press_ctrl_c(progress):
        if "submitting" in progress.counts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_shot_videos(
            TaskRequest(
                story_id=STORY,
                requester=Requester("command"),
                listener=listener(on_progress=press_ctrl_c),
            )
        )

    accepted = VideoRender.objects.exclude(state=State.CANCELLED).get()
    (received,) = log()["submissions"]
    assert (accepted.state, accepted.operation_name) == (State.RUNNING, received["operation"])


# -- for people ----------------------------------------------------------------------------------


def test_a_person_gets_a_table_and_the_sum(simulator, fail, run_task):
    make_story(shots=2)
    fail("done", "blocked")

    result = run_task("--wait")

    assert "S01-01 opening" in result.out
    assert "take-1.mp4" in result.out
    assert "safety filter" in result.out
    assert (
        "2 shots: 1 generated, 1 blocked by the API. "
        "Cost: free here; $6.40 with veo-3.1-generate-preview." in result.out
    )


def test_a_table_shows_texts_as_they_are(run_task):
    make_story(scenelets=("[bold]not markup[/bold]",))

    result = run_task("--mode=dry-run")

    assert "S01-01 [bold]not markup[/bold]" in result.out


def test_a_batch_records_who_asked_for_what(run_task):
    make_story(scenelets=("a", "b"), shots=2)

    run_task("--mode=dry-run", "--scenelet-id=b", "--shot-index=2")

    batch = RenderBatch.objects.get()
    assert (batch.task, batch.mode, batch.door) == ("CREATE_SHOT_VIDEO", "dry-run", "command")
    assert batch.filters == {"scenelet_id": "b", "shot_index": 2}
    assert batch.counts == {"rehearse": 1}
    assert [(each["scenelet_id"], each["decision"]) for each in batch.plan] == [("b", "rehearse")]


# -- what it costs ---------------------------------------------------------------------------------


@pytest.fixture
def paid(settings, simulator):
    """The paying backend, whose far end is the simulator."""
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = KEY


def money(summary):
    return tuple(summary[f"{name}_usd"] for name in ("estimated_cost", "charged", "open"))


def test_each_outcome_is_told_by_its_name_and_what_was_charged_apart(paid, fail, run_task):
    make_story(shots=5)
    fail("submit", "invalid_argument")
    fail("submit", "drop_after_accept")
    fail("done", "blocked")
    fail("download", "redirect_file_scheme", times=-1)

    result = run_task("--wait")

    assert (
        "5 shots: 2 not downloaded, 1 outcome unknown, 1 blocked by the API, 1 failed. "
        "Charged $6.40 of $16.00 planned, $3.20 still open." in result.out
    )
    again = "manage.py run_task --task CREATE_SHOT_VIDEO --story-id the-lamp"
    assert f"To fetch the 2, without paying again: {again} --mode resume\n" in result.out
    assert "what became of the one: manage.py reconcile\n" in result.out
    assert f"To try the 2 without a video again: {again}\n" in result.out
    ledger = VideoRender.objects.aggregate(charged=Sum("actual_cost_usd"))
    assert ledger == {"charged": Decimal("6.40")}


def test_refused_three_times_is_not_charged(paid, fail, run_task):
    make_story(shots=3)
    fail("submit", "invalid_argument", times=-1)

    result = run_task("--wait", "--json")

    assert result.summary["failed"] == 3
    assert money(result.summary) == ("9.60", "0.00", "0.00")


def test_what_is_only_queued_may_still_cost(paid, run_task):
    make_story(shots=2)

    assert money(run_task("--no-wait", "--json").summary) == ("6.40", "0.00", "6.40")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("simulator", "Cost: free here; $6.40 with veo-3.1-generate-preview."),
        ("gemini", "Cost: free; $6.40 with veo-3.1-generate-preview if sent."),
    ],
)
def test_a_dry_run_says_what_it_would_cost(settings, run_task, backend, words):
    settings.VIDEO_BACKEND = backend
    make_story(shots=2)

    assert f"2 shots: 2 rehearsed. {words}" in run_task("--mode=dry-run").out


def test_a_failed_link_suggests_nothing_that_is_paid(paid, run_task):
    make_story()

    result = run_task("--wait", "--video-download-link=nonsense")

    assert result.code == 1
    assert "--task" not in result.out


# -- the question ----------------------------------------------------------------------------------

QUESTION = "Generate 2 videos for $6.40 with veo-3.1-generate-preview? [y/N] "


@pytest.fixture
def answering(monkeypatch):
    """answering("y\\n"): a person at the terminal types this. Returns what the terminal shows."""

    def answering(words):
        shown = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(words))
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return answering


@pytest.mark.parametrize(
    ("answer", "code", "queued"),
    [("y\n", 0, 2), ("Yes\n", 0, 2), ("n\n", 1, 0), ("\n", 1, 0), ("", 1, 0), ("maybe\n", 1, 0)],
)
def test_a_person_at_a_terminal_is_asked_once(paid, run_task, answering, answer, code, queued):
    make_story(shots=2)
    shown = answering(answer)

    result = run_task("--no-wait", "--json")

    assert shown.getvalue().count(QUESTION) == 1
    assert (result.code, VideoRender.objects.count()) == (code, queued)
    assert RenderBatch.objects.exists() == bool(queued)


def test_yes_answers_beforehand(paid, run_task, answering):
    make_story(shots=2)
    shown = answering("")

    assert run_task("--no-wait", "--yes").code == 0
    assert "[y/N]" not in shown.getvalue()
    assert VideoRender.objects.count() == 2


def test_a_price_that_is_raised_while_the_question_stands_is_not_paid(paid, run_task, monkeypatch):
    class Hesitating(Terminal):
        def readline(self):
            make_price("0.50")
            return "y\n"

    make_story(shots=2)
    monkeypatch.setattr(sys, "stdin", Hesitating())
    monkeypatch.setattr(sys, "stderr", Terminal())

    result = run_task("--no-wait", "--json")

    assert result.code == 2
    assert "costs $4.00 now, and was planned for $3.20" in result.err
    assert not VideoRender.objects.exists()


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_question_that_nobody_could_see_is_not_answered_by_paying(
    paid, run_task, monkeypatch, arguments
):
    """As with `run_task … 2>&1 | tee log`."""
    make_story(shots=2)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))

    result = run_task("--no-wait", *arguments)

    assert result.code == 2
    assert "$6.40" in result.err and "--yes" in result.err
    assert not VideoRender.objects.exists()
    assert run_task("--no-wait", "--yes", *arguments).code == 0
    assert VideoRender.objects.count() == 2


def test_without_a_terminal_nobody_is_asked(paid, run_task):
    make_story(shots=2)

    result = run_task("--no-wait")

    assert result.code == 0
    assert "[y/N]" not in result.out + result.err


def test_what_is_free_needs_no_answer(settings, simulator, run_task, answering):
    make_story(shots=2)
    shown = answering("")
    run_task("--no-wait")
    settings.VIDEO_BACKEND = "gemini"
    run_task("--mode=dry-run")

    assert "[y/N]" not in shown.getvalue()
    assert VideoRender.objects.count() == 4


def test_what_no_budget_limits_is_warned_of(settings, paid, run_task):
    make_story()

    assert "No budget applies to this" in run_task("--no-wait").err
    VideoRender.objects.all().delete()
    settings.VIDEO_BUDGET_USD = Decimal(10)

    assert "No budget applies to this" not in run_task("--no-wait").err


# -- as a process ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installation(tmp_path_factory, running_simulator, migrated_database):
    folder = tmp_path_factory.mktemp("installation")
    installation = Installation(
        folder, GOOGLE_GEMINI_BASE_URL=running_simulator.url, VIDEO_POLL_SECONDS="0.05"
    )
    installation.begin_with(migrated_database)
    installation.manage("import_story", str(write_story(folder, "story", 2)))
    yield installation
    installation.close()


def process(installation, *arguments):
    return installation.manage("run_task", *arguments, check=False)


def test_the_process_renders_and_prints_json_only(simulator, log, installation):
    done = process(installation, "--task=CREATE_SHOT_VIDEO", "--story-id=story", "--wait", "--json")

    *rows, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in rows] == ["done", "done"]
    assert last["summary"]["generated"] == 2
    for row in rows:
        assert row["download_uri"] in done.stderr
        assert (installation.media / row["video_file"]).exists()
    assert log()["violations"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--task=CREATE_SHOT_VIDEO"],
        ["--task=PAINT", "--story-id=story"],
        ["--task=CREATE_SHOT_VIDEO", "--story-id=story", "--mode=sometimes"],
        ["--task=CREATE_SHOT_VIDEO", "--story-id=story", "--shot-index=one"],
        ["--task=CREATE_SHOT_VIDEO", "--story-id=nobody", "--json"],
    ],
    ids=["nothing", "no story", "no such task", "no such mode", "no number", "unknown story"],
)
def test_wrong_usage_ends_with_2(db, arguments):
    done = manage("run_task", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_end_it(tmp_path):
    installation = Installation(tmp_path / "empty", VIDEO_BACKEND="nobody")

    done = process(installation, "--task=CREATE_SHOT_VIDEO", "--story-id=story")

    assert done.returncode == 1
    assert "videogen.E001" in done.stderr


def test_a_process_without_tables_says_what_to_do(tmp_path):
    installation = Installation(tmp_path / "empty")

    done = process(installation, "--task=CREATE_SHOT_VIDEO", "--story-id=story")

    assert done.returncode == 2
    assert "manage.py migrate" in done.stderr


def test_a_dry_run_does_not_load_what_it_does_not_need(installation):
    code = (
        "import sys; from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'check'])\n"
        "run(['manage.py', 'run_task', '--task=CREATE_SHOT_VIDEO', '--story-id=story', "
        "'--mode=dry-run', '--json'])\n"
        "slow = {'google.genai', 'jwt', 'cryptography', 'httpx', 'PIL', 'av', 'numpy', 'rich', "
        "'videogen.cli.console', 'videogen.pipeline', 'videogen.providers.messages'} "
        "& sys.modules.keys()\n"
        "assert not slow, f'{slow} take long to load'"
    )
    done = installation.manage("shell", "--no-imports", "--command", code, check=False)

    assert done.returncode == 0, done.stderr


# -- the terminal ----------------------------------------------------------------------------------


def test_ids_from_a_bundle_do_not_move_the_cursor(simulator, run_task):
    make_story(STORY, scenelets=("evil\x1b[2J\u202e",))

    result = run_task("--mode=dry-run")

    assert result.code == 0
    assert r"S01-01 evil\x1b[2J\u202e" in result.out
    assert not set(result.out + result.err) & set("\x1b\u202e")


class BreakingOutput(io.StringIO):
    """Breaks as soon as the first download link is written to it."""

    def write(self, text):
        if "download link" in text:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_an_output_that_breaks_ends_the_run_and_loses_nothing(
    settings, simulator, log, monkeypatch, db
):
    settings.VIDEO_MAX_IN_FLIGHT = 1
    make_story(shots=3)
    monkeypatch.setattr(sys, "stdout", BreakingOutput())

    with pytest.raises(SystemExit) as caught:
        call_command("run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={STORY}", "--wait")

    assert caught.value.code == 130
    accepted = {each["operation"] for each in log()["submissions"]}
    kept = VideoRender.objects.exclude(operation_name="")
    assert {each.operation_name for each in kept} == accepted
    assert all(each.download_uri or each.state == State.RUNNING for each in kept)
    # What was not sent is not sent later either.
    assert not VideoRender.objects.filter(state=State.QUEUED).exists()


def test_a_render_that_somebody_cancels_meanwhile_was_not_done(settings, simulator, run_task):
    settings.VIDEO_MAX_IN_FLIGHT = 0
    make_story(shots=2)

    def cancel(state):
        for render in VideoRender.objects.filter(state=State.QUEUED):
            render.move(State.QUEUED, State.CANCELLED)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConsoleListener, "on_progress", lambda self, progress: cancel(progress))
        result = run_task("--wait", "--json")

    assert [row["status"] for row in result.rows] == ["cancelled"] * 2
    assert (result.code, result.summary["failed"]) == (1, 0)


def test_the_help_names_every_exit_code():
    told = Command().create_parser("manage.py", "run_task").format_help()

    assert all(f"{code} " in told.partition("exit code:")[2] for code in (0, 1, 2, 130))


@pytest.mark.slow
def test_a_terminal_of_ascii_ends_nothing(tmp_path, migrated_database):
    place = Installation(tmp_path / "site", PYTHONIOENCODING="ascii")
    try:
        place.begin_with(migrated_database)
        place.start_simulator()
        place.manage("import_story", str(write_story(tmp_path / "bundles", "début-纸", 2)))

        ended = place.manage(
            "run_task", "--task=CREATE_SHOT_VIDEO", "--story-id=début-纸", "--wait"
        )
        unknown = place.manage("spend", "--story-id=纸", check=False)
    finally:
        place.close()

    assert ended.returncode == 0
    assert ended.stdout.count("download link") == 2
    assert unknown.returncode == 2 and r"\u7eb8" in unknown.stderr
