"""Notices → e-mail and webhook, each once.

A notice is taken by a conditional update, sent outside of any transaction, and its row says after
each channel that this one had it: who is killed in between repeats at most one channel. What fails
is tried again with growing waits; then the row says so, and a person may send it again.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from videogen.common.errors import NoticeError
from videogen.common.shutdown import stop_requested
from videogen.common.task_queue import wake_sender
from videogen.models import Notice, RenderBatch

from .detect import batch_of, due_notices
from .webhook import post_webhook

logger = logging.getLogger(__name__)

# A worker that waits for a dead mail server cannot pump.
SLICE_SECONDS = 10.0
# Longer than the queue lets a task live: until then it may still be sent.
LEASE = timedelta(minutes=5)
# After the first attempt, the second…
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
MAX_ATTEMPTS = len(WAITS) + 1

# What storybook.settings chooses where no mail server is named.
_NO_EMAIL = "django.core.mail.backends.dummy.EmailBackend"
_BROKE_OFF = "The process that sent it ended in the middle, or still sends it."


def run_slice() -> bool:
    """A cluster's task: send what is due. True where more is waiting."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and not stop_requested():
        notice = take_notice()
        if notice is None:
            return False
        send_notice(notice)
    return due_notices().exists()


def take_notice() -> Notice | None:
    """A due notice that is this caller's to send now. The attempt is counted before it is made, so
    one that kills its process does not go on for ever."""
    for notice in due_notices().order_by("next_attempt_at", "pk")[:20]:
        seen = Notice.objects.filter(pk=notice.pk, next_attempt_at=notice.next_attempt_at)
        if notice.attempts >= MAX_ATTEMPTS:
            seen.update(next_attempt_at=None, last_error=_given_up(notice.last_error))
            continue
        until = timezone.now() + LEASE
        if seen.update(next_attempt_at=until, attempts=F("attempts") + 1, last_error=_BROKE_OFF):
            notice.next_attempt_at = until
            notice.attempts += 1
            return notice
    return None


def send_notice(notice: Notice) -> None:
    """Give a notice that was taken to every channel that has not had it."""
    mine = Notice.objects.filter(pk=notice.pk, next_attempt_at=notice.next_attempt_at)
    errors = []
    for field, send in missing_channels(notice).items():
        try:
            send(notice)
        except NoticeError as error:
            logger.warning("Notice %s: %s", notice.pk, error.sentence)
            errors.append(error)
        else:
            mine.update(**{field: timezone.now()})
    mine.update(**_after(notice, errors))


def _after(notice: Notice, errors: list[NoticeError]) -> dict[str, Any]:
    if not errors:
        # An attempt that reached everyone is none of those that did not.
        return {"next_attempt_at": None, "attempts": notice.attempts - 1, "last_error": ""}
    words = " ".join(error.sentence for error in errors)
    if notice.attempts >= MAX_ATTEMPTS or all(error.permanent for error in errors):
        return {"next_attempt_at": None, "last_error": _given_up(words, notice.attempts)}
    told = timedelta(seconds=min(max(error.retry_after or 0 for error in errors), 24 * 3600))
    wait = max(WAITS[notice.attempts - 1], told)
    return {"next_attempt_at": timezone.now() + wait, "last_error": words}


def _given_up(words: str, attempts: int = MAX_ATTEMPTS) -> str:
    return f"Given up after {attempts} attempt{'s' * (attempts > 1)}. {words}"


def send_again(notice: Notice) -> bool:
    """A person wants it sent: to the channels that have not had it, or to all of them where all
    have. False where there is no channel."""
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


def missing_channels(notice: Notice) -> dict[str, Callable[[Notice], None]]:
    """By the field that says when: what is set up and has not had the notice. Queries."""
    channels: dict[str, Callable[[Notice], None]] = {}
    if notice.emailed_at is None and recipients_of(notice):
        channels["emailed_at"] = _send_email
    if notice.webhook_sent_at is None and settings.VIDEO_NOTICE_WEBHOOK_URL:
        channels["webhook_sent_at"] = _send_webhook
    return channels


def recipients_of(notice: Notice) -> list[str]:
    """Nobody where no mail server is named."""
    if settings.EMAIL_BACKEND == _NO_EMAIL:
        return []
    addresses = [*settings.VIDEO_NOTICE_EMAILS, _requester_of(batch_of(notice))]
    # The same person may be named twice.
    return list({address.casefold(): address for address in addresses if address}.values())


def _requester_of(batch: RenderBatch | None) -> str:
    person = batch.requested_by if batch else None
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


def _send_webhook(notice: Notice) -> None:
    data = {
        "subject": notice.subject,
        "text": notice.text,
        "story_id": notice.story.story_id if notice.story else None,
        "url": address_of(notice),
    }
    post_webhook(
        message_id_of(notice),
        {
            "type": f"notice.{notice.kind}",
            "timestamp": notice.created_at.isoformat(),
            "data": data,
        },
    )


def message_id_of(notice: Notice) -> str:
    """The same at every attempt, and another one in another installation."""
    what = f"{notice.pk} {notice.key} {notice.created_at.timestamp()}"
    return f"msg_{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def address_of(notice: Notice) -> str:
    """Of the page about it. Without VIDEO_SITE_URL only its path."""
    return f"{settings.VIDEO_SITE_URL}{notice.path}"


def _words_of(error: Exception) -> str:
    """What the mail server or the way to it says, without the password."""
    words = " ".join(str(error).split())
    for secret in filter(None, [settings.EMAIL_HOST_PASSWORD]):
        words = words.replace(secret, "[password]")
    return f"{type(error).__name__}: {words[:300]}"
