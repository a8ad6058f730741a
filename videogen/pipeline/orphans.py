"""Submissions whose process is gone: they are settled by the answer in the journal, or by nobody's
knowing it."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from videogen.common.errors import submitter_gone
from videogen.common.processes import is_provably_gone
from videogen.models import Lane, Submission

from . import journal
from .results import apply_accepted, apply_submit_error

logger = logging.getLogger(__name__)


def reap(lane: Lane, mine: Collection[UUID] = ()) -> None:
    """Settle what dead pumps of the lane left: an answer in the journal, or nobody knows.
    mine: the submissions that the caller waits for itself."""
    gone = [
        submission
        for submission in Submission.objects.filter(
            lane=lane, outcome=Submission.Outcome.CLAIMED
        ).select_related("render__shot__scenelet__story", "lane")
        if _is_orphaned(submission, mine)
    ]
    # Read after the owners were found dead: what is not there now will never be.
    kept = set()
    for token, operation_name in list(journal.read_answers()):
        if token in mine:
            continue
        try:
            apply_accepted(token, operation_name)
        except OperationalError:
            raise
        except DatabaseError:
            # One answer that no row takes must not stop the others; its file stays.
            logger.exception("The journal's answer %s cannot be applied", token)
            kept.add(token)
    for submission in gone:
        if submission.token not in kept:
            apply_submit_error(submission, submitter_gone())


def patience() -> timedelta:
    """How long an answer to a submission is waited for."""
    return timedelta(seconds=2 * settings.VIDEO_SUBMIT_TIMEOUT_SECONDS)


def _is_orphaned(submission: Submission, mine: Collection[UUID]) -> bool:
    # This process's own too: an answer whose headers drip has no end. A late one still counts.
    if submission.claimed_at < timezone.now() - patience():
        return True
    return submission.token not in mine and is_provably_gone(submission.owner)
