"""The Content-Security-Policy of every page: what a browser may load and run in the admin's name.

Django has this built in from 6.0 on. Referrer-Policy and X-Content-Type-Options are set by its
SecurityMiddleware."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

HEADER = "Content-Security-Policy"


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's own pages about errors, which only developers see, carry their styles in them.
        is_debug_page = settings.DEBUG and response.status_code in (404, 500)
        if not is_debug_page:
            response.headers.setdefault(HEADER, settings.CONTENT_SECURITY_POLICY)
        return response

    return middleware
