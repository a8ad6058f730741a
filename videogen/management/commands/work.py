from __future__ import annotations

import gc
import os
from typing import Any

# The workers are forked from this process: what all of them need is imported once, and shared.
import av  # noqa: F401
from django.core.management.base import BaseCommand

from videogen.ops.watchdog import STALLED, WatchedCluster
from videogen.pipeline import worker  # noqa: F401
from videogen.providers.registry import load_sdk
from videogen.takes import download_worker  # noqa: F401


class Command(BaseCommand):
    help = (
        "Work the queue: a django-q2 cluster that is watched. Plain `qcluster` works too. "
        f"Exit code {STALLED}: the cluster had stalled and was ended; start it again "
        "(a supervisor, `make serve`). SIGTERM or Ctrl-C ends it cleanly."
    )

    def handle(self, **options: Any) -> None:
        load_sdk()
        # What is imported stays. Without this, each collection of garbage in a worker would look
        # through all of it, for a tenth of a second, and copy the memory that the workers share.
        gc.collect()
        gc.freeze()
        code = WatchedCluster().run()
        if code:
            # Threads or children that hang must not keep a stalled cluster alive.
            os._exit(code)
