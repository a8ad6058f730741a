"""Middleware: who sends a request to the API. Only its token says that, never a cookie.

Every answer below the API's address is JSON, also where a middleware refuses a request.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from videogen.models.api_tokens import ApiToken

PATH = "/api/"
LONGEST_TOKEN = 200


def known_by_token(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware, after the one that sets `request.user` from a session and before those that
    ask for it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PATH):
            return get_response(request)
        request.COOKIES = {}
        # Set where a cookie was odd: the answer would set another one.
        request.META.pop("CSRF_COOKIE_NEEDS_UPDATE", None)
        token = find_token(request)
        request.api_token = token  # type: ignore[attr-defined]
        request.user = token.user if token else AnonymousUser()
        response = get_response(request)
        if response.status_code >= 400 and not _is_json(response):
            from .problems import problem_of_status

            allow = response.headers.get("Allow")
            response = problem_of_status(response.status_code)
            if allow is not None:
                response["Allow"] = allow
        response["Cache-Control"] = "no-store"
        return response

    return middleware


def find_token(request: HttpRequest) -> ApiToken | None:
    """Return the token of the Authorization header, if it is one that opens the API now."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > LONGEST_TOKEN:
        return None
    token = ApiToken.objects.find_valid(secret)
    if token:
        token.note_use()
    return token


def _is_json(response: HttpResponseBase) -> bool:
    return "json" in response.headers.get("Content-Type", "")
