"""Disks that fill up, a database server that restarts, a clock that jumps: of this machine, under
our control. What this machine does not allow raises `NotHere` with the reason."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.support.installations import Installation


class NotHere(Exception):
    """The scenario cannot be had on this machine."""


class SmallDisk:
    """A file system of its own in memory."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Down to the last byte that can be had."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        os.write(descriptor, b"x" * size)
        finally:
            os.close(descriptor)

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def make_read_only(self, value: bool) -> None:
        option = "remount,ro" if value else "remount,rw"
        subprocess.run(["mount", "-o", option, str(self.place)], check=True)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[SmallDisk]:
    if os.geteuid() != 0:
        raise NotHere("a disk of its own (tmpfs) can be mounted by root only")
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NotHere(f"no tmpfs can be mounted: {done.stderr.strip()}")
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


class Postgres:
    """A database server that listens at this address of the machine, and trusts everybody there."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder / "postgres"
        self._address = address
        self._bin = _postgres_binaries()
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.folder.mkdir(parents=True)
        if self._as:
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                raise NotHere("PostgreSQL does not run as root, and no user postgres") from None
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        with socket.socket() as free:
            free.bind((address, 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-A", "trust", "-U", "postgres", "-D", str(self.folder / "data"))
        with (self.folder / "data" / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {address}/24 trust\n")
        self.url = f"postgres://postgres@{address}:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses={self._address} -k {self.folder}"
        log = str(self.folder / "server.log")
        data = str(self.folder / "data")
        self._run("pg_ctl", "-w", "-D", data, "-o", options, "-l", log, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", mode, "stop")

    def _run(self, command: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as, str(self._bin / command), *arguments],
            # Its server must not hold a pipe of ours open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        if done.returncode:
            raise NotHere(f"{command} ended with {done.returncode}")


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    if path := shutil.which("initdb"):
        return Path(path).parent
    raise NotHere("there is no PostgreSQL server (initdb) on this machine")


class PostgresInstallation(Installation):
    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        for _ in range(3):
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.environment["DATABASE_URL"]) as connection,
            ):
                return connection.execute(sql.replace("?", "%s"), values).fetchall()
        return []


class Clock:
    """The time of day of all processes that are started with its environment (clock.c; libfaketime
    breaks time.sleep where it leaves the monotonic clock alone)."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or sys.platform != "linux":
            raise NotHere("a C compiler and Linux are needed to move a process's clock")
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotHere(f"clock.c does not compile here: {done.stderr.strip()[:200]}")
        self._file = folder / "clock"
        self.jump(0)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        """To so many seconds from the real time."""
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{seconds:+d}\n")
        temporary.replace(self._file)
