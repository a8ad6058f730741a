"""The simulator as one object: options in, a running server with a URL out.

    with SimulatorServer(SimulatorOptions(clips="quick", latency=0.2)) as simulator:
        client = genai.Client(api_key="any", http_options=HttpOptions(base_url=simulator.url))

`handler` speaks HTTP and asks this object; `operations` remembers; `studio` paints.
"""

from __future__ import annotations

import logging
import random
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from videogen.simulator.answers import credits_depleted
from videogen.simulator.faults import FaultScript, FaultSpec
from videogen.simulator.handler import ApiHandler, MirrorHandler
from videogen.simulator.journal import Journal
from videogen.simulator.operations import Operation, OperationStore
from videogen.simulator.quotas import TEN_MINUTES, Limits, Quotas
from videogen.simulator.studio import Job, Studio
from videogen.simulator.validation import VideoRequest
from videogen.simulator.webhooks import Messenger, Registered, Signer, addresses

logger = logging.getLogger(__name__)

# Settings that a running simulator cannot change.
FIXED = frozenset({"host", "port", "state_dir", "painters", "file_lifetime", "faults"})
NEEDS_CLIP = frozenset({"video", "two_samples"})
WATCH_SECONDS = 0.05
# Listened on, but nothing that a client can call.
ANY_ADDRESS = ("0.0.0.0", "")  # noqa: S104


