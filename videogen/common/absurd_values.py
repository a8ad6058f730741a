"""Values in an address that no row can have: there is no such page, and the server is in order.

Django and the databases refuse them late, each in its own way: SQLite cannot take a number of more
than 64 bits, PostgreSQL no NUL and no number that its column has no room for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import DataError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from .untrusted_text import clean

logger = logging.getLogger(__name__)

LARGEST_NUMBER = 2**63 - 1
_READING = ("GET", "HEAD")


def is_absurd(value: object) -> bool:
    """Whether no column can have this value."""
    if isinstance(value, int):
        return abs(value) > LARGEST_NUMBER
    return isinstance(value, str) and "\0" in value


class AbsurdValueMiddleware(MiddlewareMixin):
    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        if any(map(is_absurd, kwargs.values())) or any(map(is_absurd, _values(request))):
            raise Http404("No page has such an address.")

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """Of a page that is only read, such an error can only come from what was asked for."""
        if request.method in _READING and isinstance(error, (OverflowError, DataError)):
            logger.warning("%s: %s", clean(request.get_full_path())[:300], clean(error))
            raise Http404("No page has such an address.") from error


def _values(request: HttpRequest) -> Iterable[object]:
    for name, values in request.GET.lists():
        yield from (name, *values)
