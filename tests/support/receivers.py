"""The other side of a webhook, as its own people would write it: real HTTP, and a verification
that shares nothing with the sender's code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Receiver(ThreadingHTTPServer):
    """`answers`: (status, headers) in their order, the last one for ever. `requests`: what came, as
    (headers, body); `most`: how many it had to answer at once."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = [(204, {})]
        self.requests = []
        self.seconds = 0
        self.busy = self.most = 0
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.requests]

    @property
    def payloads(self):
        return [json.loads(body) for _, body in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.requests.append((headers, body))
            self.server.busy += 1
            self.server.most = max(self.server.most, self.server.busy)
            answers = self.server.answers
            status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        time.sleep(self.server.seconds)
        with self.server.lock:
            self.server.busy -= 1
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format, *args):
        pass


@contextmanager
def running_receiver():
    server = Receiver()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def is_genuine(secret, headers, body):
    """As https://www.standardwebhooks.com tells receivers to do it."""
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    key = base64.b64decode(secret.split("_", 1)[1])
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    wanted = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    versions = [each.split(",", 1) for each in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(text, wanted) for version, text in versions)
