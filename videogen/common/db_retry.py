"""Tries again while the database is locked, full or away, and after a deadlock."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    from tenacity import RetryCallState

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

# Seconds between the attempts, about 40 in all.
PAUSES = (0.2, 0.5, 1, 2, 5, 10, 20)


def persistently(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, and try again if the database fails, because an answer that has
    to be stored is worth money. At each attempt SQLite itself waits for up to 30 seconds. Raises
    the error of the last attempt."""
    # The settings name this module as a middleware, so every process imports it.
    from tenacity import (
        Retrying,
        retry_if_exception_type,
        stop_after_attempt,
        wait_chain,
        wait_fixed,
    )

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


# PostgreSQL's codes for a transaction that it has ended for the sake of another one. Nothing of it
# was written, so it may simply be tried again.
_GAVE_WAY = frozenset({"40P01", "40001"})
_MOST_TRIES = 5


def gave_way(error: BaseException) -> bool:
    """Whether the error says that PostgreSQL ended the transaction because of a deadlock."""
    return isinstance(error, OperationalError) and (
        getattr(error.__cause__, "sqlstate", None) in _GAVE_WAY
    )


def again_after_deadlock(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a function that is one transaction: after a deadlock it is called again.

    Within a transaction of the caller's it is called once, because that transaction is lost, too.
    The lock order (lanes/__init__.py) is what prevents deadlocks; this is for those that nobody
    thought of.
    """

    @wraps(work)
    def until_it_gets_through(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if connection.in_atomic_block:
            return work(*args, **kwargs)
        tries = 0
        while True:
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                tries += 1
                if tries == _MOST_TRIES or not gave_way(error):
                    raise
            logger.warning("A transaction gave way to another one. Trying again.")
            # By chance: two that begin again at the same moment would meet again.
            time.sleep(random.uniform(0.02, 0.2))

    return until_it_gets_through


class DeadlockMiddleware:
    """Lets a button work that met a deadlock. It has to be the last middleware.

    What a view had written before the deadlock, in transactions that were committed, is met by its
    second run as by a second click: every change of a state is conditional.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> HttpResponseBase | None:
        if request.method != "POST":
            return None  # whoever only reads takes no locks
        return again_after_deadlock(view)(request, *args, **kwargs)
