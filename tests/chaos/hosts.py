"""Hosts on one machine: each with a network stack, a name and process ids of its own. They share a
PostgreSQL, a Redis, an object store and a far end, which are reachable at the address of a bridge.

A host can be killed, and its cable can be pulled: then its packets go nowhere and nobody is told.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import boto3
import redis
from botocore.config import Config

from tests.support.installations import wait_until
from tests.support.object_stores import ACCESS, BUCKET, SECRET, StoreServer

from .places import NotHere, Postgres, PostgresInstallation

PREFIX = "media"
REDIS_SECONDS = 10


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def require() -> None:
    """Raise NotHere, with what is missing, unless hosts can be made on this machine."""
    if sys.platform != "linux":
        raise NotHere("network namespaces are Linux's")
    if os.geteuid() != 0:
        raise NotHere("network namespaces are made by root only")
    packages = {"ip": "iproute2", "unshare": "util-linux", "redis-server": "redis-server"}
    if missing := [f"{name} (package {packages[name]})" for name in packages if not _has(name)]:
        raise NotHere(f"there is no {', no '.join(missing)}")


def _has(program: str) -> bool:
    return shutil.which(program) is not None


class Network:
    """A bridge. `address` is that of this machine on it, where the servers listen."""

    def __init__(self) -> None:
        require()
        self.name = f"vg{secrets.token_hex(3)}"
        # 198.18.0.0/15 is for benchmarks (RFC 2544): no network has it.
        self._subnet = f"198.18.{secrets.randbelow(256)}"
        self.address = f"{self._subnet}.1"
        self._namespaces: list[str] = []

    def __enter__(self) -> Network:
        try:
            _ip("link", "add", self.name, "type", "bridge")
            _ip("addr", "add", f"{self.address}/24", "dev", self.name)
            _ip("link", "set", self.name, "up")
        except NotHere:
            self.__exit__()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        for command in (
            *(["netns", "del", namespace] for namespace in self._namespaces),
            ["link", "del", self.name],
        ):
            with suppress(NotHere):
                _ip(*command)

    def add(self, number: int) -> str:
        """Connect one more host; return the name of its namespace, which is also its cable's."""
        namespace = f"{self.name}{number}"
        _ip("netns", "add", namespace)
        self._namespaces.append(namespace)
        _ip("link", "add", namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self.plug(namespace)
        _ip("link", "set", namespace, "up")
        inside = ("-n", namespace)
        _ip(*inside, "addr", "add", f"{self._subnet}.{number + 1}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip(*inside, "link", "set", device, "up")
        return namespace

    def plug(self, namespace: str) -> None:
        _ip("link", "set", namespace, "master", self.name)

    def unplug(self, namespace: str) -> None:
        _ip("link", "set", namespace, "nomaster")


class Host(PostgresInstallation):
    """One host of several. Its commands run as process 1 of its own, as in a container."""

    def __init__(self, folder: Path, name: str, network: Network, number: int) -> None:
        super().__init__(folder)
        self.name = name
        self._network = network
        self._namespace = network.add(number)

    def command(self, *arguments: str) -> list[str]:
        own = ("ip", "netns", "exec", self._namespace)
        own += ("unshare", "--uts", "--pid", "--mount-proc", "--kill-child")
        named = ("sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return [*own, *named, *super().command(*arguments)]

    def process_ids(self) -> set[int]:
        """The ids that its processes have for themselves."""
        ids = set()
        for pid in self._pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                _, *inside = status.partition("\nNSpid:")[2].partition("\n")[0].split()
                ids.update(map(int, inside[-1:]))
        return ids

    def takes_stored(self) -> int:
        """How many downloads it has brought to their end, by its own log."""
        return (self.folder / "work.log").read_text().count(" videogen.takes.download_worker: ")

    def kill_all(self) -> None:
        """kill -9 of all that runs on it."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _pids(self) -> list[str]:
        command = ["ip", "netns", "pids", self._namespace]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(int(pid), number)

    def unplug(self) -> None:
        """From now on its packets go nowhere, and nobody is told."""
        self._network.unplug(self._namespace)

    def plug(self) -> None:
        self._network.plug(self._namespace)


class Hosts:
    """An installation of several hosts in a folder that everybody may read, because the database
    server runs as another user. `control` is whoever looks at it from outside: it queues, and asks
    database, store and far end."""

    def __init__(self, folder: Path, *names: str, **environment: str) -> None:
        self.folder = folder
        self._names = names
        self._environment = environment
        self._stack = ExitStack()

    def __enter__(self) -> Hosts:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *args: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        network = stack.enter_context(Network())
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # whatever the umask of this process
        postgres = Postgres(self.folder, network.address)
        postgres.start()
        stack.callback(postgres.stop)
        broker = stack.enter_context(_redis(self.folder, network.address))
        self._store = stack.enter_context(StoreServer(self.folder / "store", network.address))
        self.control = PostgresInstallation(self.folder / "control")
        self.hosts = [
            Host(self.folder / name, name, network, number)
            for number, name in enumerate(self._names, 1)
        ]
        for each in (self.control, *self.hosts):
            each.environment |= {
                "DATABASE_URL": postgres.url,
                "VIDEO_QUEUE_REDIS_URL": broker,
                "DJANGO_SECRET_KEY": "the same on all hosts of this installation",
                **self._store.environment(PREFIX),
                **self._environment,
            }
            stack.callback(each.close)
        self._address = network.address
        self.control.manage("migrate")

    def start_simulator(self, *options: str) -> None:
        """It takes orders on loopback only, which is the control's."""
        self.control.start_simulator("--host=0.0.0.0", *options)
        url = self.control.simulator_url.replace("127.0.0.1", self._address)
        for host in self.hosts:
            host.environment["GOOGLE_GEMINI_BASE_URL"] = url

    def start_work(self) -> None:
        """Start the workers of all hosts, and wait until they stand."""
        for host in self.hosts:
            host.start("work")
        for host in self.hosts:
            log = host.folder / "work.log"
            wait_until(lambda log=log: "Cluster started" in log.read_text(), 60, f"for {log}")

    def host_of(self, identity: str) -> Host | None:
        """The host of the process that a row names."""
        name = identity.partition("|")[0]
        return next((host for host in self.hosts if host.name == name), None)

    def fetch_media(self) -> list[str]:
        """Copy all objects to where the control looks for media; return their names."""
        client = self._client()
        names = []
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(f"{PREFIX}/")
                if name == each["Key"]:
                    continue
                path = self.control.media / name
                path.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(BUCKET, each["Key"], str(path))
                names.append(name)
        client.close()
        return names

    def unfinished_uploads(self) -> int:
        client = self._client()
        try:
            return len(client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))
        finally:
            client.close()

    def _client(self) -> object:
        return boto3.client(
            "s3",
            endpoint_url=self._store.url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )


@contextmanager
def _redis(folder: Path, address: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    options = {"bind": address, "port": str(port), "save": "", "protected-mode": "no"}
    with (folder / "redis.log").open("w") as log:
        server = subprocess.Popen(
            ["redis-server", *(part for name in options for part in (f"--{name}", options[name]))],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with redis.Redis(address, port) as client:
            wait_until(lambda: _answers(client), REDIS_SECONDS, "for Redis")
        yield f"redis://{address}:{port}/0"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False
