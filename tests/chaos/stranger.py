"""A server that speaks the video API's HTTP and shares no code with the product or its simulator.

It reads requests strictly, writes raw bytes, and leaves the answer of every request to the
scenario whose mark stands in the submission's prompt. What it accepted is its own record.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MODEL = "veo-3.1-generate-preview"
JSON = "application/json; charset=UTF-8"
LONGEST_BODY = 64 * 1024 * 1024


@dataclass
class Exchange:
    """One request, with what a scenario needs to answer it. `nth` counts this operation's requests
    of the same kind from 1 (of a submission: this prompt's)."""

    server: Stranger
    connection: socket.socket
    kind: str
    path: str
    headers: dict[str, str]
    prompt: str
    operation: str
    nth: int

    # -- right answers

    @property
    def name(self) -> str:
        return f"models/{MODEL}/operations/{self.operation}"

    @property
    def uri(self) -> str:
        return f"{self.server.url}/v1beta/files/{self.operation}:download?alt=media"

    def accept(self) -> str:
        """Book the submission as accepted, and so paid; the operation's name."""
        with self.server.lock:
            self.server.accepted[self.name] = hashlib.sha256(self.prompt.encode()).hexdigest()
        return self.name

    def done(self, **response: object) -> bytes:
        answer = {"name": self.name, "done": True}
        if response:
            answer["response"] = {"generateVideoResponse": response}
        return json.dumps(answer).encode()

    def finished(self, uri: object = None) -> bytes:
        return self.done(generatedSamples=[{"video": {"uri": self.uri if uri is None else uri}}])

    def default(self) -> None:
        """What the API would say if nothing were wrong."""
        if self.kind == "submit":
            self.answer(json.dumps({"name": self.accept()}))
        elif self.kind == "poll":
            self.answer(self.finished() if self.nth > 1 else json.dumps({"name": self.name}))
        else:
            self.send_file(self.server.clip_of(self.operation))

    # -- bytes

    def answer(
        self,
        body: bytes | str,
        status: str = "200 OK",
        content_type: str = JSON,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body) if length is None else length}"]
        self.raw("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)

    def send_file(self, content: bytes, etag: str = '"one"', status: str = "") -> None:
        """With Range, as a careful server does it."""
        headers = {"ETag": etag, "Accept-Ranges": "bytes"} if etag else {}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if asked and self.headers.get("if-range", etag) == etag and int(asked[1]) < len(content):
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(content[start:], "206 Partial Content", "video/mp4", headers)
        else:
            self.answer(content, status or "200 OK", "video/mp4", headers)

    def raw(self, content: bytes) -> None:
        self.connection.sendall(content)

    def drip(self, content: bytes, seconds: float, *, pause: float = 0.2) -> None:
        """A byte at a time, over and over, for so long or until the client goes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.server.stopping.is_set():
            for byte in content:
                self.raw(bytes([byte]))
                time.sleep(pause)

    def reset(self) -> None:
        """Not a close but an RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Answer = Callable[[Exchange], None]


@dataclass
class Stranger:
    """scenarios: by mark, the answers at submit, poll and download; what is missing is right.
    clip: a playable file."""

    scenarios: dict[str, dict[str, Answer]]
    clip: bytes
    key: str
    accepted: dict[str, str] = field(default_factory=dict)
    submitted: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._marks: dict[str, str] = {}
        self._prompts: dict[str, str] = {}
        self._servers = [_Server(self, is_api=True), _Server(self, is_api=False)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def other_url(self) -> str:
        """Another host, to which no key may come."""
        return f"http://127.0.0.1:{self._servers[1].server_address[1]}"

    def clip_of(self, operation: str) -> bytes:
        """Every operation's own content: a trailing box that players skip."""
        return self.clip + struct.pack(">I4s", 8 + len(operation), b"free") + operation.encode()

    def stop(self) -> None:
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def serve(self, connection: socket.socket, *, is_api: bool) -> None:
        method, path, headers, body = _read_request(connection)
        if not is_api and "x-goog-api-key" in headers:
            self.violations.append(f"{method} {path} brought the key to another host")
        if is_api and headers.get("x-goog-api-key") != self.key:
            self.violations.append(f"{method} {path} came without the key")
        if self.key in path:
            self.violations.append(f"{method} {path} has the key in it")
        exchange = self._exchange(connection, method, path, headers, body)
        if exchange is None:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        mark = self._marks[exchange.operation]
        answer = self.scenarios.get(mark, {}).get(exchange.kind)
        if answer is None:
            exchange.default()
        else:
            answer(exchange)

    def _exchange(
        self, connection: socket.socket, method: str, path: str, headers: dict, body: bytes
    ) -> Exchange | None:
        if method == "POST" and path.split("?")[0].endswith(":predictLongRunning"):
            kind, prompt = "submit", json.loads(body)["instances"][0]["prompt"]
            digest = hashlib.sha256(prompt.encode()).hexdigest()
            operation = digest[:16]
            mark = re.search(r"stranger (\d+):", prompt)
            with self.lock:
                self.submitted[digest] += 1
                self._marks[operation] = mark[1] if mark else ""
                self._prompts[operation] = prompt
        elif found := re.search(r"/(operations|files)/([0-9a-f]{16})\b", path):
            kind, operation = ("poll" if found[1] == "operations" else "download"), found[2]
        else:
            return None
        if operation not in self._prompts:
            return None
        with self.lock:
            self._counts[kind, operation] += 1
            nth = self._counts[kind, operation]
        prompt = self._prompts[operation]
        return Exchange(self, connection, kind, path, headers, prompt, operation, nth)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, stranger: Stranger, *, is_api: bool) -> None:
        self.stranger, self.is_api = stranger, is_api
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.settimeout(30)
        try:
            self.server.stranger.serve(self.request, is_api=self.server.is_api)
        except (OSError, EOFError):
            return  # the client has gone, which is its right


def _read_request(connection: socket.socket) -> tuple[str, str, dict[str, str], bytes]:
    """Raises EOFError where less than a request comes."""
    with connection.makefile("rb") as file:
        first = file.readline(65_536).decode("latin-1").split()
        if len(first) != 3:
            raise EOFError
        headers = {}
        while (line := file.readline(65_536).decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        if length > LONGEST_BODY:
            raise EOFError
        return first[0], first[1], headers, file.read(length)
