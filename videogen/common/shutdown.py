"""A flag that tells all processes of `manage.py work` to stop, so that long tasks end early.

Under plain `qcluster` nobody sets the flag; slices then end by themselves.
"""

from __future__ import annotations

from multiprocessing.sharedctypes import RawValue

# The processes share it because they are forked. It has no lock, because a process that is killed
# while it holds the lock would stop all others.
_flag = RawValue("b", 0)


def request_stop() -> None:
    _flag.value = 1


def stop_requested() -> bool:
    return bool(_flag.value)
