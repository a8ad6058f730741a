"""50 people at once on one host as `docs/production.md` installs it: gunicorn with the settings of
`deploy/`, PostgreSQL, Redis, workers, and a story of 300 shots with takes that are real files.

Each person opens, judges or plays something every THINKS seconds. Their browsers fetch what a page
names: style sheets and scripts, the pictures in the window, the beginnings of clips, and the parts
of pages that are kept up to date, at the intervals of live.js. They keep files as Cache-Control and
ETag allow. No proxy stands in front, so gunicorn sends the clips, too.

The people are one process, which shares the processors with the host."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from tests.production_check import (
    BIN,
    FROM_PROXY,
    HALF_A_MINUTE,
    HOST,
    Host,
    database,
    postgres,
    redis,
    stop,
    wait_until,
)
from tests.support.installations import ROOT, write_story

from .measure import Figure

SHOTS, TAKES = 300, 2
IN_FLIGHT = 10
CLIP_BYTES = 6_000_000
PEOPLE = {"reviewer": 20, "artist": 15, "producer": 10, "viewer": 5}
THINKS = (3.0, 7.0)
BEGIN_WITHIN, MEASURED = 15.0, 75.0
BOUND = 1.0
# What Chromium loads of `loading="lazy"` in a window of 1440 × 900: eight rows of five cards.
PICTURES_IN_SIGHT = 40
BEGINNING_OF_A_CLIP = 256 * 1024
# A browser opens no more to one host.
CONNECTIONS = 6


def measure(folder: Path) -> list[Figure]:
    folder.chmod(0o755)
    with ExitStack() as stack:
        told = _run(folder, stack)
    times = sorted(each for kind in told["times"].values() for each in kind)
    errors = told["errors"]
    kinds = "; ".join(
        f"{kind} ({len(found)}): {_percentiles(found)}"
        for kind, found in sorted(told["times"].items())
    )
    people = sum(PEOPLE.values())
    shares = ", ".join(f"{name} {share:.0%}" for name, share in told["shares"].items())
    how = (
        f"{people} people, each opens something every {THINKS[0]:g} to {THINKS[1]:g} s, for "
        f"{MEASURED:g} s: {len(times) / MEASURED:.0f} requests a second; p50, p95, p99 "
        f"{_percentiles(times)}. Of one processor the clients took {told['share']:.0%}, {shares}; "
        f"all processors were {told['busy']:.0%} busy. By kind: {kinds}"
    )
    return [
        Figure("p95 of all requests", _percentile(times, 95), BOUND, "s", how),
        Figure("errors", sum(errors.values()), 0, "", json.dumps(errors)),
    ]


def _percentile(times: list[float], share: int) -> float:
    found = sorted(times)
    return found[min(len(found) * share // 100, len(found) - 1)]


def _percentiles(times: list[float]) -> str:
    return ", ".join(f"{_percentile(times, share):.3f}" for share in (50, 95, 99)) + " s"


def _run(folder: Path, stack: ExitStack) -> dict[str, Any]:
    server = stack.enter_context(postgres(folder))
    broker = stack.enter_context(redis(folder))
    url = stack.enter_context(database(server, f"videogen_bench_people_{os.getpid()}"))
    host = Host(
        folder,
        {
            "DATABASE_URL": url,
            "VIDEO_QUEUE_REDIS_URL": broker,
            "VIDEO_BUDGET_USD": "100000",
            "VIDEO_POLL_SECONDS": "10",
            "VIDEO_OPERATION_DEADLINE_MINUTES": "30",
        },
    )
    host.manage("migrate", "--no-input", "--verbosity=0")
    host.manage("collectstatic", "--no-input", "--verbosity=0")
    # What is in flight stays so.
    options = ("--port=0", "--clips=quick", "--latency=1200")
    stack.callback(
        stop, host.start("simulator", sys.executable, "manage.py", "run_simulator", *options)
    )
    log = folder / "simulator.log"
    wait_until(lambda: "http" in log.read_text(), HALF_A_MINUTE, "The simulator starts")
    host.environment["GOOGLE_GEMINI_BASE_URL"] = log.read_text().split()[-1]
    host.manage("import_story", str(write_story(folder / "bundles", "people", SHOTS)))
    people = folder / "people.json"
    host.run(
        sys.executable,
        "-m",
        "tests.bench.people",
        "fill",
        str(people),
        DJANGO_SETTINGS_MODULE="storybook.settings",
    )
    web = host.start(
        "gunicorn", str(BIN / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "storybook.wsgi"
    )
    stack.callback(stop, web)
    work = host.start("work", sys.executable, "manage.py", "work")
    stack.callback(stop, work)
    wait_until(lambda: host.is_up("/readyz"), HALF_A_MINUTE, "/readyz")
    wait_until(
        lambda: host.metrics().get(("videogen_renders", "running")) == IN_FLIGHT,
        # The workers look by themselves once a minute.
        3 * HALF_A_MINUTE,
        f"{IN_FLIGHT} renders are in flight",
    )
    began, before = time.monotonic(), _processor_seconds(web.pid, work.pid)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.people", "open", str(people), str(host.port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    took, after = time.monotonic() - began, _processor_seconds(web.pid, work.pid)
    shares = {name: (after[name] - seconds) / took for name, seconds in before.items()}
    return json.loads(done.stdout) | {"shares": shares}


def _processor_seconds(web: int, work: int) -> dict[str, float]:
    """What the web server, the workers and PostgreSQL have taken of the processors so far."""
    found = dict.fromkeys(("gunicorn", "workers", "PostgreSQL"), 0.0)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue  # It has ended.
        fields = rest.split()
        group, ticks = int(fields[2]), int(fields[11]) + int(fields[12])
        name = {web: "gunicorn", work: "workers"}.get(group)
        if before.endswith("(postgres"):
            name = "PostgreSQL"
        if name:
            found[name] += ticks / os.sysconf("SC_CLK_TCK")
    return found


# -- in a process with Django: the takes, the people and their plans -------------------------------


def _fill(target: Path) -> None:
    import django

    django.setup()

    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    from storybook.models import Shot, Story
    from videogen.models import RenderBatch
    from videogen.models.people import Requester
    from videogen.planning.drafts import draft_batches

    story = Story.objects.get()
    shots = list(
        Shot.objects.select_related("scenelet__story").order_by("scenelet__place", "shot_index")
    )
    _make_takes(shots)
    people: list[dict[str, Any]] = []
    scenelets = list(story.scenelets.order_by("place").values_list("pk", flat=True))
    for role, number in PEOPLE.items():
        group = Group.objects.get(name=role)
        for each in range(number):
            person = get_user_model().objects.create_user(f"{role}-{each}", is_staff=True)
            person.groups.add(group)
            found = {"role": role, "session": _sign_in(person), "story": story.pk}
            if role == "reviewer":
                found["scenelet"] = scenelets[each * len(scenelets) // number]
            if role == "producer":
                # Half of them look at the whole story, half at thirty of its shots.
                chosen = Shot.objects.filter(
                    pk__in=[each.pk for each in (shots if each % 2 else shots[:30])]
                )
                asker = Requester("admin", user=person, name=person.get_username())
                mode = RenderBatch.Mode.OVERRIDE
                found["batch"] = draft_batches(chosen, mode, asker)[0].pk
            people.append(found)
    target.write_text(
        json.dumps(
            {
                "people": people,
                "session_cookie": settings.SESSION_COOKIE_NAME,
                "csrf_cookie": settings.CSRF_COOKIE_NAME,
            }
        )
    )


def _make_takes(shots: list[Any]) -> None:
    """Two takes of each shot, with files of their own, and renders of the last shots in flight."""
    from pathlib import Path

    from django.conf import settings
    from PIL import Image

    from storybook.models import Shot
    from tests.support.clips import write_clip
    from tests.support.takes import make_takes
    from videogen.models import TakeCheck, VideoRender
    from videogen.models.people import Requester
    from videogen.planning.enqueue import queue_renders
    from videogen.planning.plan import plan_shots
    from videogen.takes.check_thresholds import VERSION

    media = Path(settings.MEDIA_ROOT)
    clip = media / "clip.mp4"
    media.mkdir(parents=True, exist_ok=True)
    write_clip(clip, size=(1280, 720), frames=8 * 24, faststart=True, level=0.2)
    _pad(clip)
    for take in range(TAKES):
        make_takes(*shots, review="selected" if take == TAKES - 1 else "unreviewed")
    # Every third shot has a verdict; nothing is rendered for those.
    for place, render in enumerate(VideoRender.objects.order_by("shot", "take")):
        name = f"people/shots/{render.shot_id}/take-{render.take}"
        video, poster = media / f"{name}.mp4", media / f"{name}.jpg"
        video.parent.mkdir(parents=True, exist_ok=True)
        os.link(clip, video)
        picture = Image.effect_noise((60, 34), 80).convert("RGB").resize((480, 270))
        picture.save(poster, quality=82)
        if render.review == "selected" and place // TAKES % 3 == 0:
            render.review, render.reviewed_at = "approved", render.rendered_at
        render.video_file, render.poster_file = f"{name}.mp4", f"{name}.jpg"
        render.video_seconds, render.fps, render.byte_size = 8.0, 24.0, CLIP_BYTES
        render.width, render.height, render.has_audio = 1280, 720, True
        render.save()
    # The workers have looked at all of them.
    TakeCheck.objects.bulk_create(
        TakeCheck(render=each, result="passed", version=VERSION, checked_at=each.rendered_at)
        for each in VideoRender.objects.filter(state="done")
    )
    undecided = [shot.pk for place, shot in enumerate(shots) if place % 3]
    chosen = Shot.objects.filter(pk__in=undecided[-IN_FLIGHT:])
    plan = plan_shots(shots[0].scenelet.story, chosen, "override")
    queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO")


def _pad(clip: Path) -> None:
    """Make the file as long as a clip of eight seconds is, by a box that players skip."""
    missing = CLIP_BYTES - clip.stat().st_size
    assert missing >= 8, clip.stat().st_size
    with clip.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free" + os.urandom(missing - 8))


def _sign_in(person: Any) -> str:
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


# -- in a process of its own: the people -----------------------------------------------------------


@dataclass
class Told:
    """What all browsers saw. Times are in seconds, from the request to the last byte."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    is_measured: bool = False
    share: float = 0.0
    busy: float = 0.0


