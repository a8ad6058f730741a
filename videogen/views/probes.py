"""/healthz, /readyz and /metrics: for the programs that watch an installation.

They come as middleware before all others. A probe calls a host by its number and without TLS, has
no session, and must get its answer from what is left when the rest is broken.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare

from videogen.ops.health import is_healthy, unready

logger = logging.getLogger(__name__)


def answer_probes(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = probe(request)
        response["Cache-Control"] = "no-store"
        return response

    return middleware


def healthz(request: HttpRequest) -> HttpResponse:
    """200 "ok", or 503 "not ok" where the database does not answer, or something waits and nobody
    works. It tells nothing else, because everybody may ask."""
    try:
        is_ok = is_healthy()
    except Error as error:
        logger.warning("The database does not answer a probe (%s).", type(error).__name__)
        connection.close()
        is_ok = False
    return _answer([] if is_ok else [""])


def readyz(request: HttpRequest) -> HttpResponse:
    """200 "ok", or 503 "not ok". Who may read the metrics is told the parts that are not ready."""
    parts = unready()
    return _answer(parts if _may_read(request) else [""] if parts else [])


def metrics(request: HttpRequest) -> HttpResponse:
    """404 for who may not read them: nobody has to know that they are there."""
    if not _may_read(request):
        return HttpResponse("not found\n", content_type="text/plain", status=404)
    # It counts rows of every table, which importing the application must not wait for.
    from videogen.ops import metrics as told

    return HttpResponse(told.metrics(), content_type=told.CONTENT_TYPE)


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def _answer(broken: list[str]) -> HttpResponse:
    text = f"not ok {' '.join(broken)}".strip() if broken else "ok"
    return HttpResponse(f"{text}\n", content_type="text/plain", status=503 if broken else 200)


def _may_read(request: HttpRequest) -> bool:
    """Whether the request comes from a program on this machine, or has the token. What a proxy on
    this machine hands on comes from elsewhere."""
    expected = settings.VIDEO_METRICS_TOKEN
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if expected and scheme.lower() == "bearer" and constant_time_compare(token.strip(), expected):
        return True
    if {"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} & request.headers.keys():
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
