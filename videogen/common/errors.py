"""What can go wrong on the way from a shot to its take. A VideogenError carries a sentence that a
producer understands; everything else that is raised is a defect of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class VideogenError(Exception):
    """Expected failure. `code` is for programs, the sentence for people."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class RequestError(VideogenError):
    """What was asked for makes no sense (unknown story, a filter that matches nothing, missing
    settings): nothing was queued."""


class ReviewError(VideogenError):
    """A take cannot be reviewed in this way: nothing was changed."""


class ReferencePictureError(VideogenError):
    """A reference picture cannot be loaded as it was planned: nothing was sent."""


class VeoError(VideogenError):
    """The video API, or the way to it, failed.

    permanent: asking again cannot help.
    maybe_accepted: the submission may have been accepted and paid for; never send it again unasked.
    retry_after: seconds until asking again makes sense, None where the API does not say.
    stops_queue: no other submission can succeed until a person mends something.
    waits_for_quota: not a failure; the submission was refused for now only.
    details: facts beside the sentence, as JSON: {"models": [...]} where the account was asked which
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
        super().__init__(sentence, code=code)
        self.permanent = permanent
        self.maybe_accepted = maybe_accepted
        self.retry_after = retry_after
        self.stops_queue = stops_queue
        self.waits_for_quota = waits_for_quota
        self.details = dict(details or {})


def submitter_gone() -> VeoError:
    return VeoError(
        "The process that submitted it ended or hung before an answer was kept. It may have been "
        "accepted and paid for, so it is not sent again by itself.",
        code="submitter_gone",
        permanent=False,
        maybe_accepted=True,
    )


def broken_here(error: Exception) -> VeoError:
    """A defect of ours between a request and what is made of its answer."""
    return VeoError(
        f"Something unexpected broke on our side ({type(error).__name__}); the log has more.",
        code="internal",
        permanent=False,
        maybe_accepted=True,
    )


class DownloadError(VideogenError):
    """The file behind a link was not had. `permanent`: the same link will not give it."""

    def __init__(
        self, sentence: str, *, code: str, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, code=code)
        self.permanent = permanent
        self.retry_after = retry_after


class VideoFileError(VideogenError):
    """A file that is not a playable video."""


class NoticeError(VideogenError):
    """A notice did not reach the other side. `permanent`: the other side wants no more of them."""

    def __init__(
        self, sentence: str, *, code: str, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, code=code)
        self.permanent = permanent
        self.retry_after = retry_after


class EventError(VideogenError):
    """An event that is not taken; its sentence goes into the log, never to the sender. `code`:
    not_genuine, bad_event, or no_keys where that cannot be told now."""
