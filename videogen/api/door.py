"""The address of the API. What is behind it is loaded when the first request comes."""

from __future__ import annotations

import hashlib
from functools import cache

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLResolver
from django.urls.resolvers import RegexPattern
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.csrf import csrf_exempt


# The sender is known by a token, which no browser sends by itself, so no other site can post in
# somebody's name.
@csrf_exempt
def api_door(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Hand the request to its operation. Raises Http404 where there is none."""
    match = _resolver().resolve(rest)
    response = match.func(request, *match.args, **match.kwargs)
    return with_etag(request, response) if request.method in ("GET", "HEAD") else response


def with_etag(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give the answer an ETag, or return 304 where the sender has it already."""
    if response.status_code != 200 or response.streaming:
        return response
    if "ETag" not in response:
        response["ETag"] = quote_etag(_digest(response))
    unchanged = get_conditional_response(request, etag=response["ETag"])
    if unchanged:
        unchanged["ETag"] = response["ETag"]
    return unchanged or response


def _digest(response: HttpResponseBase) -> str:
    content: bytes = response.content  # type: ignore[attr-defined]
    return hashlib.sha256(content).hexdigest()[:32]


@cache
def _resolver() -> URLResolver:
    from .app import api

    patterns, _, _ = api.urls
    return URLResolver(RegexPattern(r""), patterns)
