"""The address to which the API posts its events.

It needs no session, and it tells nothing to a sender that is not the API.
"""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from videogen.common.errors import EventError

logger = logging.getLogger(__name__)

# A real event is smaller than one kilobyte.
MAX_BYTES = 64 * 1024
STATUS = {"not_genuine": 401, "bad_event": 400, "no_keys": 503}


@csrf_exempt
def video_events(request: HttpRequest) -> HttpResponse:
    """Answer 204 to a genuine event. After a 503, the API sends the event again."""
    # Every process loads the addresses, and few receive events.
    from videogen.webhooks.handlers import apply_event
    from videogen.webhooks.signatures import genuine_event, is_listening

    if not is_listening():
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        event = genuine_event(request.headers, body)
        has_effect = apply_event(event)
    except EventError as error:
        logger.warning("%s", error.sentence)
        return HttpResponse(status=STATUS[error.code])
    except (OperationalError, InterfaceError) as error:
        logger.warning(
            "An event was not stored, for the database is away or busy (%s).",
            type(error).__name__,
        )
        return HttpResponse(status=503)
    logger.info("Event %s %s: %s", event.type, event.name, "used" if has_effect else "no news")
    return HttpResponse(status=204)
