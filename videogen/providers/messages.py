"""The requests to the video APIs and their answers, as plain values that are the same for every
route."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ReferenceImage:
    mime_type: str
    data: bytes


# Stands for a link if the video comes within the operation's answer.
INLINE = "inline:"


@dataclass(frozen=True)
class VideoRequest:
    """A request for one video. Fields after `duration_seconds` are not sent if they are None or
    empty."""

    model: str
    prompt: str
    references: tuple[ReferenceImage, ...]
    reference_type: str
    aspect_ratio: str
    resolution: str
    # Sent as a JSON number, because the API refuses a string.
    duration_seconds: int
    # The submission's token, for routes that have a place for it.
    token: str = ""
    seed: int | None = None
    negative_prompt: str = ""
    person_generation: str = ""


@dataclass(frozen=True)
class Webhook:
    """The address that the API shall notify when the video is made, and our token, which the
    notification will contain."""

    uri: str
    token: str


@dataclass(frozen=True)
class Running:
    """The operation has not ended."""


@dataclass(frozen=True)
class Finished:
    """The operation made a video. `uri` is the link to it, or INLINE."""

    uri: str


@dataclass(frozen=True)
class Blocked:
    """A safety filter refused the request or the video, or the model refused in its own words."""

    reasons: tuple[str, ...]
    # The support codes that the reasons name.
    codes: tuple[str, ...]
    # Whether the provider says that such an ending costs nothing.
    is_charge_known: bool = True


@dataclass(frozen=True)
class Failed:
    """The operation ended with an error and without a video."""

    code: str
    message: str
    # Whether the provider says that such an ending costs nothing.
    is_charge_known: bool = True


@dataclass(frozen=True)
class Nothing:
    """The operation ended with neither a video nor a reason. Whether it was charged is unknown."""


PollAnswer = Running | Finished | Blocked | Failed | Nothing


def leaves_cost_open(answer: PollAnswer) -> bool:
    """Whether the operation ended in a way whose cost is unknown."""
    match answer:
        case Nothing():
            return True
        case Blocked() | Failed():
            return not answer.is_charge_known
    return False


@dataclass(frozen=True)
class ListedOperation:
    """An operation that the API has accepted. None means that the list does not tell. If it is done
    and has no link, a poll tells why."""

    name: str
    is_done: bool
    uri: str | None
    submitted_at: datetime | None
    token: str | None


@dataclass(frozen=True)
class GeneratedFile:
    """A file that the API has made and still keeps. `created_at` is None if the list does not tell
    it."""

    name: str
    uri: str
    created_at: datetime | None
    mime_type: str
