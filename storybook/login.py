"""Wrong passwords at the login: whose address counts, and the page of somebody who must wait.

django-axes counts; its settings are in settings.py.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


def client_address(request: HttpRequest) -> str:
    """Return the address of whoever sent the request.

    Each of our own proxies appends the address that it was called from to X-Forwarded-For. What
    stands before those entries is what the client wrote itself, so it does not count.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.DJANGO_PROXIES
    if not proxies:
        return direct
    passed = [each.strip() for each in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return passed[-proxies] if len(passed) >= proxies and passed[-proxies] else direct


def show_wait(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Replace the login page for somebody who has to wait."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = TemplateResponse(
        request,
        "admin/login_wait.html",
        {
            **admin.site.each_context(request),
            "title": "Too many wrong passwords",
            "failures": settings.AXES_FAILURE_LIMIT,
            "minutes": max(1, round(seconds / 60)),
        },
        status=429,
        headers={"Retry-After": str(seconds)},
    )
    return page.render()
