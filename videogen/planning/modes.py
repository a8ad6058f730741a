"""The mode table of the product: (where a shot stands, mode) → what is done, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from videogen.models import RenderBatch

from .shot_status import Situation

# A mode in a producer's words: what it is called, and what it does to the selected shots.
MODES = {
    RenderBatch.Mode.DEFAULT: (
        "Render what is missing",
        "Shots without a video get one. Shots that have a video are left alone.",
    ),
    RenderBatch.Mode.RESUME: (
        "Resume what was interrupted",
        "As above, and renders that broke off go on where they stopped. They ask for the videos "
        "that were already submitted: no new charge.",
    ),
    RenderBatch.Mode.OVERRIDE: (
        "Render new takes",
        "Shots that have a video get another take; the old takes stay. Approved shots are left "
        "alone. Every new take costs money.",
    ),
    RenderBatch.Mode.DRY_RUN: (
        "Rehearse, pay nothing",
        "Everything up to the paid call: the exact prompt and pictures are put together, checked "
        "and kept. Nothing is sent.",
    ),
}

Mode = RenderBatch.Mode


class Action(StrEnum):
    GENERATE = "generate"
    RESUME = "resume"
    DOWNLOAD = "download"
    REHEARSE = "rehearse"
    SKIP = "skip"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Decision:
    action: Action
    reason: str


def _always(action: Action, reason: str) -> dict[str, Decision]:
    return {mode: Decision(action, reason) for mode in (Mode.DEFAULT, Mode.RESUME, Mode.OVERRIDE)}


_RESUME_FIRST = {
    Mode.DEFAULT: Decision(Action.SKIP, "resume it"),
    Mode.OVERRIDE: Decision(Action.SKIP, "resume it first"),
}

DECISIONS: dict[Situation, dict[str, Decision]] = {
    Situation.IN_FLIGHT: _always(Action.SKIP, "already running"),
    Situation.UNKNOWN: _always(Action.SKIP, "a person must decide"),
    Situation.INTERRUPTED: {
        **_RESUME_FIRST,
        Mode.RESUME: Decision(Action.RESUME, "go on polling that operation"),
    },
    Situation.NOT_DOWNLOADED: {
        **_RESUME_FIRST,
        Mode.RESUME: Decision(Action.DOWNLOAD, "download only"),
    },
    Situation.APPROVED: {
        **_always(Action.SKIP, "approved"),
        Mode.OVERRIDE: Decision(Action.SKIP, "approved, unlock it first"),
    },
    Situation.VIDEO: {
        **_always(Action.SKIP, "exists"),
        Mode.OVERRIDE: Decision(Action.GENERATE, "generate a new take, keep the old ones"),
    },
    Situation.WITHOUT_VIDEO: _always(Action.GENERATE, Situation.WITHOUT_VIDEO.value),
    Situation.NOTHING: _always(Action.GENERATE, Situation.NOTHING.value),
}
for _situation, _by_mode in DECISIONS.items():
    _by_mode[Mode.DRY_RUN] = Decision(Action.REHEARSE, _situation.value)


def decide(situation: Situation, mode: str, impossible: Sequence[str] = ()) -> Decision:
    """The mode table. `impossible`: sentences that name what makes the shot impossible."""
    if impossible:
        return Decision(Action.BLOCKED, " ".join(impossible))
    return DECISIONS[situation][mode]
