"""Sends notices by e-mail and webhook, and events by webhook, once each.

A notice is taken by a conditional update and sent outside of any transaction. After each channel
its row records that this channel has had it, so a process that is killed in between repeats at most
one channel. A channel that fails is tried again after growing waits. When all attempts are used up,
the row says so, and a person may have it sent again.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from videogen.common.errors import NoticeError
from videogen.common.shutdown import stop_requested
from videogen.common.task_queue import wake_sender
from videogen.models import Notice, OutgoingEvent

from .detect import LONGEST_WAIT, due_events, due_notices
from .webhook import post_webhook

logger = logging.getLogger(__name__)

Message = TypeVar("Message", Notice, OutgoingEvent)

# This is short because a worker that waits for a dead mail server cannot do anything else.
SLICE_SECONDS = 10.0
# A notice that was taken is not taken again for this time. It is longer than the queue lets a task
# live, so by its end nobody is still sending.
LEASE = timedelta(minutes=5)
# The waits after the first attempt, the second, and so on.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
MAX_ATTEMPTS = len(WAITS) + 1

# What storybook.settings chooses if no mail server is configured.
_NO_EMAIL = "django.core.mail.backends.dummy.EmailBackend"
# Stands in the row while it is sent.
BROKE_OFF = "The process that was sending it ended, or is still sending it."


def run_slice() -> bool:
    """Send what is due, as a task of the cluster. Returns True if more is waiting."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and not stop_requested():
        message = take_notice() or take_event()
        if message is None:
            return False
        send_message(message)
    return due_notices().exists() or due_events().exists()


def take_notice() -> Notice | None:
    """Return a due notice that only this caller sends now, or None. The attempt is counted before
    it is made, so that a notice that kills its process is not tried for ever."""
    return _take(due_notices().select_related("batch__requested_by").defer("batch__plan"))


def take_event() -> OutgoingEvent | None:
    """The same of events."""
    return _take(due_events())


def _take(due: QuerySet[Message]) -> Message | None:
    for notice in due.order_by("next_attempt_at", "pk")[:20]:
        seen = _rows_of(notice).filter(next_attempt_at=notice.next_attempt_at)
        if notice.attempts >= MAX_ATTEMPTS:
            seen.update(next_attempt_at=None, last_error=_given_up(notice.last_error))
            continue
        until = timezone.now() + LEASE
        if seen.update(next_attempt_at=until, attempts=F("attempts") + 1, last_error=BROKE_OFF):
            notice.next_attempt_at = until
            notice.attempts += 1
            return notice
    return None


def _rows_of(message: Notice | OutgoingEvent) -> QuerySet[Any]:
    return type(message)._default_manager.filter(pk=message.pk)


def send_message(notice: Notice | OutgoingEvent) -> None:
    """Send what was taken to every channel that has not had it."""
    mine = _rows_of(notice).filter(next_attempt_at=notice.next_attempt_at)
    errors = []
    for field, send in missing_channels(notice).items():
        try:
            send(notice)
        except NoticeError as error:
            logger.warning("%s %s: %s", type(notice).__name__, notice.pk, error.sentence)
            errors.append(error)
        else:
            mine.update(**{field: timezone.now()})
    mine.update(**_after(notice, errors))


def _after(notice: Notice | OutgoingEvent, errors: list[NoticeError]) -> dict[str, Any]:
    if not errors:
        # `attempts` counts only those that did not reach everyone.
        return {"next_attempt_at": None, "attempts": notice.attempts - 1, "last_error": ""}
    words = " ".join(error.sentence for error in errors)
    if notice.attempts >= MAX_ATTEMPTS or all(error.permanent for error in errors):
        return {"next_attempt_at": None, "last_error": _given_up(words, notice.attempts)}
    longest = LONGEST_WAIT.total_seconds()
    told = timedelta(seconds=min(max(error.retry_after or 0 for error in errors), longest))
    wait = max(WAITS[notice.attempts - 1], told)
    return {"next_attempt_at": timezone.now() + wait, "last_error": words}


