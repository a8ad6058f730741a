"""The states of a render and the moves between them, the outcomes of a submission, the reviews of a
take, and the status of a shot."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class State(models.TextChoices):
    QUEUED = "queued", "queued"
    SUBMITTING = "submitting", "submitting"
    RUNNING = "running", "rendering"
    DOWNLOADING = "downloading", "downloading"
    DONE = "done", "done"
    INTERRUPTED = "interrupted", "interrupted"
    NOT_DOWNLOADED = "not_downloaded", "not downloaded"
    FAILED = "failed", "failed"
    BLOCKED = "blocked", "blocked"
    CANCELLED = "cancelled", "cancelled"
    UNKNOWN = "unknown", "outcome unknown"
    REHEARSED = "rehearsed", "rehearsed"


class Kind(models.TextChoices):
    GENERATION = "generation", "generation"
    REHEARSAL = "rehearsal", "rehearsal"
    LINK = "link", "download of a given link"
    UPLOAD = "upload", "a person's own video"


class SubmissionOutcome(models.TextChoices):
    CLAIMED = "claimed", "not answered yet"
    ACCEPTED = "accepted", "accepted"
    NOT_CHARGED = "not_charged", "accepted, ended without a video, not charged"
    REJECTED = "rejected", "not accepted, not charged"
    UNKNOWN = "unknown", "unknown: maybe paid"


class Review(models.TextChoices):
    UNREVIEWED = "unreviewed", "unreviewed"
    SELECTED = "selected", "selected"
    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"


class BadgeWord(StrEnum):
    """The status of a shot. In the order in which the lists show them: what waits for a person
    comes before what needs nobody."""

    GENERATING = "generating"
    NEEDS_DECISION = "needs a decision"
    FAILED = "failed"
    NEEDS_REVIEW = "needs review"
    APPROVED = "approved"
    READY = "ready"


# The states of a render that is still on its way, in the order in which it goes through them. The
# database's constraints name these values in this order: another order is another migration.
OPEN_IN_ORDER = tuple(
    state.value for state in (State.QUEUED, State.SUBMITTING, State.RUNNING, State.DOWNLOADING)
)
OPEN = frozenset(State(value) for value in OPEN_IN_ORDER)
RESUMABLE = frozenset({State.INTERRUPTED, State.NOT_DOWNLOADED})
# States in which a render waits for a person.
STUCK = RESUMABLE | {State.UNKNOWN}
WITHOUT_VIDEO = frozenset({State.FAILED, State.BLOCKED, State.CANCELLED})
ENDED = frozenset(set(State) - OPEN)

# Outcomes of a submission that was charged, or may have been.
MAY_COST = frozenset(
    {SubmissionOutcome.CLAIMED, SubmissionOutcome.ACCEPTED, SubmissionOutcome.UNKNOWN}
)

MOVES: dict[str, set[State]] = {
    State.QUEUED: {State.SUBMITTING, State.REHEARSED, State.CANCELLED, State.FAILED},
    State.SUBMITTING: {State.RUNNING, State.UNKNOWN, State.QUEUED, State.FAILED, State.BLOCKED},
    # The answer may turn up late, for example in the journal of a machine that was offline.
    State.UNKNOWN: {State.RUNNING, State.DOWNLOADING, State.CANCELLED},
    State.RUNNING: {
        State.DOWNLOADING,
        State.FAILED,
        State.BLOCKED,
        State.UNKNOWN,
        State.INTERRUPTED,
        # Only once, after a block by the audio filter: see pipeline/results.py.
        State.QUEUED,
    },
    # A person may know the download link from somewhere else.
    State.INTERRUPTED: {State.RUNNING, State.DOWNLOADING, State.CANCELLED},
    State.DOWNLOADING: {State.DONE, State.NOT_DOWNLOADED, State.FAILED},
    State.NOT_DOWNLOADED: {State.DOWNLOADING, State.CANCELLED},
    # Only where a person takes back that it was given up: see recovery/decisions.py.
    State.CANCELLED: {State.UNKNOWN, State.INTERRUPTED, State.NOT_DOWNLOADED},
}
