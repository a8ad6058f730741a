"""Acts on a genuine event of the API, so that something happens sooner. Polling stays the truth: an
event says when to look and which submission's answer was lost, but never how a render ended.

Nothing is submitted here, and nothing depends on an event. An event that comes twice, late or in
another order has no further effect, so no ids of events are remembered. The conditional updates see
to that: a repeated event finds the poll due already, the submission settled and the candidate
taken.
"""

from __future__ import annotations

import logging
import re

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from videogen.common.errors import DownloadError, RequestError
from videogen.common.task_queue import wake_pump
from videogen.models import Candidate, KeptCharge, Submission, VideoRender
from videogen.models.routes import Route, account_of
from videogen.providers.url_guard import is_allowed_host, read_link
from videogen.recovery.candidates import file_key, store_candidates, take_candidate

from .payloads import INTERACTION, VIDEO, Event

logger = logging.getLogger(__name__)

State = VideoRender.State
Source = Candidate.Source

_FILE_KEY = re.compile(r"[\w.-]{1,200}", re.ASCII)

# Who decided that the candidate belongs to the render.
DECIDED_BY = "videogen: our token came with it"


def apply_event(event: Event) -> bool:
    """Apply the event, and return whether it changed anything. Events of other renders are ignored,
    because the API sends those of its whole project."""
    if not event.type.startswith((VIDEO, INTERACTION)):
        return False
    submission = _submission_of(event)
    if submission is None:
        return _keep_for_wiped(event) or _poll_now(_named(event))
    if submission.render.state == State.RUNNING:
        return _poll_now(Q(pk=submission.render_id))
    return _settle(submission, event)


def _sender() -> str:
    """Return the only account whose events can be verified. Those of another account would be
    signed with other keys."""
    return account_of(Route.GEMINI)


def _submission_of(event: Event) -> Submission | None:
    """Return the submission whose token the event has, if the submission may have been accepted."""
    if event.token is None:
        return None
    return (
        Submission.objects.filter(
            token=event.token,
            outcome__in=Submission.MAY_COST,
            render__backend=_sender(),
            render__state__in=[State.SUBMITTING, State.UNKNOWN, State.RUNNING],
        )
        .select_related("render__lane", "lane")
        .first()
    )


def _keep_for_wiped(event: Event) -> bool:
    """Keep the event's operation with the charge of a story that was wiped, if its answer was lost.
    Return whether that is news."""
    route = Route.OMNI if event.type.startswith(INTERACTION) else Route.GEMINI
    operation = _operation_in(event, route)
    if event.token is None or not operation:
        return False
    lost = KeptCharge.objects.filter(
        token=event.token,
        lane__name=_sender(),
        outcome__in=Submission.MAY_COST,
        operation_name="",
    )
    return lost.exists() and bool(KeptCharge.objects.keep_answers({event.token: operation}))


def _named(event: Event) -> Q:
    """Return the condition for renders of the event's operation. The names models/…/operations/ID,
    operations/ID and ID mean the same operation."""
    key = event.name.rpartition("/")[2]
    if not key:
        return Q(pk=None)
    return Q(operation_name=key) | Q(operation_name__endswith=f"/{key}")


def _poll_now(which: Q) -> bool:
    """Make the poll of these renders due now, if they are running and it is not due yet. Returns
    whether there was such a render."""
    now = timezone.now()
    rows = VideoRender.objects.open().filter(
        which, state=State.RUNNING, backend=_sender(), next_poll_at__gt=now
    )
    with transaction.atomic():
        is_sooner = bool(rows.update(next_poll_at=now))
        if is_sooner:
            wake_pump()
    return is_sooner


def _settle(submission: Submission, event: Event) -> bool:
    """Use the event as the answer to a submission that got none. If the answer may still come, the
    event is only kept."""
    candidate = _candidate(submission, event, _operation_in(event, submission.render.route))
    if candidate is None:
        logger.warning(
            "%s: an event has the render's token, but no usable video", submission.render
        )
        return False
    return _take(candidate, submission.render)


def _operation_in(event: Event, route: str) -> str:
    """Return the name of the event's operation if a poll could ask about it, else "". An id without
    a path is enough for interactions only."""
    is_whole = ("operations/" in event.name) != (route == Route.OMNI)
    return event.name if is_whole else ""


def _candidate(submission: Submission, event: Event, operation: str) -> Candidate | None:
    link = _link_in(event)
    name = operation or (_file_in(event) if link else "")
    if not name:
        return None
    return Candidate(
        lane=submission.lane,
        source=Source.WEBHOOK,
        name=name,
        download_uri=link,
        is_done=True,
        token=submission.token,
    )


def _link_in(event: Event) -> str:
    """Return the event's link, or "" if the same link from a poll would not be opened."""
    try:
        return event.file_uri if is_allowed_host(read_link(event.file_uri).host) else ""
    except DownloadError:
        return ""


def _file_in(event: Event) -> str:
    key = file_key(event.file_name or event.file_uri)
    return f"files/{key}" if _FILE_KEY.fullmatch(key) else ""


def _take(found: Candidate, render: VideoRender) -> bool:
    """Take the video for the render now, if that is possible. Otherwise the candidate is kept with
    its token and taken when the API is asked again."""
    store_candidates(render.lane, [found])
    candidate = Candidate.objects.get(lane=render.lane, name=found.name)
    if render.state == State.SUBMITTING:
        # The submission's answer is still to come. It has the whole name of the operation, which an
        # event may shorten.
        return True
    try:
        is_taken = take_candidate(candidate, render, DECIDED_BY)
    except RequestError as error:
        logger.warning("%s: %s is kept for later: %s", render, candidate, error.sentence)
        return False
    if is_taken:
        logger.info("%s: an event with its token brought %s", render, candidate)
    return is_taken