def _parts(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_SHEETS = _parts(r'<link rel="stylesheet" href="([^"]+)"|<script src="([^"]+)"')
_PICTURES = _parts(r'<img[^>]+src="([^"]+)"')
_VIDEOS = _parts(r'<video[^>]+src="([^"]+)"')
_CLIPS = _parts(r'data-video="([^"]+)"')
_LIVE = _parts(r'data-live-url="([^"]+)"')
_SINCE = _parts(r'data-live-since="([^"]+)"')
_QUEUE = _parts(r'data-queue-url="([^"]+)"')
_ROWS = _parts(r'data-load="([^"]+)"')
_SHOT = _parts(r'data-shot="(\d+)"')


def _found(pattern: re.Pattern[str], html: str) -> list[str]:
    """Each address once, in the order of the page."""
    found = (unescape(next(filter(None, each.groups()))) for each in pattern.finditer(html))
    return list(dict.fromkeys(found))


class Browser:
    def __init__(self, person: dict[str, Any], cookies: dict[str, str], told: Told, port: int):
        self.person = person
        self.told = told
        self._csrf = "".join(random.choices("abcdefghijklmnop", k=32))
        cookie = (
            f"{cookies['session_cookie']}={person['session']}; "
            f"{cookies['csrf_cookie']}={self._csrf}"
        )
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers=FROM_PROXY | {"Cookie": cookie, "Referer": f"https://{HOST}/admin/"},
            timeout=30,
            # Shorter than gunicorn's: no request meets a connection that is being closed.
            limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=3),
        )
        self._connections = asyncio.Semaphore(CONNECTIONS)
        # By address: until when it is fresh, and its ETag.
        self._kept: dict[str, tuple[float, str]] = {}
        self._live: asyncio.Task[None] | None = None

    async def run(self, ends_at: float) -> None:
        live = getattr(self, f"_{self.person['role']}")
        while time.monotonic() < ends_at:
            await live()
        self._leave()

    async def close(self) -> None:
        self._leave()
        await self._client.aclose()

    # -- what people do

    async def _reviewer(self) -> None:
        """Judges take after take of the scenelets that are theirs: A, R and S by turns."""
        scope = f"story={self.person['story']}&scenelet={self.person['scenelet']}"
        html = await self._open("review page", f"/admin/review/?{scope}")
        queue = _found(_QUEUE, html)
        if not queue:
            # All is judged: the next scenelet.
            self.person["scenelet"] += 1
            await self._think()
            return
        take = re.search(r'data-render="(\d+)"', html)
        part = await self._json("review queue", f"{queue[0]}&take={take and take[1]}")
        judged: set[int] = set()
        for number, entry in enumerate(part["entries"]):
            if entry["shot"] in judged:
                # A verdict on a take changes what the others of its shot are.
                continue
            judged.add(entry["shot"])
            ahead = part["entries"][number + 1 : number + 4]
            await self._all(
                self._get("poster", each["poster"]) for each in [entry, *ahead] if each["poster"]
            )
            await self._all(
                [self._clip(entry["clip"]), *(self._begin(each["clip"]) for each in ahead[:1])]
            )
            await self._think()
            verb = ("approve", "reject", "select")[len(judged) % 3]
            await self._post(
                "verdict",
                f"/admin/review/{entry['render']}/{verb}/?{scope}",
                {"seen": entry["review"]},
            )

    async def _artist(self) -> None:
        """Looks at the board, by turns as a whole and filtered, scrubs two clips, opens takes."""
        query = random.choice(("", "?status=needs+review", "?group=status", "?status=approved"))
        html = await self._open(
            "board", f"/admin/storybook/story/{self.person['story']}/board/{query}"
        )
        clips = _found(_CLIPS, html)
        for _ in range(2):
            await self._think()
            if clips:
                await self._begin(random.choice(clips[:PICTURES_IN_SIGHT]))
        await self._takes(html)

    async def _producer(self) -> None:
        """Looks at a plan and at two of its prompts, then at the board."""
        url = f"/admin/videogen/renderbatch/{self.person['batch']}/plan/"
        html = await self._open("plan page", url)
        rows = _found(_ROWS, html)
        for _ in range(2):
            await self._think()
            if rows:
                await self._get("plan row", random.choice(rows))
        await self._think()
        await self._open("board", f"/admin/storybook/story/{self.person['story']}/board/")
        await self._think()

    async def _viewer(self) -> None:
        """Opens the first page, the board, and plays clips."""
        await self._open("dashboard", "/admin/")
        await self._think()
        html = await self._open("board", f"/admin/storybook/story/{self.person['story']}/board/")
        clips = _found(_CLIPS, html)
        for _ in range(3):
            await self._think()
            if clips:
                await self._clip(random.choice(clips))
        await self._takes(html)

    async def _takes(self, board: str) -> None:
        await self._think()
        if shots := _found(_SHOT, board):
            await self._open("takes page", f"/admin/storybook/shot/{random.choice(shots)}/takes/")
            await self._think()

    async def _think(self) -> None:
        await asyncio.sleep(random.uniform(*THINKS))

    # -- what a browser does

    async def _open(self, kind: str, url: str) -> str:
        """The page, and what it names."""
        self._leave()
        html = await self._get(kind, url)
        if sheets := _found(_SHEETS, html):
            await self._all(self._get("style or script", each) for each in sheets)
        pictures = _found(_PICTURES, html)[:PICTURES_IN_SIGHT]
        await self._all(self._get("poster", each) for each in pictures)
        await self._all(self._begin(each) for each in _found(_VIDEOS, html)[:CONNECTIONS])
        if live := _found(_LIVE, html):
            since = next(iter(_found(_SINCE, html)), "")
            self._live = asyncio.create_task(self._keep_up(kind, live[0], since))
        return html

    def _leave(self) -> None:
        if self._live:
            self._live.cancel()
            self._live = None

    async def _keep_up(self, kind: str, url: str, since: str) -> None:
        """As live.js does: the first time after three seconds, later ones after ever longer waits,
        until something is new."""
        wait = 3.0
        while True:
            await asyncio.sleep(wait)
            sign = "&" if "?" in url else "?"
            answer = await self._json(
                f"{kind}: live", f"{url}{sign}since={since}" if since else url
            )
            wait = 3.0 if answer.get("parts") and since else min(wait * 1.5, 60.0)
            since = answer.get("since", "")
            if not answer.get("active"):
                return

    async def _all(self, requests: Iterable[Awaitable[Any]]) -> None:
        await asyncio.gather(*requests)

    async def _json(self, kind: str, url: str) -> dict[str, Any]:
        text = await self._get(kind, url, Accept="application/json")
        return json.loads(text) if text else {"entries": []}

    async def _post(self, kind: str, url: str, data: dict[str, str]) -> None:
        headers = {"X-CSRFToken": self._csrf, "Accept": "application/json"}
        await self._timed(kind, "POST", url, headers, data=data)

    async def _get(self, kind: str, url: str, **headers: str) -> str:
        until, etag = self._kept.get(url, (0.0, ""))
        if until > time.monotonic():
            return ""
        if etag:
            headers["If-None-Match"] = etag
        return await self._timed(kind, "GET", url, headers)

    async def _clip(self, url: str) -> None:
        await self._timed("clip", "GET", url, {"Range": "bytes=0-"})

    async def _begin(self, url: str) -> None:
        """What preload="metadata" loads: the browser stops reading where it knows enough."""
        headers = {"Range": f"bytes=0-{BEGINNING_OF_A_CLIP - 1}"}
        await self._timed("beginning of a clip", "GET", url, headers)

    async def _timed(
        self, kind: str, method: str, url: str, headers: dict[str, str], **more: Any
    ) -> str:
        text = ""
        async with self._connections:
            began = time.perf_counter()
            try:
                async with self._client.stream(method, url, headers=headers, **more) as answer:
                    if answer.headers.get("Content-Type", "").startswith(("text/html", "applic")):
                        text = (await answer.aread()).decode()
                    else:
                        async for _ in answer.aiter_raw():
                            pass
                # 409: another person has judged the take before. The room says so and goes on.
                expected = (200, 206, 304, 409) if kind == "verdict" else (200, 206, 304)
                problem = "" if answer.status_code in expected else str(answer.status_code)
                self._keep(method, url, answer)
            except httpx.TransportError as error:
                problem = type(error).__name__
            seconds = time.perf_counter() - began
        if self.told.is_measured:
            self.told.times[kind].append(seconds)
            if problem:
                self.told.errors[f"{kind}: {problem}"] += 1
        return text

    def _keep(self, method: str, url: str, answer: httpx.Response) -> None:
        if method != "GET" or answer.status_code not in (200, 304) or "/admin/" in url:
            return
        age = re.search(r"max-age=(\d+)", answer.headers.get("Cache-Control", ""))
        fresh = time.monotonic() + int(age[1]) if age else 0.0
        self._kept[url] = (fresh, answer.headers.get("ETag", ""))


