"""Screens with 10,000 shots and 50,000 renders in the database against the same screens with 100
shots: as many queries, and hardly more time on the server.

The story whose board is opened has the same size in both; the other stories are what grew."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from tests.support.installations import ROOT, Installation

from .measure import Figure

SHOTS_OF_A_STORY = 50
# Two at least: where there is one story only, the lists offer its scenelets.
STORIES = (2, 200)
TAKES = 5
RUNS = 7

SCREENS = {
    "board": "/admin/storybook/story/{story}/board/",
    "shots list": "/admin/storybook/shot/",
    "shots list, one status": "/admin/storybook/shot/?status=needs+review",
    "dashboard": "/admin/",
}


def measure(folder: Path) -> list[Figure]:
    """In one process, the two databases by turns: the machine is as busy for the one as for the
    other."""
    databases = []
    for stories in STORIES:
        installation = Installation(folder / f"{stories}-stories")
        installation.manage("migrate")
        databases.append(str(installation.database))
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.lists", *databases],
        cwd=ROOT,
        env={**installation.environment, "DJANGO_SETTINGS_MODULE": "storybook.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    small, large = json.loads(done.stdout)
    fewer, more = (SHOTS_OF_A_STORY * stories for stories in STORIES)
    figures = []
    for name in SCREENS:
        few, many = small[name], large[name]
        how = (
            f"fastest of {RUNS}: {few['seconds'] * 1000:.0f} ms with {fewer} shots, "
            f"{many['seconds'] * 1000:.0f} ms with {more:,} shots and {more * TAKES:,} renders"
        )
        figures += [
            Figure(name, many["seconds"] / few["seconds"], 1.5, "× time", how),
            Figure(
                f"{name}: queries more",
                abs(many["queries"] - few["queries"]),
                0,
                "",
                f"{few['queries']} and {many['queries']}",
            ),
        ]
    return figures


# -- in a process with Django ----------------------------------------------------------------------


def _main(paths: list[str]) -> None:
    import django

    django.setup()
    results: list[dict[str, dict[str, float]]] = []
    for path, stories in zip(paths, STORIES, strict=True):
        _use(path)
        _fill(stories)
        results.append({name: {"seconds": float("inf"), "queries": 0} for name in SCREENS})
    for _ in range(RUNS):
        for path, result in zip(paths, results, strict=True):
            _use(path)
            for name, url in SCREENS.items():
                seconds, queries = _visit(url)
                result[name]["seconds"] = min(result[name]["seconds"], seconds)
                result[name]["queries"] = queries
    sys.stdout.write(json.dumps(results))


def _use(path: str) -> None:
    """The other database: the settings of the first one, another file."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = path


_browsers: dict[str, object] = {}


def _visit(url: str) -> tuple[float, int]:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from storybook.models import Story

    name = str(connection.settings_dict["NAME"])
    if name not in _browsers:
        _browsers[name] = Client(headers={"host": "localhost"})
        _browsers[name].force_login(get_user_model().objects.get())
    story = Story.objects.get(story_id="story-0")
    url = url.format(story=story.pk)
    # Once for the pages that are still on disk, then for the time, then for the queries: writing
    # them down takes time, too.
    browser = _browsers[name]
    browser.get(url)
    start = time.perf_counter()
    response = browser.get(url)
    seconds = time.perf_counter() - start
    assert response.status_code == 200, (url, response.status_code)
    with CaptureQueriesContext(connection) as queries:
        browser.get(url)
    return seconds, len(queries)


def _fill(stories: int) -> None:
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction

    get_user_model().objects.create_superuser("producer", password=None)
    with transaction.atomic():
        for number in range(stories):
            _make_story(number)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _make_story(number: int) -> None:
    from django.utils import timezone

    from storybook.models import KeyFrame, Picture, Scenelet, Shot, Story
    from videogen.models import Lane, RenderBatch, Submission, VideoRender

    # A story a day, the newest ones an hour ago.
    then = timezone.now() - timedelta(days=number, hours=1)
    lane, _ = Lane.objects.get_or_create(name="simulator")
    story = Story.objects.create(story_id=f"story-{number}", title=f"Story {number:03}")
    picture = Picture.objects.create(
        story=story,
        path="frame.png",
        file=f"story-{number}/pictures/0123456789abcdef/frame.png",
        mime_type="image/png",
        sha256="0" * 64,
    )
    scenelets = Scenelet.objects.bulk_create(
        Scenelet(story=story, scenelet_id=f"scenelet-{each}", sequence=each)
        for each in range(1, SHOTS_OF_A_STORY // 10 + 1)
    )
    payload = {"framingAndAngle": "wide", "compositionAndContent": "The quay at dusk. " * 40}
    shots = Shot.objects.bulk_create(
        Shot(scenelet=scenelet, shot_index=index, storyboard_payload=payload)
        for scenelet in scenelets
        for index in range(1, 11)
    )
    KeyFrame.objects.bulk_create(KeyFrame(shot=shot, position=1, picture=picture) for shot in shots)
    batch = RenderBatch.objects.create(
        story=story, task="CREATE_SHOT_VIDEO", mode="default", door="admin", created_at=then
    )
    reviews = ("approved", "selected", "unreviewed", "rejected")
    renders = VideoRender.objects.bulk_create(
        VideoRender(
            shot=shot,
            batch=batch,
            lane=lane,
            mode="default",
            state="failed" if place % 7 == 0 else "done",
            error_message="The video was not made." if place % 7 == 0 else "",
            review=reviews[place % 4] if take == TAKES and place % 7 else "unreviewed",
            take=None if place % 7 == 0 else take,
            video_file="" if place % 7 == 0 else f"story-{number}/shots/{place}/take-{take}.mp4",
            poster_file="" if place % 7 == 0 else f"story-{number}/shots/{place}/take-{take}.jpg",
            backend="simulator",
            model="veo-3.1-generate-preview",
            aspect_ratio="16:9",
            resolution="1080p",
            duration_seconds=8,
            prompt_text="A prompt. " * 400,
            content_sha256="1" * 64,
            is_simulated=True,
            queued_at=then,
            claimed_at=then,
            state_since=then,
            ended_at=then,
        )
        for place, shot in enumerate(shots)
        for take in range(1, TAKES + 1)
    )
    Submission.objects.bulk_create(
        Submission(
            render=render,
            lane=lane,
            owner="bench",
            price_usd="3.20",
            outcome="accepted" if render.state == "done" else "not_charged",
            claimed_at=then,
            answered_at=then,
        )
        for render in renders
    )


if __name__ == "__main__":
    _main(sys.argv[1:])
