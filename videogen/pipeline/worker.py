"""The cluster's task that submits and polls: it runs the pumps of all accounts for a while."""

from __future__ import annotations

import logging
import time

from django.db import OperationalError

from videogen.common.shutdown import stop_requested
from videogen.common.task_queue import SLICE_SECONDS
from videogen.lanes.pauses import served_lanes

from .pump import TICK_SECONDS, Pump

logger = logging.getLogger(__name__)

# Work that is due within this time keeps the pump running. It is longer than the minute in which
# the sweep comes round, so later work is not missed.
HORIZON_SECONDS = 120.0


def run_slice() -> bool:
    """Task: pump for a while, then make room for other tasks. Return whether another slice should
    be queued. It does no harm when it runs twice."""
    pumps = [pump for pump in map(Pump, served_lanes()) if pump.acquire()]
    working = list(pumps)
    end = time.monotonic() + SLICE_SECONDS
    more = bool(working)
    try:
        while more and time.monotonic() < end and not stop_requested():
            more = False
            for pump in list(working):
                try:
                    if not pump.tick(TICK_SECONDS / len(working)):
                        working.remove(pump)  # another process pumps this lane now
                        continue
                    more |= pump.has_work(within_seconds=HORIZON_SECONDS)
                except OperationalError:
                    raise
                except Exception:
                    # A bug that one account runs into must not stop the others.
                    logger.exception("The pump of %s broke", pump.lane)
                    working.remove(pump)
    finally:
        for pump in pumps:
            pump.close()
    return more and not stop_requested()
