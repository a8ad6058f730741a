"""The simulator as one object, from its options to a running server with a URL.

    with SimulatorServer(SimulatorOptions(clips="quick", latency=0.2)) as simulator:
        client = genai.Client(api_key="any", http_options=HttpOptions(base_url=simulator.url))

`routes` finds out what a request asks for; `state` does it.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

from videogen.simulator.http import SimulatorHandler, SimulatorListener
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.routes import ApiHandler, MirrorHandler
from videogen.simulator.state import Simulator

logger = logging.getLogger(__name__)

# A server can listen on these, but a client cannot call them.
ANY_ADDRESS = ("0.0.0.0", "")  # noqa: S104


class SimulatorServer(Simulator):
    """A simulator in this process. Its threads answer requests, its child processes paint clips."""

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        super().__init__(options)
        self._listeners: list[_Listener] = []

    def start(self) -> SimulatorServer:
        """Load the earlier state and listen. `url` and `mirror_url` are known afterwards."""
        self.open()
        self._listeners = [
            _Listener((self.settings.host, self.settings.port), ApiHandler, self),
            _Listener((self.settings.host, 0), MirrorHandler, self),
        ]
        self.url, self.mirror_url = (listener.url for listener in self._listeners)
        self.watch_all()
        for listener in self._listeners:
            listener.start()
        return self

    def stop(self) -> None:
        """Close every connection and end the painters."""
        self.stopping.set()
        for listener in self._listeners:
            listener.stop()
        self.close()

    def __enter__(self) -> SimulatorServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


class _Listener(SimulatorListener):
    """One port. It remembers its open connections, so that `stop` can end them."""

    daemon_threads = True
    block_on_close = False
    # The default of 5 refuses connections when a bench opens 64 at once.
    request_queue_size = 512

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[SimulatorHandler],
        simulator: Simulator,
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
        host = "127.0.0.1" if self.server_name in ANY_ADDRESS else self.server_name
        return f"http://{host}:{self.server_port}"

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
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # A tuple is what datagram servers get.
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log at debug level: a client that goes away is not an error."""
        logger.debug("Connection of %s ended badly", client_address, exc_info=True)
