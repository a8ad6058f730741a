"""Waiting out a database that is locked, full or away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

PAUSES = (0.2, 0.5, 1, 2, 5, 10, 20)


def persistently(work: Callable[[], Result]) -> Result:
    """What `work` returns, tried again for some 40 seconds (SQLite waits 30 more at each try): an
    answer that is to be stored is worth money. Raises the last try's error."""
    for pause in PAUSES:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database does not answer (%s): trying again.", error)
            time.sleep(pause)
            close_old_connections()
    return work()
