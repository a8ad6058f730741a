"""What goes to the video API and what comes back, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ReferenceImage:
    mime_type: str
    data: bytes


# The link of a video that comes within the operation's answer.
INLINE = "inline:"


@dataclass(frozen=True)
class VideoRequest:
    """One video. `duration_seconds` goes out as a JSON number: the API refuses a string.

    token: the submission's own, for routes that have a place for it. What is None or empty below
    is not sent.
    """

    model: str
    prompt: str
    references: tuple[ReferenceImage, ...]
    reference_type: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    token: str = ""
    seed: int | None = None
    negative_prompt: str = ""
    person_generation: str = ""


@dataclass(frozen=True)
class Webhook:
    """Where the API is to tell that the video is made, and the token of ours that comes with it."""

    uri: str
    token: str


@dataclass(frozen=True)
class Running:
    pass


@dataclass(frozen=True)
class Finished:
    """`uri`: where the video is, or INLINE."""

    uri: str


@dataclass(frozen=True)
class Blocked:
    """Refused by a safety filter, or by the model in its own words. `codes` are the reasons'
    support codes. is_charge_known: the API's owner says that such an ending costs nothing."""

    reasons: tuple[str, ...]
    codes: tuple[str, ...]
    is_charge_known: bool = True


@dataclass(frozen=True)
class Failed:
    """Ended without a video. is_charge_known: the API's owner says that such an ending costs
    nothing."""

    code: str
    message: str
    is_charge_known: bool = True


@dataclass(frozen=True)
class Nothing:
    """Done, and neither a video nor a reason came with it: nobody knows whether it was charged."""


PollAnswer = Running | Finished | Blocked | Failed | Nothing


def leaves_cost_open(answer: PollAnswer) -> bool:
    """Whether it has ended in a way of which nobody knows what it cost."""
    match answer:
        case Nothing():
            return True
        case Blocked() | Failed():
            return not answer.is_charge_known
    return False


@dataclass(frozen=True)
class ListedOperation:
    """One that the API has accepted. None: not told. Done without a link: a poll tells why."""

    name: str
    is_done: bool
    uri: str | None
    submitted_at: datetime | None
    token: str | None


@dataclass(frozen=True)
class GeneratedFile:
    """A file that the API has made and still has. None: not told."""

    name: str
    uri: str
    created_at: datetime | None
    mime_type: str
