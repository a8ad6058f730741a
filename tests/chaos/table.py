"""Every row of the table of failures: where each ends, whether it counts as paid, how often it was
submitted. The simulator fails, the whole product runs.

The whole table is tried on the Gemini API; on the other routes, what they answer in their own way.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.installations import Installation, wait_until, write_story

from . import routes
from .batches import Expectation, compare, run_batch, shot_of, wait_for_end
from .judging import Tally, accepted_by, renders_of, tracebacks

STORY = "table"


@dataclass(frozen=True)
class Row:
    name: str
    at: str
    fault: str
    ends: str
    charged: bool
    times: int = 1
    submissions: int = 1
    params: dict[str, Any] = field(default_factory=dict)
    # A row that stops or slows the whole queue is alone in its batch.
    waits: str = ""

    @property
    def expectation(self) -> Expectation:
        by_api = self.at == "done" and self.ends in ("failed", "blocked")
        return Expectation(
            self.name,
            frozenset({self.ends}),
            (self.submissions, self.submissions),
            self.charged,
            ended_by_api=by_api,
        )


def _submit(name: str, fault: str, ends: str, charged: bool, **more: Any) -> Row:
    return Row(f"submit: {name}", "submit", fault, ends, charged, **more)


def _done(name: str, fault: str, ends: str, charged: bool, **more: Any) -> Row:
    return Row(f"done: {name}", "done", fault, ends, charged, **more)


TOGETHER = [
    _submit("400 INVALID_ARGUMENT", "invalid_argument", "failed", False),
    _submit("503", "unavailable", "done", True, submissions=2),
    _submit("500", "internal", "unknown", True),
    _submit("500, but accepted", "internal", "unknown", True, params={"accepted": True}),
    _submit("504, but accepted", "gateway_timeout", "unknown", True),
    _submit("time-out, accepted", "hang", "unknown", True),
    _submit("time-out, not accepted", "hang_before_accept", "unknown", True),
    _submit("drop, accepted", "drop_after_accept", "unknown", True),
    _submit("drop, not accepted", "drop_before_accept", "unknown", True),
    _submit("half a JSON object", "garbage_after_accept", "unknown", True),
    _submit("a web page", "html_200", "unknown", True),
    _submit("no body", "empty", "unknown", True),
    _submit("no name", "no_name", "unknown", True),
    Row("poll: 429", "poll", "quota", "done", True, times=2),
    Row("poll: 500", "poll", "internal", "done", True, times=2),
    Row("poll: 503", "poll", "unavailable", "done", True, times=2),
    Row("poll: drop", "poll", "drop", "done", True, times=2),
    Row("poll: half a JSON object", "poll", "garbage", "done", True, times=2),
    Row("poll: a web page", "poll", "html_200", "done", True, times=2),
    Row("poll: hang", "poll", "hang", "done", True),
    Row("poll: 404 twice", "poll", "not_found", "done", True, times=2),
    Row("poll: 404 for ever", "poll", "not_found", "unknown", True, times=-1),
    *(
        _done(f"error {code}", "error", "failed", False, params={"code": code})
        for code in (13, 14, 8, 4)
    ),
    _done("blocked for its audio", "blocked_audio", "blocked", False),
    _done("blocked, support code", "blocked", "blocked", False, params={"codes": ["58061214"]}),
    _done("nothing", "nothing", "unknown", True),
    _done("no sample", "empty_samples", "unknown", True),
    _done("never", "never_done", "interrupted", True),
    Row("download: 403 once", "download", "forbidden", "done", True),
    Row("download: 403 for ever", "download", "forbidden", "not_downloaded", True, times=-1),
    Row("download: 404 twice", "download", "not_found", "done", True, times=2),
    Row("download: 404 for ever", "download", "not_found", "not_downloaded", True, times=-1),
    Row("download: 503", "download", "unavailable", "done", True, times=2),
]
ALONE = [
    _submit("401", "unauthenticated", "queued", False, waits="key_refused"),
    _submit("403", "permission_denied", "queued", False, waits="key_refused"),
    _submit("400 API key not valid", "key_invalid", "queued", False, waits="key_refused"),
    _submit("404 model not found", "model_not_found", "queued", False, waits="model_not_found"),
    _submit("404 no longer available", "model_retired", "queued", False, waits="model_not_found"),
    _submit("402", "payment_required", "queued", False, waits="credits_depleted"),
    _submit("429 credits depleted", "credits_depleted", "queued", False, waits="credits_depleted"),
    _submit(
        "429 quota a minute",
        "quota_minute",
        "done",
        True,
        submissions=2,
        params={"retry_seconds": 4},
        waits="quota_minute",
    ),
    _submit("429 quota a day", "quota_day", "queued", False, waits="quota_day"),
    _submit("429 spend", "spend_limit", "done", True, submissions=2, waits="quota_spend"),
]


# A video in a bucket of our own is found without its answer. The words of a refusal differ.
VERTEX_TOGETHER = [
    _submit("400 INVALID_ARGUMENT", "invalid_argument", "failed", False),
    _submit("503", "unavailable", "done", True, submissions=2),
    _submit("500", "internal", "unknown", True),
    _submit("drop, accepted: found in the bucket", "drop_after_accept", "done", True),
    _submit("half a JSON object: found in the bucket", "garbage_after_accept", "done", True),
    _submit("drop, not accepted", "drop_before_accept", "unknown", True),
    _submit("no name", "no_name", "unknown", True),
    Row("poll: 500", "poll", "internal", "done", True, times=2),
    Row("poll: 429", "poll", "quota", "done", True, times=2),
    Row("poll: drop", "poll", "drop", "done", True, times=2),
    Row("poll: half a JSON object", "poll", "garbage", "done", True, times=2),
    Row("poll: 404 twice", "poll", "not_found", "done", True, times=2),
    Row("poll: 404 for ever: found in the bucket", "poll", "not_found", "done", True, times=-1),
    _done("error 13", "error", "failed", False, params={"code": 13}),
    _done("blocked, support code", "blocked", "blocked", False, params={"codes": ["58061214"]}),
    _done("nothing", "nothing", "unknown", True),
    _done("never", "never_done", "interrupted", True),
    Row("download: 403 once", "download", "forbidden", "done", True),
    Row("download: 503", "download", "unavailable", "done", True, times=2),
    Row("download: cut off in the middle", "download", "drop_midway", "done", True),
    Row("download: 404 for ever", "download", "not_found", "not_downloaded", True, times=-1),
]
VERTEX_ALONE = [
    _submit("401", "unauthenticated", "queued", False, waits="credentials_refused"),
    _submit("403", "permission_denied", "queued", False, waits="permission_denied"),
    _submit("no billing", "payment_required", "queued", False, waits="credits_depleted"),
    _submit("404 model not found", "model_not_found", "queued", False, waits="model_not_found"),
    _submit("429", "quota_minute", "done", True, submissions=2, waits="quota_minute"),
]
# Whether an interaction without a video costs something is not documented: it may.
OMNI_TOGETHER = [
    _submit("400 INVALID_ARGUMENT", "invalid_argument", "failed", False),
    _submit("503", "unavailable", "done", True, submissions=2),
    _submit("500", "internal", "unknown", True),
    _submit("drop, accepted", "drop_after_accept", "unknown", True),
    _submit("half a JSON object", "garbage_after_accept", "unknown", True),
    _submit("drop, not accepted", "drop_before_accept", "unknown", True),
    _submit("no id", "no_name", "unknown", True),
    Row("poll: 500", "poll", "internal", "done", True, times=2),
    Row("poll: 429", "poll", "quota", "done", True, times=2),
    Row("poll: drop", "poll", "drop", "done", True, times=2),
    Row("poll: half a JSON object", "poll", "garbage", "done", True, times=2),
    Row("poll: unknown id twice", "poll", "not_found", "done", True, times=2),
    Row("poll: unknown id for ever", "poll", "not_found", "unknown", True, times=-1),
    _done("error", "error", "unknown", True, params={"code": 13}),
    _done("refused in words", "blocked", "unknown", True),
    _done("nothing", "nothing", "unknown", True),
    _done("never", "never_done", "interrupted", True),
    Row("incomplete", "interaction", "status", "unknown", True),
    Row("incomplete, with its video", "interaction", "status", "done", True, params={"video": 1}),
    Row("the video in the answer", "interaction", "inline", "done", True),
    Row("a video without link or data", "interaction", "no_data", "unknown", True),
    Row("file: FAILED", "interaction", "file_failed", "unknown", True),
    Row("file: PROCESSING for ever", "interaction", "file_stuck", "interrupted", True),
    Row("file: 503", "file", "unavailable", "done", True, times=2),
    Row("download: 403 once", "download", "forbidden", "done", True),
    Row("download: 503", "download", "unavailable", "done", True, times=2),
    Row("download: cut off in the middle", "download", "drop_midway", "done", True),
    Row("download: 404 for ever", "download", "not_found", "not_downloaded", True, times=-1),
]
OMNI_ALONE = [
    _submit("401", "unauthenticated", "queued", False, waits="key_refused"),
    _submit("404 model not found", "model_not_found", "queued", False, waits="model_not_found"),
    _submit("402", "payment_required", "queued", False, waits="credits_depleted"),
    _submit(
        "429 quota a minute",
        "quota_minute",
        "done",
        True,
        submissions=2,
        params={"retry_seconds": 4},
        waits="quota_minute",
    ),
]
TABLES = {
    "gemini": (TOGETHER, ALONE),
    "vertex": (VERTEX_TOGETHER, VERTEX_ALONE),
    "omni": (OMNI_TOGETHER, OMNI_ALONE),
}


def run(folder: Path, options: argparse.Namespace) -> list[Tally]:
    tallies = []
    for route, rows in TABLES.items():
        together, alone = (
            [row for row in part if options.only in f"{route}: {row.name}"] for part in rows
        )
        if together or alone:
            tallies += _on_route(route, folder / route, together, alone)
    return tallies


def _on_route(route: str, folder: Path, together: list[Row], alone: list[Row]) -> list[Tally]:
    installation = Installation(
        folder / "installation",
        **routes.ENVIRONMENTS[route],
        VIDEO_SUBMIT_TIMEOUT_SECONDS="3",
        VIDEO_POLL_TIMEOUT_SECONDS="3",
        VIDEO_OPERATION_DEADLINE_MINUTES="0.5",
        VIDEO_WORKERS="3",
        # Asked by hand, when everything has ended.
        VIDEO_RECONCILE_MINUTES="0",
    )
    try:
        installation.manage("migrate")
        installation.start_simulator("--latency=0.5")
        cluster = installation.start("work")
        tallies = _together(installation, folder, together) if together else []
        tallies += [_alone(installation, folder, n, row) for n, row in enumerate(alone)]
        if cluster.poll() is not None:
            tallies[-1].wrong.append(f"the cluster has ended with {cluster.returncode}")
        if strange := tracebacks(installation):
            tallies[-1].tracebacks = len(strange)
            tallies[-1].wrong += strange[:10]
        tallies[-1].wrong += routes.wrong_use(installation, route)
    finally:
        installation.close()
    for tally in tallies:
        tally.scenario = f"{route}: {tally.scenario}"
    return tallies


def _together(installation: Installation, folder: Path, rows: list[Row]) -> list[Tally]:
    installation.manage("import_story", str(write_story(folder, STORY, len(rows))))
    for number, row in enumerate(rows):
        _script(installation, row, f"{STORY} {number}:")
    seconds = run_batch(installation, STORY, 150)
    if any("bucket" in row.name for row in rows):
        installation.manage("reconcile", check=False)
        wait_for_end(installation, STORY, 60)
    renders = renders_of(installation, STORY)
    accepted, submitted = accepted_by(installation), _submitted(installation)
    return [
        compare(
            installation,
            row.expectation,
            [render for render in renders if render.shot == shot_of(number)],
            accepted,
            submitted,
            seconds / len(rows),
        )
        for number, row in enumerate(rows)
    ]


def _alone(installation: Installation, folder: Path, number: int, row: Row) -> Tally:
    """The faulty shot and one that comes after it, which must not be tried in vain."""
    story = f"{STORY}-{number}"
    installation.manage("import_story", str(write_story(folder, story, 2)))
    _script(installation, row, f"{story} 0:")
    started = time.monotonic()
    installation.run_task(story, "--no-wait")
    told: tuple[str, str] = ("", "")

    def is_told() -> bool:
        nonlocal told
        told = _told(installation)
        return row.waits in told

    with suppress(AssertionError):
        wait_until(is_told, 60)
    # Long enough for the next shot to be sent by mistake; a short wait may be over by then.
    time.sleep(1)
    first = _submitted(installation)
    if row.ends == "done":
        wait_for_end(installation, story, 120)
    renders = renders_of(installation, story)
    tally = compare(
        installation,
        row.expectation,
        [render for render in renders if render.shot == shot_of(0)],
        accepted_by(installation),
        _submitted(installation),
        time.monotonic() - started,
    )
    other = next(render for render in renders if render.shot == shot_of(1))
    if row.waits not in told:
        tally.wrong.append(f"the queue says {told} instead of {row.waits}")
    if first[other.prompt_sha256] and row.ends != "done":
        tally.wrong.append("the next shot was sent although nothing could come of it")
    if row.ends != "done":
        # What waits waits with a sentence; a person repairs it, and all of it is done.
        if not other.sentence:
            tally.wrong.append("the next shot does not say what it waits for")
        installation.manage("shell", "-c", REPAIR)
        wait_for_end(installation, story, 30)
        states = [render.state for render in renders_of(installation, story)]
        wanted = ["done" if row.ends == "queued" else row.ends, "done"]
        if states != wanted:
            tally.wrong.append(f"after it was repaired: {states} instead of {wanted}")
    tally.note = f"{tally.note}; queue: {row.waits}"
    return tally


# What the buttons "Resume the queue" and "try now" do.
REPAIR = (
    "from videogen.lanes.pauses import resume_at_once; from videogen.models import Lane; "
    "resume_at_once(Lane.objects.get())"
)


def _told(installation: Installation) -> tuple[str, str]:
    """Why the queue is stopped and why it waits."""
    return installation.query("SELECT pause_code, wait_code FROM videogen_lane")[0]


def _script(installation: Installation, row: Row, match: str) -> None:
    installation.script_fault(row.at, row.fault, times=row.times, match=match, params=row.params)


def _submitted(installation: Installation) -> Counter[str]:
    submissions = installation.simulator_log()["submissions"]
    return Counter(each["prompt_sha256"] for each in submissions)
