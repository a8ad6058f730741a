from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from videogen.common.processes import is_provably_gone, this_process

ROOT = Path(__file__).resolve().parents[3]

# Prints its identity, then lives until its stdin ends.
TELL = (
    "import sys; from videogen.common.processes import this_process; "
    "print(this_process(), flush=True)"
)
LIVE = f"{TELL}; sys.stdin.read()"


def with_part(number, value):
    parts = this_process().split("|")
    parts[number] = value
    return "|".join(parts)


def with_namespace(namespace):
    host, boot, pid, _ = this_process().split("|")
    return "|".join((host, f"{boot.partition('@')[0]}@{namespace}", pid))


def with_machine(machine, boot):
    return with_part(1, f"{machine}.{boot}")


MACHINE = this_process().split("|")[1].rpartition(".")[0]


def without_namespace():
    host, boot, pid, started = this_process().split("|")
    return "|".join((host, boot.partition("@")[0], pid, started))


def test_a_process_has_one_name():
    host, boot, pid, started = this_process().split("|")

    assert this_process() == this_process()
    assert host and boot
    since_boot = psutil.Process(int(pid)).create_time() - psutil.boot_time()
    assert since_boot == pytest.approx(float(started), abs=1.1)
    assert len(this_process()) <= 200, "it fits the columns"


@pytest.mark.parametrize(
    ("identity", "is_gone"),
    [
        (this_process(), False),
        (with_part(3, "1.00"), True),
        (with_machine(MACHINE, "another-boot"), True),
        (with_machine(MACHINE, "another-boot@4026531836"), True),
        (with_machine("another", "another-boot"), False),
        (with_part(1, "another-boot"), True),
        (with_namespace("1") + "|1.00", False),
        (without_namespace(), False),
        (without_namespace().rpartition("|")[0] + "|1.00", True),
        (with_part(2, str(2**22 + 7)), True),
        (with_part(0, "another-host"), False),
        ("another-host|another-boot|1|1.0", False),
        ("", False),
        ("nonsense", False),
        (with_part(2, "x"), False),
    ],
    ids=[
        "itself",
        "its id, started at another time",
        "before a reboot",
        "in a container, before a reboot",
        "a copy of this machine, under the same name",
        "by its name of before, before a reboot",
        "in another container",
        "by its name of before",
        "by its name of before, started at another time",
        "no such process",
        "another host",
        "another host, after a reboot",
        "nobody",
        "nonsense",
        "no number",
    ],
)
def test_who_is_provably_gone(identity, is_gone):
    assert is_provably_gone(identity) is is_gone


def in_another_namespace(code, *arguments):
    """A process with process ids of its own, as in another container on this machine."""
    other = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", code]
        + list(arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = other.stdout.readline().strip()
    if not line and "Operation not permitted" in other.stderr.read():
        other.communicate()
        pytest.skip("no namespace of its own may be made here")
    return other, line


def test_two_containers_with_one_host_name_do_not_call_each_other_dead():
    judge = (
        "import sys; from videogen.common.processes import is_provably_gone, this_process; "
        "print(this_process(), is_provably_gone(sys.argv[1]), flush=True); sys.stdin.read()"
    )
    other, line = in_another_namespace(judge, this_process())
    name, _, mine_is_gone = line.rpartition(" ")
    while_alive = is_provably_gone(name)
    other.communicate()

    assert name.split("|")[0] == this_process().split("|")[0]
    assert name.split("|")[1] != this_process().split("|")[1]
    assert (mine_is_gone, while_alive) == ("False", False)
    assert is_provably_gone(name) is False, "nobody can tell from here"


def test_another_process_is_gone_when_it_has_ended():
    with subprocess.Popen(
        [sys.executable, "-c", LIVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        name = other.stdout.readline().strip()
        while_alive = is_provably_gone(name)
        other.kill()
        end = time.monotonic() + 10
        while not is_provably_gone(name) and time.monotonic() < end:
            time.sleep(0.01)
        as_zombie = is_provably_gone(name)
        other.wait()

    assert name != this_process()
    assert (while_alive, as_zombie) == (False, True)
    assert is_provably_gone(name) is True


def test_a_process_that_the_system_hides_is_not_gone(monkeypatch):
    def hidden(pid):
        raise psutil.NoSuchProcess(pid)

    def refused(pid, signal):
        raise PermissionError

    monkeypatch.setattr(psutil, "Process", hidden)
    assert is_provably_gone(with_part(2, str(2**22 + 7)))
    monkeypatch.setattr(os, "kill", refused)
    assert not is_provably_gone(with_part(2, "1"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a /proc that hides")
def test_a_living_process_of_another_user_is_not_gone_behind_a_proc_that_hides():
    asked = "import sys; from videogen.common.processes import is_provably_gone as gone; "
    asked += f"print(gone({this_process()!r}), flush=True)"
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    python = f"cd {ROOT} && exec {nobody} {sys.executable} -c {asked!r}"
    hiding = f"mount -t proc -o hidepid=2 proc /proc && {python}"

    told = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hiding], capture_output=True, text=True, check=False
    )

    if told.returncode:
        pytest.skip(f"This machine does not allow it: {told.stderr[-200:]}")
    assert told.stdout == "False\n"
