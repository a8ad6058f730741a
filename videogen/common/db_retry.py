"""Waiting out a database that is locked, full or away."""

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

PAUSES = (0.2, 0.5, 1, 2, 5, 10, 20)


def persistently(work: Callable[[], Result]) -> Result:
    """What `work` returns, tried again for some 40 seconds (SQLite waits 30 more at each try): an
    answer that is to be stored is worth money. Raises the last try's error."""
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
    logger.warning("The database does not answer (%s): trying again.", error)
    # A connection that broke is made anew at the next try.
    close_old_connections()
