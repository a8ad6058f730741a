"""`make production-check`: the stack of one host, without containers, renders the sample story.

PostgreSQL, Redis, the object store, gunicorn and workers are real processes with the settings of
`deploy/`. A PostgreSQL or Redis that runs on this machine is used (VIDEO_TEST_POSTGRES_URL,
VIDEO_TEST_REDIS_URL, else the usual ports); otherwise their programs are started from the PATH.
Only the video API is the simulator. Prints a line for each step; exit code 1 at the first that
fails.

    python -m tests.production_check [--keep]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from tests.support.object_stores import StoreServer

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
STORY = "the-night-the-tide-forgot"
SAMPLE = ROOT / "storybook" / "sample" / STORY
HOST = "videogen.example"
# What a proxy in front that ends TLS sends along.
FROM_PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
HALF_A_MINUTE = 30

console = Console(highlight=False, soft_wrap=True)


class NotAsItMustBe(Exception):
    """The sentence says what is wrong."""


def wait_until(is_so: Callable[[], object], seconds: float, what: str) -> float:
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise NotAsItMustBe(f"{what}: not within {seconds:.0f} s.")
        time.sleep(0.1)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- The servers that the machine runs, or else their programs ------------------------------------


def answers(url: str) -> bool:
    try:
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port or 0), timeout=2):
            return True
    except OSError:
        return False


def program(name: str, *folders: str) -> str:
    found = shutil.which(name) or next(
        (str(each) for folder in folders for each in sorted(Path("/").glob(f"{folder}/{name}"))), ""
    )
    if not found:
        raise NotAsItMustBe(
            f"Nothing listens on the usual port, and {name} is not on the PATH. Install it."
        )
    return found


@contextmanager
def running(*command: str, user: str | None = None, **options: Any) -> Iterator[None]:
    child = subprocess.Popen(command, user=user, start_new_session=True, **options)
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a server on which databases may be made."""
    url = os.environ.get("VIDEO_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    if answers(url):
        yield url
        return
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    data, port = folder / "postgres", free_port()
    data.mkdir()
    if user:
        shutil.chown(data, user)
    initdb = program("initdb", "usr/lib/postgresql/*/bin")
    made = subprocess.run(
        [initdb, "--auth=trust", "--username=postgres", f"--pgdata={data}"],
        user=user,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise NotAsItMustBe(f"initdb: {made.stderr}")
    server = program("postgres", "usr/lib/postgresql/*/bin")
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    with (
        (folder / "postgres.log").open("w") as log,
        running(
            server, "-D", str(data), "-p", str(port), "-k", "", user=user, stdout=log, stderr=log
        ),
    ):
        wait_until(lambda: answers(url), HALF_A_MINUTE, "PostgreSQL starts")
        yield url


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of an empty database of a Redis."""
    url = os.environ.get("VIDEO_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
    if answers(url):
        from redis import Redis

        with Redis.from_url(url) as client:
            client.flushdb()
        yield url
        return
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with (
        (folder / "redis.log").open("w") as log,
        running(program("redis-server"), "--port", str(port), "--save", "", stdout=log, cwd=folder),
    ):
        wait_until(lambda: answers(url), HALF_A_MINUTE, "Redis starts")
        yield url


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    def execute(statement: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement)

    execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


# -- The host -------------------------------------------------------------------------------------


class Host:
    """gunicorn and workers with the settings of the kit, in a folder of their own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.metrics_token = secrets.token_urlsafe(16)
        # No variable of ours, or of the SDK of the store, reaches it from outside.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not re.match(r"VIDEO_|DJANGO_|STORY_|MEDIA_|AWS_|DATABASE_URL", name)
        }
        self.environment = inherited | {
            "PYTHON_DOTENV_DISABLED": "1",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_ALLOWED_HOSTS": HOST,
            "DJANGO_TRUSTED_ORIGINS": f"https://{HOST}",
            "DJANGO_BEHIND_TLS": "1",
            "DJANGO_PROXIES": "1",
            "DJANGO_STATIC_ROOT": str(folder / "static"),
            "VIDEO_SITE_URL": f"https://{HOST}",
            "VIDEO_METRICS_TOKEN": self.metrics_token,
            "VIDEO_STATE_DIR": str(folder / "state"),
            "MEDIA_ROOT": str(folder / "media"),
            "VIDEO_BACKEND": "simulator",
            "VIDEO_POLL_SECONDS": "1",
            "VIDEO_BUDGET_USD": "100",
            "GUNICORN_BIND": f"127.0.0.1:{self.port}",
            **environment,
        }

    def manage(self, *arguments: str, **extra: str) -> str:
        return self.run(sys.executable, "manage.py", *arguments, **extra)

    def run(self, *command: str, **extra: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment | extra, capture_output=True, text=True
        )
        if done.returncode:
            words = (done.stderr or done.stdout).strip()
            raise NotAsItMustBe(f"{' '.join(command[1:3])} ended with {done.returncode}: {words}")
        return done.stdout + done.stderr

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def get(self, path: str, **headers: str) -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(address, headers=FROM_PROXY | headers, timeout=20)

    def is_up(self, path: str) -> bool:
        try:
            return self.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def metrics(self) -> dict[tuple[str, ...], float]:
        response = self.get("/metrics", Authorization=f"Bearer {self.metrics_token}")
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }


