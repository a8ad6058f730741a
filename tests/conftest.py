"""Every test has folders, settings and a far end of its own: nothing of the machine's .env, its
clusters or the network gets in."""

from __future__ import annotations

import os
import ssl
import threading
from functools import cache
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from storybook.store_address import read_store_address
from videogen.simulator.faults import FaultSpec
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.server import SimulatorServer

from .support.databases import copy_into, migrated_file
from .support.far_end import KEY, LATENCY, NOWHERE, FarEnd
from .support.object_stores import StoreServer
from .support.scheduling import Scheduling

# The product's defaults, with a far end that nobody answers.
SETTINGS = {
    "GEMINI_API_KEY": KEY,
    "VIDEO_API_BASE_URL": NOWHERE,
    "VIDEO_VERTEX_PROJECT": "studio-project",
    "VIDEO_VERTEX_LOCATION": "us-central1",
    "VIDEO_VERTEX_BASE_URL": NOWHERE,
    "VIDEO_VERTEX_STORAGE_URI": "",
    "VIDEO_STORAGE_BASE_URL": NOWHERE,
    "VIDEO_BACKEND": "simulator",
    "VIDEO_MODEL": "veo-3.1-generate-preview",
    "VIDEO_ASPECT_RATIO": "16:9",
    "VIDEO_RESOLUTION": "1080p",
    "VIDEO_DURATION_SECONDS": 8,
    "VIDEO_SEED": None,
    "VIDEO_NEGATIVE_PROMPT": "",
    "VIDEO_PERSON_GENERATION": "",
    "VIDEO_USE_KEY_FRAMES": True,
    "VIDEO_PROMPT_LIMIT_TOKENS": 1024,
    "VIDEO_PROMPT_LIMIT_BLOCKS": False,
    "VIDEO_BUDGET_USD": None,
    "VIDEO_PRICE_USD_PER_SECOND": None,
    "VIDEO_MAX_IN_FLIGHT": 64,
    "VIDEO_SUBMISSIONS_PER_MINUTE": None,
    "VIDEO_SUBMISSIONS_PER_DAY": None,
    "VIDEO_SPEND_WINDOW_USD": None,
    "VIDEO_SPEND_WINDOW_SECONDS": 600.0,
    "VIDEO_WORKERS": 4,
    "VIDEO_POLL_SECONDS": 0.02,
    "VIDEO_SUBMIT_TIMEOUT_SECONDS": 10.0,
    "VIDEO_POLL_TIMEOUT_SECONDS": 10.0,
    "VIDEO_OPERATION_DEADLINE_MINUTES": 1.0,
    "VIDEO_RETRY_AUDIO_BLOCK": False,
    "VIDEO_DOWNLOAD_TIMEOUT_SECONDS": 10.0,
    "VIDEO_DOWNLOAD_DEADLINE_MINUTES": 1.0,
    "VIDEO_DOWNLOADS_AT_ONCE": 8,
    "VIDEO_DOWNLOAD_ATTEMPTS": 3,
    "VIDEO_DOWNLOAD_MAX_BYTES": 100 * 1024**2,
    "VIDEO_MOST_PATHS": 200,
    "VIDEO_STILL_SECONDS": 3.0,
    "VIDEO_CARD_SECONDS": 2.5,
    "VIDEO_RECONCILE_MINUTES": 15.0,
    "VIDEO_SUBMIT_WEBHOOK_URI": "",
    "VIDEO_RECEIVE_WEBHOOK_SECRET": "",
    "VIDEO_SITE_URL": "",
    "VIDEO_NOTICE_EMAILS": [],
    "VIDEO_NOTICE_WEBHOOK_URL": "",
    "VIDEO_NOTICE_WEBHOOK_SECRET": "",
    "VIDEO_NOTICE_WEBHOOK_TIMEOUT_SECONDS": 5.0,
    "EMAIL_HOST": "",
    "EMAIL_HOST_USER": "",
    "EMAIL_HOST_PASSWORD": "",
    "EMAIL_USE_TLS": False,
    "EMAIL_USE_SSL": False,
    # What guards a real password costs half a second for each user of a test.
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GOOGLE_API_KEY", "GEMINI_API_KEY")


# Once, not for every test: each setting that changes is announced to all who keep one, and what a
# test changes itself is set back by `settings` and `monkeypatch`.
@pytest.fixture(scope="session", autouse=True)
def defaults():
    with pytest.MonkeyPatch.context() as environment, override_settings(**SETTINGS):
        for name in VARIABLES:
            environment.delenv(name, raising=False)
            environment.delenv(name.lower(), raising=False)
        yield


# Every HTTP client reads the certificates of all authorities, and the SDK's has two of them: 25 ms
# each time, for tests that speak plain HTTP or bring a certificate of their own.
@pytest.fixture(scope="session", autouse=True)
def certificates():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path):
    """Folders of the test's own."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STATE_DIR = tmp_path / "state"
    # A cluster tells through the cache that it runs; those of this machine are not meant.
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(tmp_path),
        }
    }


@pytest.fixture(scope="session")
def store_server(tmp_path_factory):
    """A real object store on loopback."""
    with StoreServer(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def object_store(store_server, settings, monkeypatch):
    """The media are in the object store, under a prefix of the test's own."""
    for name, value in store_server.environment().items():
        monkeypatch.setenv(name, value)
    settings.MEDIA_STORE_URL = os.environ["MEDIA_STORE_URL"]
    address = read_store_address(settings.MEDIA_STORE_URL, os.environ)
    settings.MEDIA_STORE_THROUGH_APP = False
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "storybook.object_store.ObjectStore",
            "OPTIONS": address.options,
        },
    }
    return address


@pytest.fixture(scope="session")
def migrated_database(request, tmp_path_factory):
    """A SQLite file with every table, for copies."""
    if kept := os.environ.get("VIDEO_TEST_TABLES_IN"):
        # Many runs of the same tables, one after the other: see tests/faults.
        return migrated_file(Path(kept))
    folder = tmp_path_factory.getbasetemp()
    # A worker's folder lies in that of the whole run.
    return migrated_file(folder.parent if hasattr(request.config, "workerinput") else folder)


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_modify_db_settings):
    """As pytest-django does it, but without the migrations where the database is in memory."""
    if connection.vendor == "sqlite":
        copy_into(request.getfixturevalue("migrated_database"), connection)
    request.getfixturevalue("django_db_setup")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


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
