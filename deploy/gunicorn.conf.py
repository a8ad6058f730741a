"""How gunicorn serves videogen: `gunicorn -c deploy/gunicorn.conf.py storybook.wsgi`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

# The application's settings: the environment wins over .env. What is read here stays here, so that
# the workers after a reload read the file anew.
given = {**dotenv_values(Path(__file__).resolve().parent.parent / ".env"), **os.environ}

bind = given.get("GUNICORN_BIND", "127.0.0.1:8000")
# Threads, because a clip that somebody watches holds one for as long as it is sent.
worker_class = "gthread"
workers = int(given.get("WEB_CONCURRENCY", "2"))
threads = int(given.get("GUNICORN_THREADS", "16"))
# Only a worker that no longer answers its master is ended; a long download does not count as that.
timeout = 60
graceful_timeout = 30
keepalive = 5
# A worker is replaced after so many requests, so a leak in a library cannot grow for ever.
max_requests = 5000
max_requests_jitter = 500
# The sign of life must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # noqa: S108
# No access log: addresses below /share/ are secrets. The proxy in front writes one without them.
accesslog = None
errorlog = "-"
# Nobody controls it over a socket; its supervisor sends signals.
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    """A thread waits for its turn again after each answer of the database, and while others make
    pages each turn takes Python's five milliseconds. With shorter turns, a picture or a verdict
    does not wait for one page after the other."""
    sys.setswitchinterval(0.001)
