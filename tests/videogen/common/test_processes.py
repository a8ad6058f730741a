from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from videogen.common.processes import is_provably_gone, this_process

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
        (with_part(1, "another-boot"), True),
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
