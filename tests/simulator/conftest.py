from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.simulator_calls import KEY, POLL_SECONDS, SUBMIT, link, submission
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.server import SimulatorServer


class Caller:
    """A client of one simulator that keeps to the protocol."""

    def __init__(self, simulator: SimulatorServer) -> None:
        self.simulator = simulator
        self.http = httpx.Client(
            base_url=simulator.url, headers={"x-goog-api-key": KEY}, timeout=10, trust_env=False
        )

    def submit(self, prompt: str = "A fox on a quay.") -> httpx.Response:
        return self.http.post(SUBMIT, json=submission(prompt))

    def poll(self, name: str) -> httpx.Response:
        return self.http.get(f"/v1beta/{name}")

    def wait(self, name: str) -> dict[str, Any]:
        """Polls until done."""
        while not (body := self.poll(name).json()).get("done"):
            self.simulator.stopping.wait(POLL_SECONDS)
        return body

    def render(self, prompt: str = "A fox on a quay.") -> str:
        """The link of a finished render."""
        return link(self.wait(self.submit(prompt).json()["name"]))

    def log(self) -> dict[str, Any]:
        return self.http.get("/_simulator/log").json()

    def script(self, at: str, fault: str, **spec: Any) -> None:
        answer = self.http.post("/_simulator/faults", json={"at": at, "fault": fault, **spec})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Caller]]:
    """Starts simulators with quick clips and no latency, unless told otherwise."""
    callers: list[Caller] = []

    def start(**options: Any) -> Caller:
        chosen = {"clips": "quick", "latency": 0.0, "state_dir": tmp_path / "state", **options}
        callers.append(Caller(SimulatorServer(SimulatorOptions(**chosen)).start()))
        return callers[-1]

    yield start
    for caller in callers:
        caller.http.close()
        caller.simulator.stop()


@pytest.fixture
def caller(start) -> Caller:
    return start()
