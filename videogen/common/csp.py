"""Middleware that sets the Content-Security-Policy of every page, so that a browser loads and runs
only what is ours.

Django has this built in from version 6.0 on. Its SecurityMiddleware sets Referrer-Policy and
X-Content-Type-Options.
"""

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
        # Django's debug pages about errors, which only developers see, have inline styles.
        is_debug_page = settings.DEBUG and response.status_code in (404, 500)
        if not is_debug_page:
            response.headers.setdefault(HEADER, settings.CONTENT_SECURITY_POLICY)
        return response

    return middleware
