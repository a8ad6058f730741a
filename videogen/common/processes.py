"""Identifies processes by a name that stays valid after the process has ended, so that another
process can tell that the owner of a lease is gone."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import psutil

_SEPARATOR = "|"
# Between the boot and the namespace, which is no part of its own: other programs split the name.
_IN = "@"


def this_process() -> str:
    """Return the identity of this process: host, boot and namespace of process ids, process id and
    start time. No later process has the same."""
    return _identity(os.getpid())


@lru_cache(maxsize=1)
def _identity(pid: int) -> str:
    started = f"{_started(psutil.Process(pid)):.2f}"
    return _SEPARATOR.join((socket.gethostname()[:80], _boot_and_namespace(), str(pid), started))


def is_provably_gone(identity: str) -> bool:
    """Whether the process has certainly ended. Only its own host can tell: it was rebooted since,
    or has no such process. Of another container on the same kernel nobody can tell, even if it has
    the same host name: process ids mean something else there."""
    try:
        host, boot, pid, started = identity.split(_SEPARATOR)
        number = int(pid)
    except ValueError:
        return False
    if host != socket.gethostname()[:80]:
        return False
    boot, _, namespace = boot.partition(_IN)
    if boot != _boot_id():
        return True
    # Before namespaces were noted, there was none in the name.
    if namespace and namespace != _namespace():
        return False
    try:
        process = psutil.Process(number)
        same = abs(_started(process) - float(started)) < 1
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def is_of_this_host(identity: str) -> bool:
    return identity.partition(_SEPARATOR)[0] == socket.gethostname()[:80]


def is_of_this_boot(identity: str) -> bool:
    """Whether the process began after the machine was last started. What it did to files without
    syncing them is still true then."""
    _, _, rest = identity.partition(_SEPARATOR)
    return rest.partition(_SEPARATOR)[0].partition(_IN)[0] == _boot_id()


def was_running(pid: int, ago: timedelta) -> bool:
    """Whether the process that has this id now was there so long ago. One that got the id of a
    process that ended since is younger."""
    try:
        process = psutil.Process(pid)
        # The clocks of the two sides tick, and a report takes a moment.
        is_younger = _age(process) + 1 < ago.total_seconds()
        return not is_younger and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _age(process: psutil.Process) -> float:
    """Return how many seconds ago the process began, whatever was done to the time of day."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - _started(process)
    return time.time() - float(process.create_time())


def _started(process: psutil.Process) -> float:
    """Return the start time in seconds, counted from the boot if the system tells that. A time of
    day would change when the clock is set, and every living process would seem to be another one.
    """
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return float(process.create_time())


def _boot_and_namespace() -> str:
    namespace = _namespace()
    return f"{_boot_id()}{_IN}{namespace}" if namespace else _boot_id()


def _namespace() -> str:
    """Return the number of the namespace in which this process's id is valid, or "" where the
    system has none or does not tell."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"
