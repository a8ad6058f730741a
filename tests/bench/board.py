"""The board of 30 and of 300 shots in a Chromium: the first paint, what holds up the page while
somebody scrolls through it, and the queries.

The takes are rows with small posters of their own; no video is made."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support.chromium import running_chromium
from tests.support.installations import ROOT
from tests.support.site import Site

from .measure import Figure

SHOTS = (30, 300)
LOADS = 5
PAINT_MS = 1000
LONG_TASK_MS = 50
TURNS = 40
# Collects the length of each frame, from now on.
WATCH = """() => {
  window.frames = [];
  let last = performance.now();
  const tick = (now) => {
    window.frames.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SERVER = "performance.getEntriesByType('navigation')[0].responseEnd"


def measure(folder: Path) -> list[Figure]:
    site = Site(folder)
    try:
        site.prepare()
        site.start()
        stories = [site.bring_story(f"board-{number}", number) for number in SHOTS]
        queries = _fill_and_count(site, stories)
        with running_chromium() as browser:
            few, many = (_look(site, browser, story) for story in stories)
    finally:
        site.close()
    paints = (
        f"fastest of {LOADS}: {_shown(many['paints'])} ms, of which the server's answer "
        f"{_shown(many['answers'])} ms; with {SHOTS[0]} shots {_shown(few['paints'])} ms"
    )
    frames = sorted(many["frames"])
    longest = max(many["tasks"])
    tasks = (
        f"of the processor; by the clock {max(many['by_clock']):.0f} ms, "
        f"{sum(each > LONG_TASK_MS for each in many['by_clock'])} over {LONG_TASK_MS} ms in "
        f"{TURNS} turns of the wheel; a frame takes {statistics.median(frames):.0f} ms, "
        f"95 % at most {frames[len(frames) * 95 // 100]:.0f} ms"
    )
    return [
        Figure(f"first paint, {SHOTS[1]} shots", min(many["paints"]), PAINT_MS, "ms", paints),
        Figure("longest task while scrolling", longest, LONG_TASK_MS, "ms", tasks),
        Figure("queries more", queries[1] - queries[0], 0, "", f"{queries[0]} and {queries[1]}"),
    ]


def _shown(times: list[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in times)


def _look(site: Site, browser: Browser, story: int) -> dict[str, list[float]]:
    context = site.open_browser(browser, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    paints, answers = [], []
    for _ in range(LOADS):
        page.goto(f"/admin/storybook/story/{story}/board/")
        page.wait_for_load_state("load")
        page.wait_for_timeout(200)
        paints.append(float(page.evaluate(PAINT)))
        answers.append(float(page.evaluate(SERVER)))
    found = {"paints": paints, "answers": answers, **_scroll(browser, page)}
    context.close()
    return found


def _scroll(browser: Browser, page: Page) -> dict[str, list[float]]:
    """The frames, and the tasks of the page's main thread in milliseconds: of the processor, which
    others cannot make longer, and by the clock."""
    page.mouse.move(800, 500)
    page.wait_for_timeout(500)
    page.evaluate(WATCH)
    browser.start_tracing(
        page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"]
    )
    for turn in range(TURNS):
        page.mouse.wheel(0, 600 if turn < TURNS // 2 else -600)
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        each
        for each in events
        if each["ph"] == "X"
        and each["name"].endswith("RunTask")
        and (each["pid"], each["tid"]) in main
    ]
    return {
        "tasks": [each.get("tdur", 0) / 1000 for each in tasks],
        "by_clock": [each["dur"] / 1000 for each in tasks],
        "frames": page.evaluate("frames"),
    }


def _fill_and_count(site: Site, stories: list[int]) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.board", *map(str, stories)],
        cwd=ROOT,
        env={**site.installation.environment, "DJANGO_SETTINGS_MODULE": "storybook.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


# -- in a process with Django ----------------------------------------------------------------------


def _main(stories: list[str]) -> None:
    import django

    django.setup()
    for story in stories:
        _make_takes(int(story))
    sys.stdout.write(json.dumps([_queries_of(int(story)) for story in stories]))


def _make_takes(story: int) -> None:
    """Two takes of each shot; of every ninth one, both have failed."""
    from django.conf import settings
    from django.utils import timezone
    from PIL import Image

    from storybook.models import Shot
    from videogen.models import Lane, RenderBatch, VideoRender

    now = timezone.now()
    lane, _ = Lane.objects.get_or_create(name="simulator")
    batch = RenderBatch.objects.create(
        story_id=story, task="CREATE_SHOT_VIDEO", mode="default", door="admin", created_at=now
    )
    folder = Path(settings.MEDIA_ROOT) / f"board-{story}"
    folder.mkdir(parents=True)
    reviews = ("approved", "selected", "unreviewed", "rejected")
    renders = []
    for place, shot in enumerate(Shot.objects.filter(scenelet__story=story).order_by("pk")):
        poster = Image.effect_noise((60, 34), 80).convert("RGB").resize((480, 270))
        poster.save(folder / f"{place}.jpg", quality=82)
        is_failed = place % 9 == 8
        renders += [
            VideoRender(
                shot=shot,
                batch=batch,
                lane=lane,
                mode="default",
                state="failed" if is_failed else "done",
                error_message="The video was not made." if is_failed else "",
                review=reviews[place % 4] if take == 2 and not is_failed else "unreviewed",
                take=None if is_failed else take,
                video_file="" if is_failed else f"board-{story}/{place}-{take}.mp4",
                poster_file="" if is_failed else f"board-{story}/{place}.jpg",
                video_seconds=None if is_failed else 8.0,
                backend="simulator",
                model="veo-3.1-generate-preview",
                aspect_ratio="16:9",
                resolution="1080p",
                duration_seconds=8,
                prompt_text="A prompt. " * 400,
                content_sha256="1" * 64,
                is_simulated=True,
                requested_by_name="ann",
                queued_at=now,
                claimed_at=now,
                state_since=now,
                ended_at=now,
            )
            for take in (1, 2)
        ]
    VideoRender.objects.bulk_create(renders)


def _queries_of(story: int) -> int:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    browser = Client(headers={"host": "localhost"})
    browser.force_login(get_user_model().objects.get())
    url = f"/admin/storybook/story/{story}/board/"
    browser.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


if __name__ == "__main__":
    _main(sys.argv[1:])
