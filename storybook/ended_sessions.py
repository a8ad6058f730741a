"""A button that is pressed after the session has ended: nothing is done, and the person is told so.

They log in and come back to the page that the button is on, with what they had typed. Nobody knows
who they are before, so nothing is stored for them here: a signed cookie keeps the words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.csrf import csrf_failure

ENDED = "Your session had ended: nothing was done."
OLDER = "You have logged in again since you opened that page: nothing was done."
COOKIE = "ended_session"
_SALT = "storybook.ended_sessions"
_KEPT_SECONDS = 3600
# A browser keeps four kilobytes in a cookie, and what is signed is longer than the words.
_MOST_BYTES = 1_500
_OURS = ("csrfmiddlewaretoken", "next", "form_version")
_TYPED = ("reason", "link", "note")

# For an address that only takes what is posted: the page that the button is on, by the name of the
# address, from what is in it.
Page = Callable[[Mapping[str, Any]], str]
_pages: dict[str, Page] = {}


def button_is_on(url_name: str, page: Page) -> None:
    """Say which page the buttons are on that post to this address."""
    _pages[url_name] = page


def ask_to_log_in(request: HttpRequest, *, reads_body: bool = True) -> HttpResponse:
    """Answer something posted by nobody who is logged in. Its body is read unless it is too large
    to be read for just anybody."""
    words = _typed_words(request) if reads_body else {}
    following = urlencode({"next": _page_of(request, reads_body=reads_body)}, safe="/")
    login = HttpResponseRedirect(f"{reverse('admin:login')}?{following}")
    kept = json.dumps(words)
    if len(kept.encode()) > _MOST_BYTES:
        # They fit into no cookie: this page shows them, so that the person can copy them.
        context = {"sentence": ENDED, "words": words, "login_url": login.url}
        response: HttpResponse = render(request, "admin/session_ended.html", context)
        kept = "{}"
    else:
        response = login
    response.set_signed_cookie(
        COOKIE,
        kept,
        salt=_SALT,
        max_age=_KEPT_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


def refuse_old_page(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Answer a form of a page that is older than the last login, which changed its token (CSRF).
    Nothing was done. What another site sends is refused without repeating it."""
    origin = urlsplit(request.headers.get("Origin") or request.headers.get("Referer", ""))
    if not request.user.is_authenticated or origin.netloc != request.get_host():
        return csrf_failure(request, reason)
    context = {
        "sentence": OLDER,
        "words": _typed_words(request),
        "page_url": _page_of(request, reads_body=True),
    }
    return render(request, "admin/session_ended.html", context, status=403)


def sentence_of(request: HttpRequest) -> str:
    """Return what the person has to be told; empty if nothing was lost."""
    try:
        words = json.loads(
            request.get_signed_cookie(COOKIE, "", salt=_SALT, max_age=_KEPT_SECONDS) or "null"
        )
    except Exception:  # noqa: BLE001
        # Whatever is wrong with a cookie from outside, there is nothing to tell then.
        return ""
    if not isinstance(words, dict):
        return ""
    typed = " ".join(f"You had typed as {name}: “{text}”." for name, text in words.items())
    return f"{ENDED} {typed}".strip()


def tell(request: HttpRequest) -> bool:
    """Tell a person who has logged in again. Return whether there was something to tell: the cookie
    has to be deleted then."""
    sentence = sentence_of(request)
    if sentence:
        messages.warning(request, sentence, extra_tags=COOKIE)
    return bool(sentence)


def forget(response: HttpResponseBase) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")


def _typed_words(request: HttpRequest) -> dict[str, str]:
    """Return the fields of the form that a person has typed into, by their names."""
    return {
        name: value.strip()
        for name, value in request.POST.items()
        if name not in _OURS
        and not name.startswith("_")
        and "password" not in name
        and isinstance(value, str)
        and value.strip()
        and (name in _TYPED or "://" in value or len(value.split()) > 1)
    }


def _page_of(request: HttpRequest, *, reads_body: bool) -> str:
    """Return the page that the person was on."""
    own = {request.get_host()}
    following = request.POST.get("next", "") if reads_body else ""
    if following and url_has_allowed_host_and_scheme(following, own, request.is_secure()):
        return following
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return reverse("admin:index")
    page = _pages.get(match.url_name or "")
    return page(match.kwargs) if page else request.get_full_path()
