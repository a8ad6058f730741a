"""Every test has folders, settings and a far end of its own: nothing of the machine's .env, its
clusters or the network gets in."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from videogen.simulator.faults import FaultSpec
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.server import SimulatorServer

KEY = "AIzaSy-not-a-real-key"
# Nobody listens on the discard port: what should not be called is refused at once.
NOWHERE = "http://127.0.0.1:9"
LATENCY = 0.05


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path, monkeypatch):
    """The product's defaults in folders of the test's own, with a far end that nobody answers."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STATE_DIR = tmp_path / "state"
    # A cluster tells through the cache that it runs; those of this machine are not meant.
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(tmp_path),
        }
    }
    settings.GEMINI_API_KEY = KEY
    settings.VIDEO_API_BASE_URL = NOWHERE
    settings.VIDEO_VERTEX_PROJECT = "studio-project"
    settings.VIDEO_VERTEX_LOCATION = "us-central1"
    settings.VIDEO_VERTEX_BASE_URL = NOWHERE
    settings.VIDEO_VERTEX_STORAGE_URI = ""
    settings.VIDEO_STORAGE_BASE_URL = NOWHERE
    settings.VIDEO_BACKEND = "simulator"
    settings.VIDEO_MODEL = "veo-3.1-generate-preview"
    settings.VIDEO_ASPECT_RATIO = "16:9"
    settings.VIDEO_RESOLUTION = "1080p"
    settings.VIDEO_DURATION_SECONDS = 8
    settings.VIDEO_SEED = None
    settings.VIDEO_NEGATIVE_PROMPT = settings.VIDEO_PERSON_GENERATION = ""
    settings.VIDEO_USE_KEY_FRAMES = True
    settings.VIDEO_PROMPT_LIMIT_TOKENS = 1024
    settings.VIDEO_PROMPT_LIMIT_BLOCKS = False
    settings.VIDEO_BUDGET_USD = None
    settings.VIDEO_PRICE_USD_PER_SECOND = None
    settings.VIDEO_MAX_IN_FLIGHT = 64
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = None
    settings.VIDEO_SUBMISSIONS_PER_DAY = None
    settings.VIDEO_SPEND_WINDOW_USD = None
    settings.VIDEO_SPEND_WINDOW_SECONDS = 600.0
    settings.VIDEO_WORKERS = 4
    settings.VIDEO_POLL_SECONDS = 0.02
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 10.0
    settings.VIDEO_POLL_TIMEOUT_SECONDS = 10.0
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 1.0
    settings.VIDEO_RETRY_AUDIO_BLOCK = False
    settings.VIDEO_DOWNLOAD_TIMEOUT_SECONDS = 10.0
    settings.VIDEO_DOWNLOAD_DEADLINE_MINUTES = 1.0
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 3
    settings.VIDEO_RECONCILE_MINUTES = 15.0
    settings.VIDEO_SUBMIT_WEBHOOK_URI = ""
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = ""
    settings.VIDEO_DOWNLOAD_MAX_BYTES = 100 * 1024**2
    settings.VIDEO_SITE_URL = ""
    settings.VIDEO_NOTICE_EMAILS = []
    settings.VIDEO_NOTICE_WEBHOOK_URL = ""
    settings.VIDEO_NOTICE_WEBHOOK_SECRET = ""
    settings.VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS = 5.0
    for name in ("HOST", "HOST_USER", "HOST_PASSWORD"):
        setattr(settings, f"EMAIL_{name}", "")
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory):
    options = SimulatorOptions(
        clips="quick",
        latency=LATENCY,
        file_latency=LATENCY,
        state_dir=tmp_path_factory.mktemp("simulator"),
    )
    with SimulatorServer(options) as server:
        yield server


@pytest.fixture
def simulator(running_simulator, settings):
    """The far end, without memory of earlier tests; the product is pointed at it."""
    running_simulator.reset()
    settings.VIDEO_API_BASE_URL = running_simulator.url
    settings.VIDEO_VERTEX_BASE_URL = settings.VIDEO_STORAGE_BASE_URL = running_simulator.url
    yield running_simulator
    # What waits for an answer that never comes must not wait into the next test.
    running_simulator.reset()


@pytest.fixture
def fail(simulator):
    """fail("submit", "hang", times=2, seconds=1): what goes wrong at the far end from now on."""

    def fail(at, fault, *, times=1, after=0, match="", **params):
        spec = {"at": at, "fault": fault, "times": times, "after": after, "match": match}
        simulator.faults.add([FaultSpec.from_json({**spec, "params": params})])

    return fail


@pytest.fixture
def log(simulator):
    """What the far end has received: log()["submissions"]…"""
    return simulator.journal.snapshot


class FarEnd(ThreadingHTTPServer):
    """A server that answers as told and remembers what it was asked, for answers that the
    simulator does not know: the answers in their order, the last one for ever."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _FarEndHandler)
        self.answers = []
        self.requests = []
        self.connections = set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, status, body=b"", *, seconds=0, pauses=(), **headers):
        """After so many seconds; pauses: those within the body."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, headers, body, (seconds, *pauses)))


class _FarEndHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second one would wait for the first one's receipt.
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.connections.add(self.client_address)
        self.server.requests.append((self.command, self.path, headers, body))
        answers = self.server.answers
        status, headers, body, (seconds, *pauses) = (
            answers.pop(0) if len(answers) > 1 else answers[0]
        )
        time.sleep(seconds)
        self.send_response(status)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for pause in pauses:
            self.wfile.write(body[:1])
            body = body[1:]
            time.sleep(pause)
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format, *args):
        pass


@pytest.fixture
def start_far_end():
    """Starts servers that answer as told."""
    servers = []

    def start():
        server = FarEnd()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def far_end(start_far_end):
    return start_far_end()
