"""The mode table of the product: (a shot's situation, the mode) → what is done with it, and why.

A decision is passed and stored as codes. The words of a reason stand beside its code, and are part
of the JSON contract: do not change those of the mode table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import models

from videogen.models import RenderBatch
from videogen.models.problems import Problem, ProblemCode
from videogen.models.render_warnings import RenderWarning, WarningCode

from .shot_status import Situation

Mode = RenderBatch.Mode

# A mode in a producer's words: what it is called, and what it does to the selected shots.
MODES = {
    Mode.DEFAULT: (
        "Render what is missing",
        "Shots without a video get one. Shots that have a video are left alone.",
    ),
    Mode.RESUME: (
        "Resume what was interrupted",
        "As above, and interrupted renders continue where they stopped. They ask for the videos "
        "that were already submitted: no new charge.",
    ),
    Mode.OVERRIDE: (
        "Render new takes",
        "Shots that have a video get another take; the old takes stay. Approved shots are left "
        "alone. Every new take costs money.",
    ),
    Mode.DRY_RUN: (
        "Rehearse, pay nothing",
        "Everything up to the paid call: the exact prompt and pictures are put together, checked "
        "and kept. Nothing is sent.",
    ),
}


class Action(StrEnum):
    GENERATE = "generate"
    RESUME = "resume"
    DOWNLOAD = "download"
    REHEARSE = "rehearse"
    SKIP = "skip"
    BLOCKED = "blocked"


# Where something is done: there is a render that is new or goes on.
WORK = frozenset({Action.GENERATE, Action.RESUME, Action.DOWNLOAD, Action.REHEARSE})


class Reason(models.TextChoices):
    """Each code with its words. The names in braces are parameters."""

    # -- the mode table
    ALREADY_RUNNING = "already_running", "already running"
    PERSON_MUST_DECIDE = "person_must_decide", "a person must decide"
    RESUME_IT = "resume_it", "resume it"
    RESUME_FIRST = "resume_first", "resume it first"
    KEEP_POLLING = "keep_polling", "go on polling that operation"
    DOWNLOAD_ONLY = "download_only", "download only"
    APPROVED = "approved", "approved"
    UNLOCK_FIRST = "unlock_first", "approved, unlock it first"
    EXISTS = "exists", "exists"
    NEW_TAKE = "new_take", "generate a new take, keep the old ones"
    # Why a shot is rendered or rehearsed is the situation itself.
    SITUATION = "situation", "{situation}"
    # -- beside the mode table
    IMPOSSIBLE = "impossible", "{problems}"
    REPEAT = "repeat", "{repeat}"
    OTHER_BACKEND = (
        "other_backend",
        "started with {backend}: set VIDEO_BACKEND={backend} to resume it",
    )
    NO_PRICE = (
        "no_price",
        str(ProblemCode.NO_PRICE.label),
    )
    OVER_BUDGET = "over_budget", "{overrun}"
    ALL_OR_NOTHING = "all_or_nothing", "all or nothing: the budget has no room for the rest"
    CHANGED = "changed", "changed, plan again"
    GONE = "gone", "no longer in the story's bundle; name it to render it"
    LINK_GIVEN = "link_given", "download link given"
    COPY = "copy", "exactly as {of} {number}{on_model}"
    NO_DRAFT = "no_draft", "no draft to promote: it has no cheaper take that is not rejected"
    OTHER_FORMAT = (
        "other_format",
        "its draft, take {number}, is {shape} and {seconds} s long: choose the same, or promote it "
        "by itself",
    )


@dataclass(frozen=True)
class Decision:
    """What is done with a shot, and why: a code with its parameters, which are JSON values."""

    action: Action
    code: Reason
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        words = dict(self.params)
        match self.code:
            case Reason.SITUATION:
                words["situation"] = Situation(self.params["situation"]).label
            case Reason.IMPOSSIBLE:
                words["problems"] = " ".join(
                    Problem.read(each).sentence for each in self.params["problems"]
                )
            case Reason.REPEAT:
                words["repeat"] = RenderWarning(WarningCode.REPEAT, self.params)
            case Reason.OVER_BUDGET:
                # Badges and filters need the decisions, but not what they cost.
                from videogen.billing.affordability import Overrun

                words["overrun"] = Overrun.of_params(self.params).sentence
            case Reason.COPY:
                model = self.params["model"]
                words["on_model"] = f" on {model}" if model else ""
        return str(self.code.label).format(**words)

    @property
    def is_of_mode_table(self) -> bool:
        return self.code in _OF_MODE_TABLE


def _because(action: Action, situation: Situation) -> Decision:
    return Decision(action, Reason.SITUATION, {"situation": situation.value})


def _always(decision: Decision) -> dict[str, Decision]:
    return {mode.value: decision for mode in (Mode.DEFAULT, Mode.RESUME, Mode.OVERRIDE)}


_RESUME_FIRST = {
    Mode.DEFAULT.value: Decision(Action.SKIP, Reason.RESUME_IT),
    Mode.OVERRIDE.value: Decision(Action.SKIP, Reason.RESUME_FIRST),
}

DECISIONS: dict[Situation, dict[str, Decision]] = {
    Situation.IN_FLIGHT: _always(Decision(Action.SKIP, Reason.ALREADY_RUNNING)),
    Situation.UNKNOWN: _always(Decision(Action.SKIP, Reason.PERSON_MUST_DECIDE)),
    Situation.INTERRUPTED: {
        **_RESUME_FIRST,
        Mode.RESUME.value: Decision(Action.RESUME, Reason.KEEP_POLLING),
    },
    Situation.NOT_DOWNLOADED: {
        **_RESUME_FIRST,
        Mode.RESUME.value: Decision(Action.DOWNLOAD, Reason.DOWNLOAD_ONLY),
    },
    Situation.APPROVED: {
        **_always(Decision(Action.SKIP, Reason.APPROVED)),
        Mode.OVERRIDE.value: Decision(Action.SKIP, Reason.UNLOCK_FIRST),
    },
    Situation.VIDEO: {
        **_always(Decision(Action.SKIP, Reason.EXISTS)),
        Mode.OVERRIDE.value: Decision(Action.GENERATE, Reason.NEW_TAKE),
    },
    Situation.REJECTED: _always(_because(Action.GENERATE, Situation.REJECTED)),
    Situation.WITHOUT_VIDEO: _always(_because(Action.GENERATE, Situation.WITHOUT_VIDEO)),
    Situation.NOTHING: _always(_because(Action.GENERATE, Situation.NOTHING)),
}
for _situation, _by_mode in DECISIONS.items():
    _by_mode[Mode.DRY_RUN.value] = _because(Action.REHEARSE, _situation)

_OF_MODE_TABLE = frozenset(each.code for row in DECISIONS.values() for each in row.values())


# What a shot that is no longer in the bundle still gets: nobody pays for it unasked, but what was
# paid for is not lost.
_BEFORE_GONE = frozenset(
    {
        Situation.IN_FLIGHT,
        Situation.UNKNOWN,
        Situation.INTERRUPTED,
        Situation.NOT_DOWNLOADED,
        Situation.APPROVED,
    }
)


def decide(
    situation: Situation, mode: str, problems: Sequence[Problem] = (), *, is_gone: bool = False
) -> Decision:
    """The mode table's decision; `problems`, which make the shot impossible, come before it.

    is_gone: the shot is no longer in the story's bundle, and nobody has named it.
    """
    if problems:
        params = {"problems": [each.as_dict() for each in problems]}
        return Decision(Action.BLOCKED, Reason.IMPOSSIBLE, params)
    if is_gone and mode != Mode.DRY_RUN and situation not in _BEFORE_GONE:
        return Decision(Action.SKIP, Reason.GONE)
    return DECISIONS[situation][mode]
