"""Screens and lists of the API with 10,000 shots and 50,000 renders in the database against the
same with 100 shots: as many queries, and hardly more time on the server.

On PostgreSQL, on the server that VIDEO_TEST_POSTGRES_URL names; where none answers, on SQLite. The
story whose board is opened has the same size in both, and the first page of every list is full in
both; what grew is the finished work: the other stories, their batches and notices. A filter that
leaves less than a page of 100 shots is compared with the page of one story, which is full and has a
filter in the link of each row, too, or else with the whole list. The page of spending is no list:
it adds up everything that was ever sent, so it has a bound of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from tests.support.installations import ROOT, Installation

from .measure import Figure

SHOTS_OF_A_STORY = 50
# Two at least: where there is one story only, the lists offer its scenelets.
STORIES = (2, 200)
# Without shots, so that the first page of the list of stories is full in both.
EMPTY_STORIES = 100
RENDERS_OF_A_STORY = 250
BATCHES_OF_A_STORY = 60
RUNS = 25
BOUND = 1.5
# Of the page of spending, with all stories: in seconds.
SPENDING_BOUND = 1.0
POSTGRES = os.environ.get("VIDEO_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")

STATUSES = (
    "generating",
    "needs a decision",
    "failed",
    "needs review",
    "approved",
    "ready",
    "retake",
    "cancelled",
    "given up",
    "blocked",
)
SHOTS, RENDERS = "/admin/storybook/shot/?", "/admin/videogen/videorender/?"
BATCHES, SUBMISSIONS = "/admin/videogen/renderbatch/?", "/admin/videogen/submission/?"
SPENDING, REVIEW = "/admin/videogen/submission/spending/?", "/admin/review/?"
SCREENS = {
    "dashboard": "/admin/",
    "board": "/admin/storybook/story/{story}/board/",
    "stories": "/admin/storybook/story/",
    "shots": SHOTS,
    **{f"shots: {each}": SHOTS + urlencode({"status": each}) for each in STATUSES},
    "shots: has a video": SHOTS + "video=yes",
    "shots: no video": SHOTS + "video=no",
    "shots: story": SHOTS + "scenelet__story__id__exact={story}",
    "shots: scenelet": SHOTS + "scenelet={scenelet}",
    "shots: code": SHOTS + "q=S02-03",
    "renders": RENDERS,
    "renders: state": RENDERS + "state__exact=failed",
    "renders: outcome": RENDERS + "outcome=simulated",
    "renders: review": RENDERS + "review__exact=approved",
    "renders: kind": RENDERS + "kind__exact=generation",
    "renders: mode": RENDERS + "mode__exact=default",
    "renders: story": RENDERS + "shot__scenelet__story__id__exact={story}",
    "batches": BATCHES,
    "batches: running": BATCHES + "at_work=yes",
    "batches: status": BATCHES + "status__exact=confirmed",
    "batches: story": BATCHES + "story__id__exact={story}",
    "submissions": SUBMISSIONS,
    "submissions: outcome": SUBMISSIONS + "outcome=simulated",
    "submissions: story": SUBMISSIONS + "story={story}",
    "submissions: person": SUBMISSIONS + "person=ann",
    "submissions: day": SUBMISSIONS + "day={day}",
    "spending": SPENDING,
    "spending: story": SPENDING + "story={story}",
    "notices": "/admin/videogen/notice/",
    "notices: kind": "/admin/videogen/notice/?kind__exact=batch_finished",
    "review room": REVIEW,
    "review room: story": REVIEW + "story={story}",
    "review room: batch": REVIEW + "batch={batch}",
    "review room: approved": REVIEW + "status=approved",
    "review room: retake": REVIEW + "status=retake",
    "review room: scenelet": REVIEW + "scenelet={scenelet}",
    "review room: words": REVIEW + "story={story}&q=dusk",
    "review queue": "/admin/review/queue/?start=0",
    "unresolved": "/admin/videogen/videorender/unresolved/",
    "API stories": "/api/v1/stories?limit=2",
    "API shots": "/api/v1/stories/story-0/shots?limit=20",
    "API shots: status": "/api/v1/stories/story-0/shots?limit=20&status=needs_review",
    "API renders": "/api/v1/renders",
    "API renders: story": "/api/v1/renders?story_id=story-0",
    "API renders: status": "/api/v1/renders?status=failed",
    "API takes": "/api/v1/takes",
    "API takes: review": "/api/v1/takes?review=approved",
    "API submissions": "/api/v1/submissions",
    "API submissions: outcome": "/api/v1/submissions?outcome=accepted",
    "API events": "/api/v1/events",
    "API events: type": "/api/v1/events?type=take.made",
}
# The lists of the API of which a late page is measured, too: four fifths of the way.
LATE = ("API stories", "API shots", "API renders", "API takes", "API submissions", "API events")


def measure(folder: Path) -> list[Figure]:
    """In one process, the two databases by turns, page by page."""
    with ExitStack() as stack:
        databases, where = [], "PostgreSQL" if _has_postgres() else "SQLite, no PostgreSQL answers"
        for stories in STORIES:
            installation = Installation(folder / f"{stories}-stories")
            if _has_postgres():
                name = f"videogen_bench_lists_{os.getpid()}_{stories}"
                installation.environment["DATABASE_URL"] = stack.enter_context(_database(name))
            installation.manage("migrate")
            databases.append(installation.environment["DATABASE_URL"])
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.lists", *databases],
            cwd=ROOT,
            env={
                **installation.environment,
                "DATABASE_URL": databases[0],
                "DJANGO_SETTINGS_MODULE": "storybook.settings",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    small, large = json.loads(done.stdout)
    fewer, more = (SHOTS_OF_A_STORY * stories for stories in STORIES)
    figures = []
    for name, many in large.items():
        few = small[name]
        if few["rows"] < many["rows"]:
            few = _full_page(small, name.partition(":")[0]) or few
        how = (
            f"{where}: fastest of {RUNS}: {few['seconds'] * 1000:.0f} ms with {fewer} shots, "
            f"{many['seconds'] * 1000:.0f} ms with {more:,} shots and "
            f"{RENDERS_OF_A_STORY * STORIES[1]:,} renders"
        )
        if name == "spending":
            figures.append(Figure(name, many["seconds"], SPENDING_BOUND, "s", how))
        else:
            times = many["seconds"] / few["seconds"]
            figures.append(Figure(name, times, BOUND, "× time", how))
        more_queries = max(many["queries"] - few["queries"], 0)
        told = f"{few['queries']} and {many['queries']}"
        figures.append(Figure(f"{name}: queries more", more_queries, 0, "", told))
    return figures


def _full_page(small: dict[str, Any], which: str) -> dict[str, float] | None:
    """What was measured of a page of the list that has as many rows as pages can have."""
    pages = [small[name] for name in (f"{which}: story", which) if name in small]
    return max(pages, key=lambda each: each["rows"], default=None)


def _has_postgres() -> bool:
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _database(name: str) -> Iterator[str]:
    def execute(statement: str) -> None:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(statement)

    execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
    finally:
        execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


# -- in a process with Django ----------------------------------------------------------------------


def _main(databases: list[str]) -> None:
    import django

    django.setup()
    from django.db import connections

    visitors: list[_Visitor] = []
    for url, stories in zip(databases, STORIES, strict=True):
        connections["default"] = connected = _connected(url)
        _fill(stories)
        visitors.append(_Visitor(connected))
    results = [
        {name: visitor.look_at(url) for name, url in visitor.urls.items()} for visitor in visitors
    ]
    for name in visitors[0].urls:
        for _ in range(RUNS):
            # One right after the other: the machine is as fast for both.
            for visitor, result in zip(visitors, results, strict=True):
                seconds = visitor.time(visitor.urls[name])
                result[name]["seconds"] = min(seconds, result[name].get("seconds", seconds))
    sys.stdout.write(json.dumps(results))


def _connected(url: str) -> Any:
    """A connection to that database, with the settings of the first one and another name."""
    import dj_database_url
    from django.db import connection

    wrapper = connection.copy()
    wrapper.settings_dict["NAME"] = dj_database_url.parse(url)["NAME"]
    return wrapper


class _Visitor:
    """A person with a browser and a program with a token, and the addresses that they open."""

    def __init__(self, connected: Any) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client
        from django.utils import timezone

        from storybook.models import Scenelet, Story
        from videogen.models import ApiToken, RenderBatch

        self._connected = connected
        person = get_user_model().objects.get()
        self.browser = Client(headers={"host": "localhost"})
        self.browser.force_login(person)
        _, token = ApiToken.objects.make(user=person, name="bench", scope="read")
        self.token = {"Authorization": f"Bearer {token}"}
        story = Story.objects.get(story_id="story-0")
        places = {
            "story": story.pk,
            "scenelet": Scenelet.objects.filter(story=story).order_by("place")[3].pk,
            "batch": RenderBatch.objects.filter(story=story).order_by("pk")[45].pk,
            "day": (timezone.now() - timedelta(days=1)).date().isoformat(),
        }
        self.urls = {name: url.format(**places) for name, url in SCREENS.items()}
        for name in LATE:
            url = self.urls[name]
            sign = "&" if "?" in url else "?"
            self.urls[f"{name}: late"] = f"{url}{sign}cursor={self._late_cursor(url)}"

    def _late_cursor(self, url: str) -> str:
        """That of a page four fifths of the way, after one walk through the whole list."""
        address = url.partition("?")[0]
        limit = 10 if address.endswith(("/shots", "/stories")) else 200
        cursors = []
        cursor = self._next(f"{address}?limit={limit}")
        while cursor:
            cursors.append(cursor)
            cursor = self._next(f"{address}?limit={limit}&cursor={cursor}")
        return cursors[len(cursors) * 4 // 5 - 1]

    def _next(self, url: str) -> str | None:
        return self.browser.get(url, headers=self.token).json()["next_cursor"]

    def look_at(self, url: str) -> dict[str, float]:
        """The number of queries, and the number of rows that are shown."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self._get(url)
        with CaptureQueriesContext(connection) as queries:
            response = self._get(url)
        assert response.status_code == 200, (url, response.status_code)
        return {"queries": len(queries), "rows": _rows(response)}

    def time(self, url: str) -> float:
        """How long it takes."""
        start = time.perf_counter()
        self._get(url)
        return time.perf_counter() - start

    def _get(self, url: str) -> Any:
        from django.db import connections

        connections["default"] = self._connected
        return self.browser.get(url, headers=self.token if url.startswith("/api/") else {})


