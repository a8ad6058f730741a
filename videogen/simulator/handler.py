"""HTTP in and out: reads a request, finds what it asks for, answers or fails as scripted."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import select
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from videogen.simulator import (
    answers,
    control,
    delivery,
    interactions,
    listing,
    storage,
    vertex,
)
from videogen.simulator.answers import ApiError
from videogen.simulator.catalogue import get_model, listed_models
from videogen.simulator.faults import FaultSpec
from videogen.simulator.journal import describe_refusal, describe_request, submission_entry
from videogen.simulator.operations import answer, metadata
from videogen.simulator.validation import check_submission, parse_body

if TYPE_CHECKING:
    from videogen.simulator.server import SimulatorServer

logger = logging.getLogger(__name__)

KEY_HEADER = "x-goog-api-key"
JSON = "application/json; charset=UTF-8"
MAX_BODY = 128 * 1024 * 1024
HANG_SECONDS = 3600.0
SLOW_SECONDS = 5.0


class SimulatorHandler(BaseHTTPRequestHandler):
    """What both listeners share: reading bodies, sending answers, misbehaving."""

    protocol_version = "HTTP/1.1"
    server_version = "VeoSimulator"
    sys_version = ""
    # Headers and body leave in two writes; Nagle would hold the second for 40 ms.
    disable_nagle_algorithm = True
    # Seconds after which an idle kept-alive connection is closed.
    timeout = 300

    @property
    def simulator(self) -> SimulatorServer:
        return self.server.simulator

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_HEAD = do_DELETE = do_GET

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            self.body = self._read_body()
            self.answer_request(parts.path)
        except ApiError as error:
            self.send_body(error.code, JSON, error.body)
        except OSError:
            # The client went away, or the simulator is stopping.
            self.close_connection = True
        except Exception:
            if self.simulator.stopping.is_set():
                # `stop` closes sockets under the threads that wait on them.
                self.close_connection = True
                return
            logger.exception("The simulator failed on %s %s", self.command, parts.path)
            error = answers.internal()
            self.send_body(error.code, JSON, error.body)

    def answer_request(self, path: str) -> None:
        raise NotImplementedError

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise ApiError(411, "Send a Content-Length: chunked bodies are not supported.")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            raise ApiError(413, f"Request payload size exceeds the limit: {MAX_BODY} bytes.")
        return self.rfile.read(int(length))

    def send_body(
        self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, value: Any) -> None:
        self.send_body(200, JSON, json.dumps(value, ensure_ascii=False, indent=2).encode())

    def drop(self) -> None:
        """Ends the connection without another byte."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def hang(self, seconds: float) -> None:
        """Says nothing until the client gives up, then ends the connection."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.simulator.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.drop()

    def pause(self, seconds: float) -> None:
        self.simulator.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Not the request line: a query may hold a key."""
        logger.debug("%s %s", self.command, urlsplit(self.path).path)


class MirrorHandler(SimulatorHandler):
    """Another host's storage: serves signed links without a key; a key shown to it has leaked."""

    def answer_request(self, path: str) -> None:
        if self.headers.get(KEY_HEADER) or self.headers.get("Authorization") or "key" in self.query:
            self.simulator.journal.add_violation(
                time.time(), "leaked_key", f"{self.command} {path} came with a key on another host."
            )
        match = re.fullmatch(r"/signed/([a-z0-9]+)\.mp4", path)
        operation = self.simulator.store.find_file(match[1], time.time()) if match else None
        if operation is None:
            raise answers.route_not_found(path)
        self.simulator.journal.count(operation.name, "mirror_downloads")
        delivery.send_clip(self, operation, match[1])


