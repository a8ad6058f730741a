"""Light or dark: what a person chose, kept in a cookie, so that pages have it without a script."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from .ended_sessions import button_is_on

# The buttons are on every page; whoever has to log in first comes back to the first one.
button_is_on("theme", lambda address: reverse("admin:index"))

COOKIE = "theme"
# "" is as the system has it.
THEMES = (("", "Auto"), ("light", "Light"), ("dark", "Dark"))
_KEPT_SECONDS = 400 * 24 * 3600


def theme_of(request: HttpRequest) -> str:
    """Return "light", "dark" or ""."""
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in {value for value, _ in THEMES} else ""


def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep what the button says, and go back to the page that it is on."""
    chosen, following = request.POST.get("theme", ""), request.POST.get("next", "")
    own = {request.get_host()}
    if not url_has_allowed_host_and_scheme(following, own, request.is_secure()):
        following = reverse("admin:index")
    response = HttpResponseRedirect(following)
    if chosen in ("light", "dark"):
        response.set_cookie(
            COOKIE,
            chosen,
            max_age=_KEPT_SECONDS,
            samesite="Lax",
            httponly=True,
            secure=request.is_secure(),
        )
    else:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response