async def _open_all(given: dict[str, Any], port: int) -> Told:
    told = Told()
    browsers = [Browser(each, given, told, port) for each in given["people"]]
    random.seed(1)
    ends_at = time.monotonic() + BEGIN_WITHIN + MEASURED

    async def live(browser: Browser) -> None:
        await asyncio.sleep(random.uniform(0, BEGIN_WITHIN - 5))
        await browser.run(ends_at)

    running = [asyncio.create_task(live(each)) for each in browsers]
    await asyncio.sleep(BEGIN_WITHIN)
    told.is_measured = True
    began, before = time.process_time(), _busy()
    await asyncio.sleep(MEASURED)
    told.is_measured = False
    busy, idle = (now - then for now, then in zip(_busy(), before, strict=True))
    told.share = (time.process_time() - began) / MEASURED
    told.busy = busy / (busy + idle)
    for each in running:
        each.cancel()
    ended = await asyncio.gather(*running, return_exceptions=True)
    for each in ended:
        if isinstance(each, Exception):
            raise each
    for browser in browsers:
        await browser.close()
    return told


def _busy() -> tuple[int, int]:
    """Ticks of all processors: at work, and idle."""
    values = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle = values[3] + values[4]
    return sum(values) - idle, idle


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        _fill(Path(sys.argv[2]))
    else:
        given = json.loads(Path(sys.argv[2]).read_text())
        sys.stdout.write(json.dumps(vars(asyncio.run(_open_all(given, int(sys.argv[3]))))))
