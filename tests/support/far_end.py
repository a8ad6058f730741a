"""A server that answers as told, and the key and addresses that every test starts with."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "AIzaSy-not-a-real-key"


# Nobody listens on the discard port: what should not be called is refused at once.
NOWHERE = "http://127.0.0.1:9"


LATENCY = 0.05

# Instead of the status of an answer: the connection is reset while the request still comes.
MIDWAY = -1


class FarEnd(ThreadingHTTPServer):
    """A server that answers as told and remembers what it was asked, for answers that the
    simulator does not know: the answers in their order, the last one for ever."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FarEndHandler)
        self.answers = []
        self.requests = []
        self.connections = set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, status, body=b"", *, seconds=0, pauses=(), **headers):
        """After so many seconds; pauses: those within the body."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, headers, body, (seconds, *pauses)))

    def cut(self, *, midway=False):
        """Take the request, midway only its headers, and reset the connection instead of an
        answer."""
        self.answers.append((MIDWAY if midway else None, {}, b"", (0,)))


class FarEndHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second one would wait for the first one's receipt.
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.server.answers and self.server.answers[0][0] == MIDWAY:
            self.server.requests.append((self.command, self.path, {}, b""))
            self.reset()
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.connections.add(self.client_address)
        self.server.requests.append((self.command, self.path, headers, body))
        answers = self.server.answers
        status, headers, body, (seconds, *pauses) = (
            answers.pop(0) if len(answers) > 1 else answers[0]
        )
        time.sleep(seconds)
        if status is None:
            self.reset()
            return
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

    def reset(self):
        self.close_connection = True
        # Lingering for no time is what sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format, *args):
        pass
