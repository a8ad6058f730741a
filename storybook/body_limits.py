"""Middleware that refuses what is too large before anything of it is read.

Django writes every uploaded file to the disk before a view is asked, also for nobody who has logged
in. Here the announced length decides; a body without a length is no body to Django.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat

from .ended_sessions import ask_to_log_in

# What a login, an event or a form of somebody whose session has ended has room in.
ANYBODY_BYTES = 1024**2
_CHUNK = 64 * 1024
# Texts and the parts of a form around a file.
_ROOM_BYTES = 16 * 1024**2


def most_bytes() -> int:
    """Return how large the largest file is that anybody may send."""
    return max(
        settings.VIDEO_DOWNLOAD_MAX_BYTES,
        settings.STORY_ZIP_MAX_BYTES,
        settings.STORY_PICTURE_MAX_BYTES,
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )


def limit_bodies(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        text = request.META.get("CONTENT_LENGTH") or "0"
        length = int(text) if text.isdecimal() and len(text) < 20 else 0
        # Who it is, is only asked where it matters: that is a query.
        if length <= ANYBODY_BYTES:
            return get_response(request)
        if not request.user.is_authenticated:
            return _refuse_nobody(request, length)
        if length > most_bytes() + _ROOM_BYTES:
            return _too_large(request, length, most_bytes())
        is_form = request.content_type == "application/x-www-form-urlencoded"
        if is_form and length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return _too_large(request, length, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        response = get_response(request)
        if response.status_code == 400 and length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Beside a file, only who reads the body sees that a text in it is too large.
            return _too_large(request, length, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        return response

    return middleware


def _refuse_nobody(request: HttpRequest, length: int) -> HttpResponseBase:
    has_had_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    if not has_had_session or length > most_bytes() + _ROOM_BYTES:
        return _too_large(request, length, ANYBODY_BYTES)
    # A browser shows the answer only when it has got rid of the file. It is dropped as it comes.
    left = length
    while left > 0 and (chunk := request.read(min(_CHUNK, left))):
        left -= len(chunk)
    return ask_to_log_in(request, reads_body=False)


def _too_large(request: HttpRequest, length: int, limit: int) -> HttpResponse:
    context = {"sent": filesizeformat(length), "limit": filesizeformat(limit)}
    return render(request, "admin/too_large.html", context, status=413)