def stop(child: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    if child.poll() is None:
        os.killpg(child.pid, how)
    try:
        child.wait(120)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextmanager
def step(name: str) -> Iterator[list[str]]:
    """Prints the step with the words that the block adds, and how long it took."""
    began, words = time.monotonic(), []
    yield words
    told = f" ({'; '.join(words)})" if words else ""
    console.print(f"  ok  {name}{told} [dim]{time.monotonic() - began:.1f} s[/]")


def log_in(host: Host) -> httpx.Client:
    """A browser behind the proxy, logged in as a superuser."""
    password = secrets.token_urlsafe(12)
    host.manage(
        "createsuperuser",
        "--no-input",
        "--username=operator",
        "--email=operator@videogen.example",
        DJANGO_SUPERUSER_PASSWORD=password,
    )
    browser = httpx.Client(
        base_url=f"http://127.0.0.1:{host.port}",
        headers=FROM_PROXY | {"Referer": f"https://{HOST}/admin/login/"},
        timeout=20,
    )
    page = browser.get("/admin/login/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    cookies = _cookies(browser)
    answer = browser.post(
        "/admin/login/?next=/admin/",
        data={
            "username": "operator",
            "password": password,
            "csrfmiddlewaretoken": token[1] if token else "",
        },
        headers={"Cookie": cookies},
    )
    if answer.status_code != 302:
        raise NotAsItMustBe(f"The login answers {answer.status_code}.")
    browser.headers["Cookie"] = _cookies(browser)
    return browser


def _cookies(browser: httpx.Client) -> str:
    """They are for TLS only, which ends at the proxy that is not here."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)


def rows(url: str) -> dict[str, int]:
    """The number of rows by table."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }


def check(folder: Path, stack: ExitStack) -> None:
    with step("PostgreSQL, Redis, object store"):
        server = stack.enter_context(postgres(folder))
        broker = stack.enter_context(redis(folder))
        (folder / "store").mkdir()
        store = stack.enter_context(StoreServer(folder / "store"))
        name = f"production_check_{os.getpid()}"
        url = stack.enter_context(database(server, name))
        second = stack.enter_context(database(server, f"{name}_restored"))
    host = Host(
        folder,
        {
            "DATABASE_URL": url,
            "VIDEO_QUEUE_REDIS_URL": broker,
            "MEDIA_STORE_THROUGH_APP": "1",
            **store.environment(),
        },
    )
    with step("check --deploy is silent, migrate, collectstatic"):
        host.manage("check", "--deploy", "--fail-level=WARNING")
        host.manage("migrate", "--no-input", "--verbosity=0")
        host.manage("collectstatic", "--no-input", "--verbosity=0")
    simulator = host.start(
        "simulator",
        sys.executable,
        "manage.py",
        "run_simulator",
        "--port=0",
        "--clips=quick",
        "--latency=2",
    )
    stack.callback(stop, simulator)
    log = folder / "simulator.log"
    wait_until(lambda: "http" in log.read_text(), HALF_A_MINUTE, "The simulator starts")
    host.environment["GOOGLE_GEMINI_BASE_URL"] = log.read_text().split()[-1]
    with step("gunicorn serves") as words:
        web = host.start(
            "gunicorn", str(BIN / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "storybook.wsgi"
        )
        stack.callback(stop, web)
        wait_until(lambda: host.is_up("/readyz"), HALF_A_MINUTE, "/readyz")
        browser = log_in(host)
        style = browser.get("/static/videogen/tokens.css", headers={"Accept-Encoding": "gzip"})
        if style.status_code != 200 or style.headers.get("Content-Encoding") != "gzip":
            raise NotAsItMustBe(f"Static files: {style.status_code} {dict(style.headers)}")
        words.append("login, static files compressed")
    with step("The doctor finds nothing that fails"):
        host.manage("doctor", "--json")
    with step("The sample story renders through workers, Redis and the store") as words:
        work = host.start("work", sys.executable, "manage.py", "work")
        stack.callback(lambda: stop(work))
        host.manage("import_story", str(SAMPLE))
        host.manage("run_task", "--task=CREATE_SHOT_VIDEO", f"--story-id={STORY}", "--wait")
        told = host.metrics()
        done = int(told["videogen_renders", "done"])
        if done != 16 or told["videogen_submissions", "accepted"] != 16:
            raise NotAsItMustBe(f"{done} of 16 renders are done: {told}")
        words.append(f"{done} takes, {int(told['videogen_download_bytes_total',]):,} bytes")
    with step("A clip plays through the application") as words:
        path = _video_path(url)
        piece = browser.get(f"/media/{path}", headers={"Range": "bytes=0-99"})
        if piece.status_code != 206 or len(piece.content) != 100:
            raise NotAsItMustBe(f"A range of {path}: {piece.status_code}")
        stranger = host.get(f"/media/{path}")
        if stranger.status_code == 200:
            raise NotAsItMustBe("A stranger gets a clip.")
        words.append("206; a stranger gets none")
    with step("The last worker dies while something waits") as words:
        stop(work, signal.SIGKILL)
        host.manage(
            "run_task",
            "--task=CREATE_SHOT_VIDEO",
            f"--story-id={STORY}",
            "--scenelet-id=the-dry-harbour",
            "--shot-index=1",
            "--mode=override",
            "--repeat",
            "--no-wait",
        )
        seconds = wait_until(
            lambda: host.get("/healthz").status_code == 503, HALF_A_MINUTE, "/healthz says 503"
        )
        words.append(f"/healthz 503 after {seconds:.0f} s")
        work = host.start("work", sys.executable, "manage.py", "work")
        wait_until(lambda: host.is_up("/healthz"), HALF_A_MINUTE, "/healthz with a new worker")
        wait_until(
            lambda: host.metrics()["videogen_renders", "done"] == 17, 120, "The take is made"
        )
    with step("Backup, and restore into an empty database") as words:
        stop(work)
        host.run(sys.executable, "deploy/backup", str(folder / "backup"))
        before = rows(url)
        host.environment |= {
            "DATABASE_URL": second,
            "VIDEO_STATE_DIR": str(folder / "state-restored"),
            "MEDIA_ROOT": str(folder / "media-restored"),
        }
        host.run(sys.executable, "deploy/restore", str(folder / "backup"))
        if rows(second) != before:
            raise NotAsItMustBe("The restored database has other rows.")
        digest = hashlib.sha256(repr(sorted(before.items())).encode()).hexdigest()[:8]
        words.append(f"{sum(before.values()):,} rows of {len(before)} tables, {digest}")
        host.manage("check", "--deploy", "--fail-level=WARNING")


def _video_path(url: str) -> str:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT video_file FROM videogen_videorender WHERE state = 'done' LIMIT 1"
        ).fetchone()
    return str(found[0]) if found else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.production_check")
    parser.add_argument("--keep", action="store_true", help="keep databases' logs and files")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="videogen-production-"))
    # A database server of our own runs as another user.
    folder.chmod(0o755)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            check(folder, stack)
    except NotAsItMustBe as error:
        console.print(f"[bold red]NOT ok[/]  {error}", markup=True)
        for log in sorted(folder.glob("*.log")):
            console.print(f"-- {log.name}\n{log.read_text()[-2000:]}", markup=False)
        return 1
    finally:
        if options.keep:
            console.print(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(f"The stack of one host renders a story. {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
