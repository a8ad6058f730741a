from __future__ import annotations

import json
import logging
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.factories import picture_bytes
from videogen.providers import credentials as sign_in
from videogen.providers.messages import PollAnswer, ReferenceImage, Running, VideoRequest
from videogen.providers.registry import open_client


@dataclass
class RouteClient:
    """One of the product's routes, and what a test has to know of it. `secret`: what must stay in
    headers; `base_url`: the setting that says where the API is."""

    route: str
    model: str
    secret: str
    base_url: str
    operation: str
    # What a far end answers to a submission and to a poll, so that the one has a name and the
    # other has not ended.
    running: dict[str, Any] = field(default_factory=dict)

    def open(self, *, submits: bool = False) -> Any:
        return open_client(self.route, submits=submits)

    def request(self, **values: Any) -> VideoRequest:
        return VideoRequest(
            **{
                "model": self.model,
                "prompt": '{"storyboard_payload": "灯 🏮"}',
                "references": (ReferenceImage("image/png", picture_bytes()),),
                "reference_type": "asset",
                "aspect_ratio": "16:9",
                "resolution": "1080p",
                "duration_seconds": 8,
            }
            | values
        )

    def submit(self, **values: Any) -> str:
        client = self.open(submits=True)
        client.prepare()
        return client.submit(self.request(**values))

    def poll_until_done(self, operation_name: str, *, seconds: float = 20) -> PollAnswer:
        client = self.open()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = client.poll(operation_name)
            if answer != Running():
                return answer
            time.sleep(0.02)
        raise AssertionError("The operation did not end.")


GEMINI = RouteClient(
    "gemini",
    "veo-3.1-generate-preview",
    "AIzaSy-not-a-real-key",
    "VIDEO_API_BASE_URL",
    "models/veo-3.1-generate-preview/operations/abc123",
    {"name": "models/veo-3.1-generate-preview/operations/abc123"},
)
VERTEX = RouteClient(
    "vertex",
    "veo-3.1-generate-001",
    "simulated-access-token",
    "VIDEO_VERTEX_BASE_URL",
    "projects/studio-project/locations/us-central1/publishers/google/models/"
    "veo-3.1-generate-001/operations/abc123",
    {
        "name": "projects/studio-project/locations/us-central1/publishers/google/models/"
        "veo-3.1-generate-001/operations/abc123"
    },
)
OMNI = RouteClient(
    "omni",
    "gemini-omni-1.1-flash",
    "AIzaSy-not-a-real-key",
    "VIDEO_API_BASE_URL",
    "v1_abc123",
    {"id": "v1_abc123", "status": "in_progress"},
)


@pytest.fixture(params=[GEMINI, VERTEX, OMNI], ids=lambda each: each.route)
def route_client(request) -> RouteClient:
    """Every route in turn, for what all of them have to keep."""
    return request.param


@pytest.fixture
def vertex() -> RouteClient:
    return VERTEX


@pytest.fixture
def real_world(settings, monkeypatch, tmp_path, far_end):
    """Not simulating: credentials come from files, and a far end stands where Google is."""
    settings.VIDEO_BACKEND = "vertex"
    settings.VIDEO_VERTEX_BASE_URL = far_end.url
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    sign_in._default.cache_clear()
    yield far_end
    sign_in._default.cache_clear()


@pytest.fixture
def signed_in(real_world, monkeypatch, tmp_path, start_far_end):
    """Signed in as a service account; the server that gives it tokens is another far end."""
    token_server = start_far_end()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "adc.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "studio-project",
                "client_email": "renderer@studio-project.test",
                "private_key": key.decode(),
                "token_uri": f"{token_server.url}/token",
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return token_server


@pytest.fixture(autouse=True)
def process_state():
    """A command that runs in this process sets its own log level and signals: they are set back."""
    logger = logging.getLogger("videogen")
    level, handler = logger.level, signal.getsignal(signal.SIGTERM)
    yield
    logger.setLevel(level)
    signal.signal(signal.SIGTERM, handler)
