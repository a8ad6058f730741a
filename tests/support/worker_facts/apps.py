from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connection

# What takes long to import, and every worker needs.
SHARED = ("google.genai", "av")


class WorkerFacts(AppConfig):
    name = "tests.support.worker_facts"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        post_spawn.connect(_write_down)


def _write_down(proc_name: str, **more: Any) -> None:
    """To the folder WORKER_FACTS. `idle_timeout` is what PostgreSQL says, in its own words."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        [idle_timeout] = cursor.fetchone()
    told = {
        "shared": [name for name in SHARED if name in sys.modules],
        "frozen_objects": gc.get_freeze_count(),
        "idle_timeout": idle_timeout,
    }
    folder = Path(os.environ["WORKER_FACTS"])
    part = folder / f"{os.getpid()}.part"
    part.write_text(json.dumps(told))
    part.rename(folder / f"{os.getpid()}.json")
