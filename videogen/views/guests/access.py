"""Who may open an address below /share/, and what its answers have in common.

A wrong token, an expired and a revoked link, and whatever a link does not cover get the same
answer. A link is looked up at each request, so a revoked one is closed at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from videogen.models import GuestLink

# How long a browser need not ask for the passphrase again.
_KEPT_SECONDS = 12 * 3600
_SALT = "videogen.guest_link"
CACHE_CONTROL = "private, no-store"


@dataclass(frozen=True)
class Visit:
    """Somebody opens a link that exists. The token is known only while they do."""

    request: HttpRequest
    link: GuestLink
    token: str

    @property
    def is_let_in(self) -> bool:
        """Whether the link has no passphrase, or this browser has given it."""
        if not self.link.passphrase:
            return True
        given = self.request.get_signed_cookie(self._cookie, "", salt=_SALT, max_age=_KEPT_SECONDS)
        return hmac.compare_digest(str(given), self.link.token_sha256)

    def let_in(self, response: HttpResponseBase) -> None:
        """Have the browser remember that it has given the passphrase."""
        response.set_signed_cookie(
            self._cookie,
            self.link.token_sha256,
            salt=_SALT,
            max_age=_KEPT_SECONDS,
            path=self.url(),
            httponly=True,
            samesite="Lax",
            secure=self.request.is_secure(),
        )

    def url(self, name: str = "guest_page", *args: object) -> str:
        return reverse(name, args=[self.token, *args])

    @property
    def _cookie(self) -> str:
        return f"guest_link_{self.link.pk}"


def for_guests(
    view: Callable[..., HttpResponseBase], *, asks_passphrase: bool = False
) -> Callable[..., HttpResponseBase]:
    """Make a view of a function that takes a visit. It is called for open links only and, unless it
    asks for the passphrase itself, only for those who have given it."""

    # The address itself is a secret that no other site knows. A page with `no-referrer` posts with
    # "Origin: null", which Django's protection would refuse.
    @csrf_exempt
    @wraps(view)
    def guest_view(request: HttpRequest, token: str = "", **kwargs: Any) -> HttpResponseBase:
        link = GuestLink.objects.find_open(token)
        visit = Visit(request, link, token) if link else None
        response = None
        if visit and (asks_passphrase or visit.is_let_in):
            try:
                response = view(visit, **kwargs)
            except Http404:
                response = None
        return _protected(response or _not_there(request))

    return guest_view


def guest_link_without_slash(request: HttpRequest, token: str) -> HttpResponse:
    """Add the slash that was lost on the way, whether there is such a link or not."""
    return HttpResponseRedirect(reverse("guest_page", args=[token]))


def nothing_there(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Answer every other address below /share/ as a wrong link."""
    return _protected(_not_there(request))


def _not_there(request: HttpRequest) -> HttpResponse:
    return render(request, "guest/not_there.html", status=404)


def _protected(response: HttpResponseBase) -> HttpResponseBase:
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = CACHE_CONTROL
    return response