def _given_up(words: str, attempts: int = MAX_ATTEMPTS) -> str:
    given_up = ngettext("Given up after %d attempt.", "Given up after %d attempts.", attempts)
    return f"{given_up % attempts} {words}"


def redeliver(notice: Notice) -> bool:
    """Have a notice sent because a person wants that: to the channels that have not had it, or to
    all of them if all have had it. Returns False if no channel is configured."""
    with transaction.atomic():
        changes: dict[str, Any] = {"attempts": 0, "next_attempt_at": timezone.now()}
        if not missing_channels(notice):
            changes |= {"emailed_at": None, "webhook_sent_at": None}
            notice.emailed_at = notice.webhook_sent_at = None
        if not missing_channels(notice):
            return False
        Notice.objects.filter(pk=notice.pk).update(**changes, last_error="")
        wake_sender()
    return True


# -- channels --------------------------------------------------------------------------------------


def missing_channels(notice: Notice | OutgoingEvent) -> dict[str, Callable[[Any], None]]:
    """Return how to send it to each configured channel that has not had it, by the field that
    records when it was sent. Events are for programs: nobody gets an e-mail."""
    channels: dict[str, Callable[[Any], None]] = {}
    if isinstance(notice, Notice) and notice.emailed_at is None and recipients_of(notice):
        channels["emailed_at"] = _send_email
    if notice.webhook_sent_at is None and settings.VIDEO_NOTICE_WEBHOOK_URL:
        channels["webhook_sent_at"] = _send_webhook
    return channels


def recipients_of(notice: Notice) -> list[str]:
    """Return the addresses to notify; empty if e-mail is not configured."""
    if settings.EMAIL_BACKEND == _NO_EMAIL:
        return []
    addresses = [*settings.VIDEO_NOTICE_EMAILS, _requester_of(notice)]
    # The same person may be listed twice.
    return list({address.casefold(): address for address in addresses if address}.values())


def _requester_of(notice: Notice) -> str:
    """Return the address of the person who asked for the batch that the notice is about, or ""."""
    person = notice.batch.requested_by if notice.batch else None
    return person.email if person and person.is_active else ""


def _send_email(notice: Notice) -> None:
    message = EmailMessage(
        subject=notice.subject,
        body=f"{notice.text}\n\n{address_of(notice)}\n",
        to=recipients_of(notice),
    )
    try:
        message.send()
    except (OSError, ValueError) as error:
        raise NoticeError(f"E-mail: {_words_of(error)}", code="email") from error


def _send_webhook(message: Notice | OutgoingEvent) -> None:
    post_webhook(message_id_of(message), payload_of(message))


def payload_of(message: Notice | OutgoingEvent) -> dict[str, Any]:
    """Return what the webhook sends."""
    timestamp = message.created_at.isoformat()
    if isinstance(message, OutgoingEvent):
        return {"type": str(message.type), "timestamp": timestamp, "data": message.data}
    data = {
        "subject": message.subject,
        "text": message.text,
        "story_id": message.story.story_id if message.story else None,
        "url": address_of(message),
    }
    return {"type": f"notice.{message.kind}", "timestamp": timestamp, "data": data}


def message_id_of(message: Notice | OutgoingEvent) -> str:
    """Return an id that is the same at every attempt, and differs between installations."""
    what = f"{message.pk} {message.key} {message.created_at.timestamp()}"
    return f"msg_{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def address_of(notice: Notice) -> str:
    """Return the address of the page about the notice; without VIDEO_SITE_URL only its path."""
    return f"{settings.VIDEO_SITE_URL}{notice.path}"


def _words_of(error: Exception) -> str:
    """Return the error of the mail server or of the connection to it, without the password."""
    words = " ".join(str(error).split())
    for secret in filter(None, [settings.EMAIL_HOST_PASSWORD]):
        words = words.replace(secret, "[password]")
    return f"{type(error).__name__}: {words[:300]}"
