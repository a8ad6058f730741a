"""A flag that `manage.py work` raises for all its processes at once, so that long tasks end early
when the cluster is told to stop. Under plain `qcluster` nobody raises it: slices just end."""

from __future__ import annotations

from multiprocessing.sharedctypes import RawValue

# Shared by fork. No lock: one that a killed process holds would stop everybody else.
_flag = RawValue("b", 0)


def request_stop() -> None:
    _flag.value = 1


def stop_requested() -> bool:
    return bool(_flag.value)