@dataclass(frozen=True)
class SimulatorOptions:
    """Everything that can be chosen. Times are seconds; 0 means no limit where a limit is meant.

    `retired_models`: names with commas between. `list_details`: the two lists tell more than the
    service's published schema has (times, metadata of a submission, links of files).
    `list_page_size`: no page has more, whatever is asked; the service may give fewer too.
    `webhook_uri`: a webhook that is registered for the project, with `webhook_secret` (whsec_…).
    """

    host: str = "127.0.0.1"
    port: int = 0
    state_dir: Path | None = None
    api_key: str = ""
    latency: float = 3.0
    latency_jitter: float = 0.0
    clips: str = "full"
    clip_megabytes: int = 0
    painters: int = 1
    quota_per_minute: int = 0
    quota_per_day: int = 0
    spend_limit: float = 0.0
    spend_window: float = TEN_MINUTES
    key_revoked: bool = False
    credits_depleted: bool = False
    retired_models: str = ""
    list_operations: bool = False
    list_generated_files: bool = False
    list_details: bool = False
    list_page_size: int = 50
    webhook_uri: str = ""
    webhook_secret: str = ""
    redirect_downloads: str = "none"
    file_lifetime: float = 172_800.0
    faults: tuple[FaultSpec, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (
            ("clips", ("full", "quick")),
            ("redirect_downloads", ("none", "same", "other")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}.")
        if self.list_page_size < 1:
            raise ValueError("list_page_size must be 1 or more.")
        if self.webhook_uri and not self.webhook_secret:
            raise ValueError("webhook_uri needs a webhook_secret.")
        _ = self.registered_webhook

    @property
    def registered_webhook(self) -> Registered | None:
        return Registered(self.webhook_uri, self.webhook_secret) if self.webhook_uri else None

    @property
    def limits(self) -> Limits:
        return Limits(
            self.quota_per_minute, self.quota_per_day, self.spend_limit, self.spend_window
        )

    def changed(self, changes: dict[str, Any]) -> SimulatorOptions:
        """A copy with these settings; raises ValueError for unknown, fixed or mistyped ones."""
        for name, value in changes.items():
            if name in FIXED or name not in self.__dataclass_fields__:
                raise ValueError(f"No setting {name} can be changed while running.")
            kind = type(getattr(self, name))
            allowed = (int, float) if kind is float else kind
            if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
                raise ValueError(f"{name} must be of type {kind.__name__}.")
        return replace(self, **changes)


class SimulatorServer:
    """A simulator in this process: threads answer, child processes paint."""

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.started_with = options or SimulatorOptions()
        self.settings = self.started_with
        self.faults = FaultScript(list(self.settings.faults))
        self.journal = Journal()
        self.quotas = Quotas(time.time)
        self.signer = Signer()
        self.stopping = threading.Event()
        self._finishing = threading.Lock()
        self._endings: dict[str, tuple[str, dict[str, Any]]] = {}
        self._listeners: list[_Listener] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> SimulatorServer:
        """Listens; `url` and `mirror_url` are known from here on. Takes up an earlier state."""
        directory = self.settings.state_dir
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="simulator-")
            directory = Path(self._temporary.name)
        self.store = OperationStore(directory.resolve(), self.settings.file_lifetime)
        self.studio = Studio(self.settings.painters)
        for operation in self.store.load(time.time()):
            self.journal.add_submission(operation.entry)
            if operation.outcome in NEEDS_CLIP or not operation.outcome:
                self._order_clip(operation)
        self._listeners = [
            _Listener((self.settings.host, self.settings.port), ApiHandler, self),
            _Listener((self.settings.host, 0), MirrorHandler, self),
        ]
        self._messenger = Messenger(self.signer, self.journal, self.stopping.wait, self.url)
        for operation in self.store.all():
            self._watch(operation)
        for listener in self._listeners:
            listener.start()
        return self

    def stop(self) -> None:
        """Closes every connection and ends the painters."""
        self.stopping.set()
        for listener in self._listeners:
            listener.stop()
        self.studio.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL for the SDK, without a trailing slash."""
        return self._listeners[0].url

    @property
    def mirror_url(self) -> str:
        """The other host that downloads may be redirected to."""
        return self._listeners[1].url

    def accept(self, request: VideoRequest, entry: dict[str, Any]) -> Operation:
        """Books the submission and starts its clip; raises the 429 of a full quota window or of
        an account without credit."""
        settings = self.settings
        if settings.credits_depleted:
            raise credits_depleted()
        self.quotas.charge(settings.limits, request.model.name, request.cost)
        jitter = random.uniform(-1, 1) * settings.latency_jitter
        operation = self.store.accept(
            model=request.model.name,
            prompt=request.prompt,
            # Quick clips show no reference, so a bench need not store gigabytes of them.
            pictures=() if settings.clips == "quick" else request.pictures,
            now=time.time(),
            latency=max(0.0, settings.latency + jitter),
            entry=entry,
            webhook=request.webhook,
        )
        self._order_clip(operation)
        self._watch(operation)
        return operation

    def advance(self, operation: Operation) -> Operation:
        """Finishes the operation if its time has come and its clip, if it gets one, is painted."""
        if operation.outcome or time.time() < operation.ready_at:
            return operation
        with self._finishing:
            operation = self.store.find(operation.id) or operation
            if operation.outcome:
                return operation
            if operation.id not in self._endings:
                spec = self.faults.take("done", operation.prompt)
                ending = (spec.definition.effect, spec.params) if spec else ("video", {})
                self._endings[operation.id] = ending
            outcome, params = self._endings[operation.id]
            if outcome in NEEDS_CLIP and not self.store.clip_path(operation).exists():
                failure = self.studio.failure(self.store.clip_path(operation))
                if not failure:
                    return operation
                outcome, params = "error", {"code": 13, "message": f"Painting failed: {failure}"}
            del self._endings[operation.id]
            return self.store.finish(operation, outcome, params)

    def _watch(self, operation: Operation) -> None:
        """Has the operation's webhook told when it is done, also if nobody polls."""
        if not operation.outcome and (addresses(operation) or self.settings.webhook_uri):
            threading.Thread(target=self._tell_when_done, args=(operation,), daemon=True).start()

    def _tell_when_done(self, operation: Operation) -> None:
        while not self.stopping.wait(WATCH_SECONDS):
            found = self.store.find(operation.id)
            if found is None:
                return
            if (ended := self.advance(found)).outcome:
                if ended.outcome in NEEDS_CLIP:
                    spec = self.faults.take("webhook", ended.prompt)
                    self._messenger.tell(ended, spec, self.settings.registered_webhook)
                return

    def is_retired(self, model: str) -> bool:
        """Whether the model was retired while this simulator ran."""
        return model in [name.strip() for name in self.settings.retired_models.split(",")]

    def reset(self) -> None:
        """Forgets everything and returns to the options of the start."""
        self.studio.forget()
        self.store.clear()
        self.journal.clear()
        self.quotas.clear()
        self.faults.add(list(self.started_with.faults), replacing=True)
        self.settings = self.started_with
        self._endings.clear()

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Raises ValueError and changes nothing when one of them cannot be changed."""
        self.settings = self.settings.changed(changes)

    def _order_clip(self, operation: Operation) -> None:
        path = self.store.clip_path(operation)
        if path.exists():
            return
        self.studio.order(
            Job(
                seed=operation.id,
                prompt=operation.prompt,
                references=tuple(str(one) for one in self.store.picture_paths(operation)),
                path=str(path),
                quick=self.settings.clips == "quick",
                megabytes=self.settings.clip_megabytes,
            )
        )


class _Listener(ThreadingHTTPServer):
    """One port. Keeps its open connections, so that `stop` can end them."""

    daemon_threads = True
    block_on_close = False
    # The default of 5 refuses connections when a bench opens 64 at once.
    request_queue_size = 512

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        simulator: SimulatorServer,
    ) -> None:
        super().__init__(address, handler)
        self.simulator = simulator
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="listener", daemon=True
        )

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{'127.0.0.1' if host in ANY_ADDRESS else host}:{port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            self.shutdown_request(connection)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up in the DNS, which can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none; anything else is logged rather than printed."""
        logger.debug("Connection of %s ended badly", client_address, exc_info=True)
