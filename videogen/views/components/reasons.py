"""Why a shot is rendered, resumed or left alone, in a producer's words, and the way to what mends
it: of a plan that is looked at, and of the record that a confirmed batch keeps of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from storybook.models import DesignDocument
from videogen.billing.budgets import OVER_BUDGET
from videogen.models import VideoRender
from videogen.planning.modes import DECISIONS, Action, Decision
from videogen.planning.plan import UNPRICED, ShotPlan
from videogen.planning.shot_status import Situation, situation_of

RESUME = "Plan to resume"

_REHEARSED = "Put together and checked; nothing is sent."
_WORDS = {
    (Situation.NOTHING, Action.GENERATE): "No video yet.",
    (Situation.WITHOUT_VIDEO, Action.GENERATE): "No video yet: the tries before came to nothing.",
    (Situation.VIDEO, Action.GENERATE): "Another take; the takes so far stay.",
    (Situation.INTERRUPTED, Action.RESUME): (
        "Its render broke off; this asks for the video that was already submitted: no new charge."
    ),
    (Situation.NOT_DOWNLOADED, Action.DOWNLOAD): (
        "Its video is finished; only the file is fetched: no new charge."
    ),
    (Situation.IN_FLIGHT, Action.SKIP): "A render of it is under way.",
    (Situation.UNKNOWN, Action.SKIP): (
        "Nobody knows whether its last try was accepted and paid: a person must decide first."
    ),
    (Situation.INTERRUPTED, Action.SKIP): (
        "Its render broke off and may be paid for: resume it instead of paying again."
    ),
    (Situation.NOT_DOWNLOADED, Action.SKIP): (
        "Its video is finished, only the file is missing: resume it instead of paying again."
    ),
    (Situation.APPROVED, Action.SKIP): "Its take is approved, and so the shot is locked.",
    (Situation.VIDEO, Action.SKIP): "It has a video.",
}
_NO_VIDEO = {
    VideoRender.State.FAILED: "failed",
    VideoRender.State.BLOCKED: "was blocked",
    VideoRender.State.CANCELLED: "was cancelled",
}


def reasons_of(row: ShotPlan, mode: str) -> Sequence[str]:
    decision = row.decision
    if decision.action == Action.BLOCKED:
        return row.impossible or (decision.reason,)
    if decision != DECISIONS[row.situation][mode]:
        # A reason beside the mode table explains itself.
        return (_sentence(decision.reason),)
    if row.situation == Situation.WITHOUT_VIDEO and decision.action == Action.GENERATE:
        return (_last_try(row.cause),)
    return (_words(row.situation, decision),)


def reason_of_record(record: Mapping[str, Any], mode: str, cause: VideoRender | None) -> str:
    """Of a row of RenderBatch.plan; `cause` is the render that it names. What was decided stays as
    it was, whatever has become of the render since."""
    try:
        decision = Decision(Action(record["decision"]), record["reason"])
    except ValueError:
        return _sentence(record["reason"])
    if decision.action == Action.BLOCKED:
        return decision.reason
    fitting = [each for each, by_mode in DECISIONS.items() if by_mode.get(mode) == decision]
    if not fitting:
        return _sentence(decision.reason)
    # Two rows of the table may have the same words.
    now = situation_of(cause) if cause else None
    return _words(now if now in fitting else fitting[0], decision)


def _words(situation: Situation, decision: Decision) -> str:
    if decision.action == Action.REHEARSE:
        return _REHEARSED
    return _WORDS.get((situation, decision.action)) or _sentence(decision.reason)


def _sentence(reason: str) -> str:
    end = "" if reason.endswith((".", "!", "?")) else "."
    return f"{reason[:1].upper()}{reason[1:]}{end}" if reason else ""


def _last_try(cause: VideoRender | None) -> str:
    if cause is None:
        return "No video yet."
    sentence = f"No video yet: the last try {_NO_VIDEO.get(cause.state, 'ended without one')}."
    return f"{sentence} {cause.error_message}".strip()


# -- where to go -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A link to where something is mended or looked at."""

    words: str
    url: str


@dataclass(frozen=True)
class Obstacles:
    """What may make a shot impossible, beside its story's documents."""

    has_storyboard: bool
    has_broken_pin: bool
    reason: str
    is_not_taken: bool = False


def way_to_take(take: VideoRender) -> Way:
    takes = reverse("admin:storybook_shot_takes", args=[take.shot_id])
    return Way(f"Take {take.take}", f"{takes}#render-{take.pk}")


def ways_on(
    situation: Situation, shot: int, cause: VideoRender | None, resume: Way | None = None
) -> Sequence[Way]:
    """What a shot that is left alone waits for. resume: where that can be asked for."""
    takes = reverse("admin:storybook_shot_takes", args=[shot])
    if situation == Situation.IN_FLIGHT and cause:
        url = reverse("admin:videogen_renderbatch_progress", args=[cause.batch_id])
        return (Way("Watch it", url),)
    if situation in (Situation.INTERRUPTED, Situation.NOT_DOWNLOADED) and resume:
        return (resume,)
    if situation == Situation.UNKNOWN:
        return (Way("Decide", takes),)
    if situation == Situation.APPROVED:
        return (Way("Look at it", takes),)
    return (Way(f"Take {cause.take}" if cause and cause.take else "Takes", takes),)


def ways_to_mend(
    shot: int, story: int, documents: Mapping[str, DesignDocument], blocked: Obstacles
) -> Sequence[Way]:
    if blocked.reason.startswith(UNPRICED) or blocked.is_not_taken:
        return ()  # a setting mends it, or another model
    if blocked.reason.startswith(OVER_BUDGET):
        return (Way("What was spent", f"{reverse('admin:index')}#st-spending-name"),)
    shot_url = reverse("admin:storybook_shot_change", args=[shot])
    ways = [
        Way(f"{words} design document", _document_url(documents.get(kind), story, kind))
        for kind, words in (("visual", "Visual"), ("audio", "Audio"))
        if not getattr(documents.get(kind), "document", None)
    ]
    if not blocked.has_storyboard:
        ways.append(Way("Write its storyboard", shot_url))
    if blocked.has_broken_pin:
        ways.append(Way("Its reference choices", f"{shot_url}#reference_choices-group"))
    return ways or [Way("Look at the shot", shot_url)]


def _document_url(document: DesignDocument | None, story: int, kind: str) -> str:
    if document:
        return reverse("admin:storybook_designdocument_change", args=[document.pk])
    given = urlencode({"story": story, "kind": kind})
    return f"{reverse('admin:storybook_designdocument_add')}?{given}"