class ApiHandler(SimulatorHandler):
    """The paths of the Gemini API, of Vertex AI and of Cloud Storage, and the control endpoint."""

    def answer_request(self, path: str) -> None:
        if path.startswith("/_simulator/"):
            if not ipaddress.ip_address(self.client_address[0]).is_loopback:
                raise ApiError(403, "The control endpoint answers on the loopback interface only.")
            control.answer_control(self, path.removeprefix("/_simulator/"))
            return
        method = "GET" if self.command == "HEAD" else self.command
        for wanted, pattern, action in ROUTES:
            if wanted == method and (match := pattern.fullmatch(path)):
                action(self, *match.groups())
                return
        raise answers.route_not_found(path)

    def check_key(self) -> None:
        """Raises Google's refusal unless the right key came in the header and nowhere else."""
        if "key" in self.query:
            self.simulator.journal.add_violation(
                time.time(), "key_in_query", f"{self.command} {urlsplit(self.path).path}"
            )
            raise answers.key_in_query()
        settings = self.simulator.settings
        given, expected = self.headers.get(KEY_HEADER, ""), settings.api_key
        if not given:
            raise answers.key_missing()
        if settings.key_revoked or expected and given != expected:
            raise answers.key_invalid()

    @property
    def base_url(self) -> str:
        """Links go to the name under which the client reached us, as the service's own links do."""
        host = self.headers.get("Host")
        return f"http://{host}" if host else self.simulator.url

    def submit(self, model: str) -> None:
        simulator = self.simulator
        entry = submission_entry(time.time(), model, key_ok=False)
        simulator.journal.add_submission(entry)
        try:
            self.check_key()
            entry["key_ok"] = True
            if simulator.is_retired(model):
                raise answers.model_retired(model)
            payload = parse_body(self.headers.get("Content-Type", ""), self.body)
            request = check_submission(model, payload)
            describe_request(entry, request)
            spec = simulator.faults.take("submit", request.prompt)
            if spec is not None:
                entry["fault"] = spec.fault
            if spec is None or spec.accepts:
                operation = simulator.accept(request, entry)
            if spec is not None and not self.misbehave(spec):
                return
        except ApiError as error:
            describe_refusal(entry, error)
            raise
        self.send_json({"name": operation.name})

    def misbehave(self, spec: FaultSpec) -> bool:
        """Does to this request what the fault says; True when it is still to be answered."""
        fault = spec.definition
        if fault.error is not None:
            raise fault.error(spec.params)
        if fault.raw is not None:
            self.send_body(200, *fault.raw)
        elif fault.effect == "drop":
            self.drop()
        elif fault.effect == "hang":
            self.hang(float(spec.params.get("seconds", HANG_SECONDS)))
        elif fault.effect == "slow":
            self.pause(float(spec.params.get("seconds", SLOW_SECONDS)))
            return True
        return False

    def poll(self, model: str, operation_id: str) -> None:
        self.check_key()
        name = f"models/{model}/operations/{operation_id}"
        operation = self.simulator.store.find(operation_id)
        if operation is None or operation.name != name:
            raise answers.operation_not_found(name)
        self.simulator.journal.count(name, "polls")
        spec = self.simulator.faults.take("poll", operation.prompt)
        if spec is not None and not self.misbehave(spec):
            return
        self.send_json(
            answer(self.simulator.advance(operation), self.base_url, metadata(operation))
        )

    def download(self, wanted: str) -> None:
        self.check_key()
        if self.query.get("alt") != "media":
            raise answers.invalid_argument("Downloads need alt=media.")
        operation = self.simulator.store.find_file(wanted, time.time())
        if operation is None or operation.parent:
            raise answers.file_not_found(wanted)
        interactions.check_active(self, operation, wanted)
        delivery.deliver(self, operation, wanted)

    def list_models(self) -> None:
        self.check_key()
        retired = self.simulator.is_retired
        models = [model for model in listed_models() if not retired(model.name)]
        self.send_json({"models": [model.resource for model in models]})

    def show_model(self, model: str) -> None:
        self.check_key()
        if self.simulator.is_retired(model):
            raise answers.model_retired(model)
        self.send_json(get_model(model))

    def show_keys(self) -> None:
        """What webhook events are signed with. Public: no key is asked for."""
        self.send_json(self.simulator.signer.key_set())


_NAME = r"([A-Za-z0-9._-]+)"
ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., None]], ...] = (
    ("POST", re.compile(rf"/v1beta/models/{_NAME}:predictLongRunning"), ApiHandler.submit),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}/operations/{_NAME}"), ApiHandler.poll),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}/operations"), listing.list_operations),
    ("GET", re.compile(rf"(?:/download)?/v1beta/files/{_NAME}:download"), ApiHandler.download),
    ("GET", re.compile(rf"/v1beta/files/{_NAME}"), interactions.show_file),
    ("POST", re.compile(r"/v1beta/interactions"), interactions.create),
    ("GET", re.compile(rf"/v1beta/interactions/{_NAME}"), interactions.show),
    ("POST", re.compile(rf"/v1beta/interactions/{_NAME}/cancel"), interactions.cancel),
    ("GET", re.compile(r"/v1beta/generatedFiles"), listing.list_generated_files),
    ("GET", re.compile(rf"/v1beta/generatedFiles/{_NAME}"), listing.show_generated_file),
    ("GET", re.compile(r"/\.well-known/jwks\.json"), ApiHandler.show_keys),
    ("GET", re.compile(r"/v1beta/models"), ApiHandler.list_models),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}"), ApiHandler.show_model),
    *vertex.ROUTES,
    *storage.ROUTES,
)
