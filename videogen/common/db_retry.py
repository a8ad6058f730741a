"""Tries again while the database is locked, full or away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_chain,
    wait_fixed,
)

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds between the attempts, about 40 in all.
PAUSES = (0.2, 0.5, 1, 2, 5, 10, 20)


def persistently(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, and try again if the database fails, because an answer that has
    to be stored is worth money. At each attempt SQLite itself waits for up to 30 seconds. Raises
    the error of the last attempt."""
    retrying = Retrying(
        retry=retry_if_exception_type((OperationalError, InterfaceError)),
        wait=wait_chain(*map(wait_fixed, PAUSES)),
        stop=stop_after_attempt(len(PAUSES) + 1),
        before_sleep=_before_another_try,
        reraise=True,
    )
    return retrying(work)


def _before_another_try(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("The database does not answer (%s). Trying again.", error)
    # A broken connection is replaced by a new one at the next attempt.
    close_old_connections()
