"""Submissions whose process is gone.

The journal may have the answer that the process received, or say that the call had not left.
Otherwise the outcome is unknown, and a person decides.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from videogen.common.errors import not_sent, submitter_gone
from videogen.common.processes import is_of_this_boot, is_provably_gone
from videogen.models import Lane, Submission

from . import journal
from .results import apply_accepted, apply_submit_error

logger = logging.getLogger(__name__)

# Seconds after which a claim is committed, if it ever is.
_COMMITTED_AFTER = 600.0


def reap(lane: Lane, mine: Collection[UUID] = ()) -> None:
    """Settle the submissions that dead processes of the lane left.

    mine: the submissions whose answers the caller waits for itself.
    """
    claimed = Submission.objects.filter(
        lane=lane, outcome=Submission.Outcome.CLAIMED
    ).select_related("render__shot__scenelet__story", "lane")
    settle([each for each in claimed if _is_orphaned(each, mine)], mine)


def settle(gone: Collection[Submission], mine: Collection[UUID] = ()) -> None:
    """Settle these submissions, whose processes are lost, by the journal: those with an answer
    were accepted, those that had not left are queued again, and all others become unknown. Answers
    of this journal to others are stored, too.

    mine: the submissions whose answers the caller waits for itself.
    """
    dead = {each.token for each in gone if _has_ended(each.owner)}
    # The journal is read after the owners were found dead: an answer that is not there now will
    # never be, and a call that had not left never will.
    not_left = journal.unsent() & dead
    kept = apply_kept_answers(mine)
    for submission in gone:
        if submission.token not in kept:
            error = not_sent() if submission.token in not_left else submitter_gone()
            apply_submit_error(submission, error)
    journal.forget_unsent(not_left)
    _clear_notes()


def apply_kept_answers(mine: Collection[UUID] = ()) -> set[UUID]:
    """Store the answers in this host's journal, except those to the submissions that the caller
    waits for itself. Return those that no row accepts: their files stay.

    It does no harm if another process of this host does the same, or waits for the answer itself.
    """
    kept = set()
    for token, operation_name in list(journal.read_answers()):
        if token in mine:
            continue
        try:
            apply_accepted(token, operation_name)
        except OperationalError:
            raise
        except DatabaseError:
            # An answer that no row accepts must not stop the others.
            logger.exception("The journal's answer %s cannot be applied", token)
            kept.add(token)
    return kept


def _clear_notes() -> None:
    """Remove the notes of calls that are settled, or whose claim was never committed."""
    if notes := journal.notes():
        claimed = Submission.objects.filter(
            token__in=notes, outcome=Submission.Outcome.CLAIMED
        ).values_list("token", flat=True)
        journal.forget_unsent(notes.difference(claimed), age=_COMMITTED_AFTER)


def patience() -> timedelta:
    """Return how long to wait for the answer to a submission."""
    return timedelta(seconds=2 * settings.VIDEO_SUBMIT_TIMEOUT_SECONDS)


def _has_ended(owner: str) -> bool:
    # The removal of a note is not synced to disk: after a power failure it may be there again.
    return is_provably_gone(owner) and is_of_this_boot(owner)


def _is_orphaned(submission: Submission, mine: Collection[UUID]) -> bool:
    # This holds for the caller's own submissions too: an answer whose headers only drip in has no
    # end. An answer that comes later still counts.
    if submission.claimed_at < timezone.now() - patience():
        return True
    return submission.token not in mine and is_provably_gone(submission.owner)
