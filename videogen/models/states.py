"""The states of a render and the moves between them, the outcomes of a submission, the reviews of a
take, and the status of a shot."""

from __future__ import annotations

from collections.abc import Iterable
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


class RejectReason(models.TextChoices):
    """What is wrong with a rejected take. A verdict may have several."""

    FACE = "face", "face"
    WARDROBE = "wardrobe", "wardrobe"
    DESIGN = "design", "design"
    CAMERA = "camera", "camera"
    MOTION = "motion", "motion"
    LIP_SYNC = "lip_sync", "lip-sync"
    SOUND = "sound", "sound"
    TEXT = "text", "text in the picture"
    ARTEFACT = "artefact", "artefact"
    STORY = "story", "story"

    @classmethod
    def stored(cls, reasons: Iterable[str]) -> str:
        """The codes in one string, each once and in this order, so that equal verdicts are equal.
        ValueError for what is no such reason."""
        given = {cls(reason) for reason in reasons}
        return ",".join(each.value for each in cls if each in given)

    @classmethod
    def read(cls, stored: str) -> list[RejectReason]:
        return [each for each in cls if each.value in stored.split(",")]


class BadgeWord(StrEnum):
    """The status of a shot: codes, which are stored and stand in addresses. People read the words
    of `SHOT_WORDS`. In the order in which the lists show them: what waits for a person comes before
    what needs nobody."""

    GENERATING = "generating"
    NEEDS_DECISION = "needs a decision"
    FAILED = "failed"
    NEEDS_REVIEW = "needs review"
    APPROVED = "approved"
    # Nothing was ever asked for, or only rehearsed.
    READY = "ready"
    # Every take was rejected.
    RETAKE = "retake"
    # What was asked for last was cancelled before it was sent.
    CANCELLED = "cancelled"
    # A person gave up what was asked for last. It may have been paid for.
    GIVEN_UP = "given up"
    # Something without which nothing can be sent is missing. It is never stored, because it
    # follows from the story and not from the renders.
    BLOCKED = "blocked"


# What people read, on every screen and from every command. The glossary explains each.
SHOT_WORDS = {word: "to do" if word == BadgeWord.READY else word.value for word in BadgeWord}
# Statuses of shots that have no video and for which nothing is at work: the next batch renders them
# if nothing is missing.
TO_BE_MADE = (BadgeWord.READY, BadgeWord.RETAKE, BadgeWord.CANCELLED, BadgeWord.GIVEN_UP)

# Why a render was cancelled before it was sent. A cancelled render with another code had been
# sent, or may have been, and a person gave it up.
CANCELLED_BY_PERSON = "cancelled"
CANCELLED_WITH_COMMAND = "stopped"
WORKER_GONE = "worker_gone"
ONE_IS_APPROVED = "one_is_approved"
GIVEN_UP = "given_up"
NEVER_SENT = frozenset(
    {"", CANCELLED_BY_PERSON, CANCELLED_WITH_COMMAND, WORKER_GONE, ONE_IS_APPROVED}
)
# Why a queued render was sent back: the API says in words that the account may not make videos.
ACCOUNT_REFUSED = "account_refused"


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
