"""Child processes of a local installation: simulator, cluster and web server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import IO

from django.conf import settings

from videogen.common.errors import VideogenError

ENDING_SECONDS = 30.0
# A command that has run for so long has started properly.
SETTLED_SECONDS = 5.0


class Children:
    """`manage.py` commands as child processes. On exit all of them are ended, last one first."""

    def __init__(self, **environment: str) -> None:
        self.environment = {**os.environ, **environment}
        self._running: list[subprocess.Popen[str]] = []

    def start(
        self,
        *arguments: str,
        stdout: int | IO[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        # In a group of its own: Ctrl-C reaches only this process, which ends its children in order.
        child = subprocess.Popen(  # noqa: S603
            self._command(arguments),
            env={**self.environment, **(environment or {})},
            cwd=settings.BASE_DIR,
            stdout=stdout,
            text=True,
            start_new_session=True,
        )
        self._running.append(child)
        return child

    def run(self, *arguments: str) -> int:
        """Run a command to its end and return its exit code."""
        child = self.start(*arguments)
        code = child.wait()
        self._running.remove(child)
        return code

    def start_simulator(self, *options: str) -> str:
        """Start the simulator and return its base URL. Children that start later use it."""
        child = self.start("run_simulator", *options, stdout=subprocess.PIPE)
        line = child.stdout.readline() if child.stdout else ""
        url = line.rpartition(" ")[2].strip()
        if not url.startswith("http"):
            raise VideogenError("The simulator did not start: see above.", code="no_simulator")
        self.environment |= {"VIDEO_BACKEND": "simulator", "GOOGLE_GEMINI_BASE_URL": url}
        return url

    def __enter__(self) -> Children:
        # A supervisor's SIGTERM ends the children as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self._running):
            child.terminate()
            try:
                child.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            if child.stdout:
                child.stdout.close()
        self._running.clear()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "manage.py", *arguments]


def keep_running(
    children: Children,
    commands: Mapping[str, Sequence[str]],
    environments: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> None:
    """Start each command, and start it again whenever it ends, until Ctrl-C. `environments` has the
    variables that only one of them gets, by its name.

    Raises VideogenError if a command ends at once after its first start: it cannot run here, and it
    has said why itself.
    """

    def start(name: str) -> subprocess.Popen[str]:
        return children.start(*commands[name], environment=environments.get(name))

    running = {name: start(name) for name in commands}
    started = dict.fromkeys(commands, time.monotonic())
    first = dict(started)
    while True:
        time.sleep(0.5)
        for name, child in running.items():
            if child.poll() is None:
                continue
            if started[name] == first[name] and time.monotonic() - started[name] < SETTLED_SECONDS:
                raise VideogenError(f"{name} ended at once, see above.", code="child_ended")
            # A command that cannot start any more is tried once in five seconds, not all the time.
            if time.monotonic() - started[name] > SETTLED_SECONDS:
                running[name] = start(name)
                started[name] = time.monotonic()


def refuse_taken_port(host: str, port: int, what_to_do: str) -> None:
    """Raise VideogenError if another program listens on this port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Servers set this option, too: a port that another server has just left is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise VideogenError(
                f"Cannot listen on {host}:{port} ({error.strerror}). {what_to_do}",
                code="port_taken",
            ) from error
