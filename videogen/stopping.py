"""A flag that `manage.py work` raises for all its processes at once, so that long tasks end early
when the cluster is told to stop. Under plain `qcluster` nobody raises it: slices just end."""

from __future__ import annotations

import multiprocessing

_flag = multiprocessing.get_context("fork").Event()


def request_stop() -> None:
    _flag.set()


def stop_requested() -> bool:
    return _flag.is_set()
