"""Identifies processes by a name that stays valid after the process has ended, so that another
process can tell that the owner of a lease is gone."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import getnode

import psutil

_SEPARATOR = "|"
# These separate the machine, the boot and the namespace within one part of the name. They are no
# parts of their own, because others split the name and expect four parts.
_OF = "."
_IN = "@"


def this_process() -> str:
    """Return the identity of this process: host, machine, boot, namespace of process ids, process
    id and start time. No later process has the same."""
    return _identity(os.getpid())


@lru_cache(maxsize=1)
def _identity(pid: int) -> str:
    started = f"{_started(psutil.Process(pid)):.2f}"
    return _SEPARATOR.join((socket.gethostname()[:80], _place(), str(pid), started))


def is_provably_gone(identity: str) -> bool:
    """Whether the process has certainly ended. Only its own machine can tell: it was rebooted
    since, or has no such process. Of another machine nobody can tell, even if it has the same host
    name, nor of another container on the same kernel: process ids mean something else there."""
    try:
        host, boot, pid, started = identity.split(_SEPARATOR)
        number = int(pid)
    except ValueError:
        return False
    if host != socket.gethostname()[:80]:
        return False
    boot, _, namespace = boot.partition(_IN)
    machine, _, boot = boot.rpartition(_OF)
    if boot != _boot_id():
        # Copies of one image may have the same host name. (Older identities name no machine.)
        return not machine or machine == _machine()
    # Before namespaces were noted, there was none in the name.
    if namespace and namespace != _namespace():
        return False
    try:
        process = psutil.Process(number)
        same = abs(_started(process) - float(started)) < 1
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return not _is_hidden(number)
    except psutil.AccessDenied:
        return False


def _is_hidden(pid: int) -> bool:
    """Whether there is such a process of another user. The system may hide it (hidepid in
    proc(5))."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def is_of_this_host(identity: str) -> bool:
    return identity.partition(_SEPARATOR)[0] == socket.gethostname()[:80]


def is_of_this_boot(identity: str) -> bool:
    """Whether the process began after the machine was last started. What it did to files without
    syncing them is still true then."""
    place = "".join(identity.split(_SEPARATOR)[1:2])
    return place.partition(_IN)[0].rpartition(_OF)[2] == _boot_id()


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


def _place() -> str:
    namespace = _namespace()
    boot = f"{_machine()}{_OF}{_boot_id()}"
    return f"{boot}{_IN}{namespace}" if namespace else boot


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return a fingerprint of what tells this machine from others. Its number itself is nobody
    else's business (machine-id(5))."""
    try:
        number = Path("/etc/machine-id").read_text().strip()
    except OSError:
        number = ""
    # A machine without a number, such as many a container, has that of its network card.
    return sha256(f"videogen {number or getnode()}".encode()).hexdigest()[:12]


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
