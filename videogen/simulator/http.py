"""HTTP whatever the path: read a request, send an answer, fail as scripted."""

from __future__ import annotations

import json
import logging
import select
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from videogen.simulator import errors
from videogen.simulator.errors import ApiError
from videogen.simulator.faults import FaultSpec
from videogen.simulator.state import Simulator

logger = logging.getLogger(__name__)

KEY_HEADER = "x-goog-api-key"
JSON = "application/json; charset=UTF-8"
MAX_BODY = 128 * 1024 * 1024
HANG_SECONDS = 3600.0
SLOW_SECONDS = 5.0


class SimulatorListener(ThreadingHTTPServer):
    """One port of a simulator, as the handlers of its requests know it."""

    simulator: Simulator


class SimulatorHandler(BaseHTTPRequestHandler):
    """What the handlers of both ports share: reading bodies, sending answers, failing."""

    server: SimulatorListener
    protocol_version = "HTTP/1.1"
    server_version = "VeoSimulator"
    sys_version = ""
    # Headers and body are two writes, and Nagle's algorithm would hold the second for 40 ms.
    disable_nagle_algorithm = True
    # Seconds after which an idle kept-alive connection is closed.
    timeout = 300

    @property
    def simulator(self) -> Simulator:
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
            answer = errors.internal()
            self.send_body(answer.code, JSON, answer.body)

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
        """End the connection without another byte."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def hang(self, seconds: float) -> None:
        """Send nothing until the client gives up, then end the connection."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.simulator.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.drop()

    def pause(self, seconds: float) -> None:
        self.simulator.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Log the path alone, because the query of a request line may hold a key."""
        logger.debug("%s %s", self.command, urlsplit(self.path).path)


class EndpointHandler(SimulatorHandler):
    """What the endpoints need of a request: its key, the address it came to, its scripted fault."""

    def check_key(self) -> None:
        """Raise Google's refusal unless the right key came in the header and nowhere else."""
        if "key" in self.query:
            self.simulator.journal.add_violation(
                time.time(), "key_in_query", f"{self.command} {urlsplit(self.path).path}"
            )
            raise errors.key_in_query()
        settings = self.simulator.settings
        given, expected = self.headers.get(KEY_HEADER, ""), settings.api_key
        if not given:
            raise errors.key_missing()
        if settings.key_revoked or expected and given != expected:
            raise errors.key_invalid()

    @property
    def base_url(self) -> str:
        """The address under which the client reached us. Links lead there, as Google's do."""
        host = self.headers.get("Host")
        return f"http://{host}" if host else self.simulator.url

    def misbehave(self, spec: FaultSpec) -> bool:
        """Do what the fault says. Return whether the request still has to be answered."""
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
