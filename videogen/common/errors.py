"""What can go wrong on the way from a shot to its take.

A VideogenError has a sentence that a producer understands. Any other exception is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The code of a submission that certainly never left, because its process ended before.
NOT_SENT = "not_sent"


class VideogenError(Exception):
    """An expected failure, with a sentence for people and a code for programs."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class RequestError(VideogenError):
    """The request makes no sense (an unknown story, a filter that matches nothing, missing
    settings). Nothing was queued."""


class ReviewError(VideogenError):
    """A take cannot be reviewed in this way. Nothing was changed."""


class ReferencePictureError(VideogenError):
    """A reference picture cannot be loaded as it was planned. Nothing was sent."""


class AttemptError(VideogenError):
    """One attempt to reach another server failed.

    permanent: trying again cannot help.
    retry_after: the seconds after which trying again makes sense, None if the server does not say.
    """

    def __init__(
        self, sentence: str, *, code: str, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, code=code)
        self.permanent = permanent
        self.retry_after = retry_after


class VeoError(AttemptError):
    """The video API, or the connection to it, failed.

    maybe_accepted: the submission may have been accepted and paid for, so it must never be sent
        again unless a person decides it.
    stops_queue: no submission can succeed until a person does something.
    waits_for_quota: the submission was refused for now only, which is not a failure.
    details: facts beside the sentence, as JSON: {"models": [...]} if the account was asked which
        models it has.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str,
        permanent: bool,
        maybe_accepted: bool = False,
        retry_after: float | None = None,
        stops_queue: bool = False,
        waits_for_quota: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence, code=code, permanent=permanent, retry_after=retry_after)
        self.maybe_accepted = maybe_accepted
        self.stops_queue = stops_queue
        self.waits_for_quota = waits_for_quota
        self.details = dict(details or {})


class DownloadError(AttemptError):
    """The file behind a link could not be downloaded. `permanent`: this link will never give it."""


class NoticeError(AttemptError):
    """A notice did not arrive. `permanent`: the receiver wants no more notices."""


class VideoFileError(VideogenError):
    """A file is not a playable video."""


class EventError(VideogenError):
    """An event of the API was refused. Its sentence goes into the log, never to the sender. The
    code is not_genuine, bad_event, or no_keys if neither can be told at the moment."""


def submitter_gone() -> VeoError:
    """Return the error of a submission whose process is gone."""
    return VeoError(
        "The process that submitted it ended or hung before an answer was kept. It may have been "
        "accepted and paid for, so it is not sent again by itself.",
        code="submitter_gone",
        permanent=False,
        maybe_accepted=True,
    )


def not_sent() -> VeoError:
    """Return the error of a submission that its process had claimed, but not sent when it ended."""
    return VeoError(
        "The process that had claimed it ended before it was sent. It is sent again.",
        code=NOT_SENT,
        permanent=False,
    )


def claimed_too_long_ago() -> VeoError:
    """Return the error of a submission that was not sent, because its claim is too old by now."""
    return VeoError(
        "Not sent: too much time had passed since it was its turn. It is sent when it is again.",
        code="claimed_too_long_ago",
        permanent=False,
    )


def broken_before(error: Exception) -> VeoError:
    """Return the error of a submission that a bug of ours kept from being sent."""
    return VeoError(
        f"Something unexpected failed on our side before it was sent ({type(error).__name__}); the "
        "log says more.",
        code="internal",
        permanent=True,
    )


def broken_here(error: Exception) -> VeoError:
    """Return the error of a submission during which a bug of ours appeared."""
    return VeoError(
        f"Something unexpected failed on our side ({type(error).__name__}); the log says more.",
        code="internal",
        permanent=False,
        maybe_accepted=True,
    )