def _rows(response: Any) -> int:
    """Of a list of the admin or of the API; of another page 0."""
    if "json" in response["Content-Type"]:
        return len(response.json().get("items", ()))
    shown = (getattr(response, "context_data", None) or {}).get("cl")
    return len(shown.result_list) if shown else 0


def _fill(stories: int) -> None:
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction

    from storybook.models import Story

    get_user_model().objects.create_superuser("producer", password=None)
    with transaction.atomic():
        for number in range(stories):
            _make_story(number)
        Story.objects.bulk_create(
            Story(story_id=f"empty-{number}", title=f"An empty story {number:03}")
            for number in range(EMPTY_STORIES)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _make_story(number: int) -> None:
    """A story of 50 shots in all statuses, with 250 renders in 60 batches."""
    from django.utils import timezone

    from storybook.models import (
        DesignDocument,
        KeyFrame,
        Picture,
        Scenelet,
        Shot,
        Story,
        place_scenelets,
    )
    from videogen.models import (
        Lane,
        Notice,
        OutgoingEvent,
        RenderBatch,
        Submission,
        VideoRender,
    )

    # A story a day, the newest ones an hour ago.
    then = timezone.now() - timedelta(days=number, hours=1)
    lane, _ = Lane.objects.get_or_create(name="simulator")
    story = Story.objects.create(story_id=f"story-{number}", title=f"Story {number:03}")
    DesignDocument.objects.bulk_create(
        DesignDocument(story=story, kind=kind, document={"a": "document"})
        for kind in ("visual", "audio")
    )
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
    place_scenelets(story.pk)
    payload = {
        "framingAndAngle": "wide",
        "compositionAndContent": "The quay at dusk. " * 40,
        "referencedDesigns": {"characters": [f"character-{number % 3}"]},
    }
    shots = Shot.objects.bulk_create(
        Shot(
            scenelet=scenelets[place // 10],
            shot_index=place % 10 + 1,
            storyboard_payload=payload if place else None,
        )
        for place in range(SHOTS_OF_A_STORY)
    )
    KeyFrame.objects.bulk_create(KeyFrame(shot=shot, position=1, picture=picture) for shot in shots)
    first = number * BATCHES_OF_A_STORY + 1
    batches = RenderBatch.objects.bulk_create(
        RenderBatch(
            number=first + each,
            story=story,
            task="CREATE_SHOT_VIDEO",
            mode="default",
            door="admin",
            requested_by_name=_PEOPLE[each % len(_PEOPLE)],
            counts={"render": 5},
            created_at=then,
        )
        for each in range(BATCHES_OF_A_STORY)
    )
    told = [(shot, place, at) for place, shot in enumerate(shots) for at in range(_takes_of(place))]
    renders = VideoRender.objects.bulk_create(
        VideoRender(
            shot=shot,
            batch=batches[position * BATCHES_OF_A_STORY // len(told)],
            lane=lane,
            mode="default",
            backend="simulator",
            model="veo-3.1-generate-preview",
            aspect_ratio="16:9",
            resolution="1080p",
            duration_seconds=8,
            prompt_text="A prompt. " * 400,
            content_sha256="1" * 64,
            requested_by_name=_PEOPLE[position % len(_PEOPLE)],
            is_simulated=True,
            queued_at=then,
            state_since=then,
            **_state_of(number, place, at, then),
        )
        for position, (shot, place, at) in enumerate(told)
    )
    assert len(renders) == RENDERS_OF_A_STORY, len(renders)
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
        if render.claimed_at
    )
    Notice.objects.bulk_create(
        Notice(
            kind="batch_finished",
            key=f"batch_finished:{batch.pk}",
            story=story,
            batch=batch,
            subject=f"Batch {batch.number} of {story} has ended: 5 of 5 done",
            text="All of it.",
            path=f"/admin/videogen/renderbatch/{batch.pk}/progress/",
            created_at=then,
            next_attempt_at=None,
        )
        for batch in batches
    )
    OutgoingEvent.objects.bulk_create(
        OutgoingEvent(
            type="take.made",
            key=f"take.made:{render.pk}",
            story=story,
            data={"take_id": render.pk},
            created_at=then,
        )
        for render in renders
        if render.state == "done"
    )


_PEOPLE = ("ann", "ben", "cleo", "dora", "emil")


def _takes_of(place: int) -> int:
    """How many renders the shot at this place has: 250 in all."""
    if place < 5:
        return 0
    return 6 if place >= 25 else 5


def _state_of(number: int, place: int, at: int, then: datetime) -> dict[str, object]:
    """Where the render stands that is the `at`-th of its shot, so that shots have all statuses.
    Only as many stories are at work, and wait for a decision, as there are in both databases."""
    from django.utils import timezone

    is_last = at == _takes_of(place) - 1
    done = {
        "state": "done",
        "take": at + 1,
        "video_file": f"story-{number}/shots/{place}/take-{at}.mp4",
        "poster_file": f"story-{number}/shots/{place}/take-{at}.jpg",
        "claimed_at": then,
        "rendered_at": then + timedelta(minutes=1),
        "ended_at": then,
    }
    failed = {
        "state": "failed",
        "error_code": "no_video",
        "error_message": "The video was not made.",
        "claimed_at": then,
        "ended_at": then,
    }
    rejected = {**done, "review": "rejected", "reviewed_at": then}
    cancelled = {"state": "cancelled", "ended_at": then}
    match place:
        case 5:
            if is_last and number < STORIES[0]:
                return {"state": "queued"}
            return rejected
        case 6:
            if is_last and number < STORIES[0]:
                return {"state": "unknown", "claimed_at": then, "ended_at": then}
            return rejected
        case 7:
            return {**cancelled, "error_code": "cancelled"} if is_last else failed
        case 8:
            return (
                {**cancelled, "error_code": "given_up", "claimed_at": then} if is_last else failed
            )
    if place < 14:
        return failed
    if place < 19:
        return rejected
    if place < 34:
        if is_last:
            return {**done, "review": "approved", "reviewed_at": timezone.now()}
        return done
    # What waits for a review has newer takes than what somebody decided on.
    return done if at >= 4 else rejected


if __name__ == "__main__":
    _main(sys.argv[1:])
