"""A server that answers every command of Redis with the same error, such as one that is full."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager

FULL = "OOM command not allowed when used memory > 'maxmemory'."
WANTS_PASSWORD = "NOAUTH Authentication required."


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            parts = int(line[1:])
            words = []
            for _ in range(parts):
                words.append(self.rfile.read(int(self.rfile.readline()[1:])))
                self.rfile.readline()
            self.wfile.write(self._answer(words[0].upper()))

    def _answer(self, command):
        if command == b"HELLO" and self.server.error != WANTS_PASSWORD:
            return b"%1\r\n$5\r\nproto\r\n:3\r\n"
        fine = command in (b"CLIENT", b"SELECT")
        return b"+OK\r\n" if fine else f"-{self.server.error}\r\n".encode()


@contextmanager
def failing_redis(error):
    """Yield the URL of the server."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.error = error
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()
