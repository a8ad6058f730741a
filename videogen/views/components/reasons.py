"""Whether a shot is rendered, resumed or left alone, as a badge; why, in a producer's words; and
links to where that can be changed. It is for a plan that somebody looks at, and for the rows that a
confirmed batch keeps of its plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from storybook.models import DesignDocument, Shot
from videogen.common.formats import as_sentence
from videogen.models import RenderBatch, VideoRender
from videogen.planning.modes import DECISIONS, Action, Decision, Reason
from videogen.planning.plan import ShotPlan
from videogen.planning.shot_status import Situation, situation_of

from .badges import Badge

# The badges of a plan's decisions.
BADGES = {
    Action.GENERATE: Badge("blue", "generate", Action.GENERATE),
    Action.RESUME: Badge("blue", "resume", Action.RESUME),
    Action.DOWNLOAD: Badge("blue", "download", Action.DOWNLOAD),
    Action.REHEARSE: Badge("green", "rehearse", Action.REHEARSE),
    Action.SKIP: Badge("grey", "skip", Action.SKIP),
    Action.BLOCKED: Badge("red", "blocked", Action.BLOCKED),
}

RESUME = "Plan to resume"

_REHEARSED = "Put together and checked; nothing is sent."
_WORDS = {
    (Situation.NOTHING, Action.GENERATE): "No video yet.",
    (Situation.WITHOUT_VIDEO, Action.GENERATE): "No video yet: the tries before came to nothing.",
    (Situation.REJECTED, Action.GENERATE): "Every take of it was rejected.",
    (Situation.VIDEO, Action.GENERATE): "Another take; the takes so far stay.",
    (Situation.INTERRUPTED, Action.RESUME): (
        "Its render was interrupted; this asks for the video that was already submitted: no new "
        "charge."
    ),
    (Situation.NOT_DOWNLOADED, Action.DOWNLOAD): (
        "Its video is finished; only the file is fetched: no new charge."
    ),
    (Situation.IN_FLIGHT, Action.SKIP): "A render of it is queued or running.",
    (Situation.UNKNOWN, Action.SKIP): (
        "Nobody knows whether its last try was accepted and paid: a person must decide first."
    ),
    (Situation.INTERRUPTED, Action.SKIP): (
        "Its render was interrupted and may be paid for: resume it instead of paying again."
    ),
    (Situation.NOT_DOWNLOADED, Action.SKIP): (
        "Its video is finished, only the file is missing: resume it instead of paying again."
    ),
    (Situation.APPROVED, Action.SKIP): "Its take is approved, and so the shot is locked.",
    (Situation.VIDEO, Action.SKIP): "It has a video.",
}
_GONE = "It is no longer in the story's bundle. Select it without others to render it."
_NO_VIDEO = {
    VideoRender.State.FAILED: "failed",
    VideoRender.State.BLOCKED: "was blocked",
    VideoRender.State.CANCELLED: "was cancelled",
}


def reasons_of(row: ShotPlan) -> Sequence[str]:
    """Why a row of a plan is decided as it is, in sentences."""
    decision = row.decision
    if decision.action == Action.BLOCKED:
        return tuple(each.sentence for each in row.impossible) or (decision.reason,)
    if decision.code == Reason.GONE:
        return (_GONE,)
    if decision == DECISIONS[Situation.WITHOUT_VIDEO][RenderBatch.Mode.DEFAULT]:
        return (_last_try(row.cause),)
    return (_words(row.situation, decision),)


def reason_of_record(record: Mapping[str, Any], mode: str, cause: VideoRender | None) -> str:
    """Why a row of RenderBatch.plan was decided as it was. `cause` is the render that the row
    names; it does not matter what has become of it since."""
    found = _read_record(record) or _read_old_record(record, mode, cause)
    if found is None:
        return as_sentence(record["reason"])
    situation, decision = found
    if decision.action == Action.BLOCKED:
        return decision.reason
    return _words(situation, decision)


def find_shots_of(records: Iterable[Mapping[str, Any]]) -> dict[int, Shot]:
    """Return the shots that rows of RenderBatch.plan are about. One query."""
    shots = Shot.objects.select_related("scenelet").defer(
        "storyboard_payload", "scenelet__description"
    )
    return shots.in_bulk({each["shot"] for each in records})


def name_of_record(record: Mapping[str, Any], shots: Mapping[int, Shot]) -> str:
    """Return the name of the shot that a row of RenderBatch.plan is about. A shot that was deleted
    since has no code any more."""
    shot = shots.get(record["shot"])
    return str(shot) if shot else f"{record['scenelet_id']}, shot {record['shot_index']}"


def code_of_record(record: Mapping[str, Any]) -> Reason | None:
    """Why a row of RenderBatch.plan was decided so; None where an old row does not tell."""
    if found := _read_record(record):
        return found[1].code
    for words, code in _OLD_BLOCKED:
        if str(record["reason"]).startswith(words):
            return code
    return None


def _read_record(record: Mapping[str, Any]) -> tuple[Situation, Decision] | None:
    try:
        decision = Decision(Action(record["decision"]), Reason(record["code"]), record["params"])
        # With parameters that its words do not know, a row tells no more than an old one.
        str(decision.reason)
        return Situation(record["situation"]), decision
    except (KeyError, ValueError, TypeError, IndexError):
        return None


# -- rows of RenderBatch.plan that were stored before there were codes -----------------------------

_OLD_BLOCKED = (
    ("No price is known", Reason.NO_PRICE),
    ("Over the budget", Reason.OVER_BUDGET),
)


def _read_old_record(
    record: Mapping[str, Any], mode: str, cause: VideoRender | None
) -> tuple[Situation, Decision] | None:
    """By the words of the mode table. Two of its rows may have the same words: then `cause` tells
    which one it was."""
    fitting = {
        situation: by_mode[mode]
        for situation, by_mode in DECISIONS.items()
        if mode in by_mode
        and by_mode[mode].action == record["decision"]
        and by_mode[mode].reason == record["reason"]
    }
    if not fitting:
        return None
    now = situation_of(cause) if cause else None
    situation = now if now in fitting else next(iter(fitting))
    return situation, fitting[situation]


# -- words -----------------------------------------------------------------------------------------


def _words(situation: Situation, decision: Decision) -> str:
    if decision.action == Action.REHEARSE:
        return _REHEARSED
    # A reason beside the mode table explains itself.
    words = _WORDS.get((situation, decision.action)) if decision.is_of_mode_table else None
    return words or as_sentence(decision.reason)


def _last_try(cause: VideoRender | None) -> str:
    if cause is None:
        return "No video yet."
    ended = _NO_VIDEO.get(VideoRender.State(cause.state), "ended without one")
    return f"No video yet: the last try {ended}. {cause.error_message}".strip()


# -- where to go -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """A link to where something can be changed or looked at."""

    words: str
    url: str


@dataclass(frozen=True)
class BlockedShot:
    """What may make a shot impossible, apart from its story's documents."""

    has_storyboard: bool
    has_broken_pin: bool
    code: Reason | None
    is_not_taken: bool = False


def link_to_take(take: VideoRender) -> Link:
    takes = reverse("admin:storybook_shot_takes", args=[take.shot_id])
    return Link(f"Take {take.take}", f"{takes}#render-{take.pk}")


def next_steps(
    situation: Situation, shot: int, cause: VideoRender | None, resume: Link | None = None
) -> Sequence[Link]:
    """Links to what a skipped shot waits for. resume: where resuming it can be asked for."""
    takes = reverse("admin:storybook_shot_takes", args=[shot])
    if situation == Situation.IN_FLIGHT and cause:
        url = reverse("admin:videogen_renderbatch_progress", args=[cause.batch_id])
        return (Link("Watch it", url),)
    if situation in (Situation.INTERRUPTED, Situation.NOT_DOWNLOADED) and resume:
        return (resume,)
    if situation == Situation.UNKNOWN:
        return (Link("Decide", takes),)
    if situation == Situation.APPROVED:
        return (Link("Look at it", takes),)
    return (Link(f"Take {cause.take}" if cause and cause.take else "Takes", takes),)


def links_to_fix(
    shot: int, story: int, documents: Mapping[str, DesignDocument], blocked: BlockedShot
) -> Sequence[Link]:
    """Links to where the obstacles of a blocked shot can be removed."""
    if blocked.code == Reason.NO_PRICE or blocked.is_not_taken:
        return ()  # What helps is a setting or another model.
    if blocked.code == Reason.OVER_BUDGET:
        return (Link("What was spent", f"{reverse('admin:index')}#st-spending-name"),)
    shot_url = reverse("admin:storybook_shot_change", args=[shot])
    ways = [
        Link(f"{words} design document", _document_url(documents.get(kind), story, kind))
        for kind, words in (("visual", "Visual"), ("audio", "Audio"))
        if not getattr(documents.get(kind), "document", None)
    ]
    if not blocked.has_storyboard:
        ways.append(Link("Write its storyboard", shot_url))
    if blocked.has_broken_pin:
        ways.append(Link("Its reference choices", f"{shot_url}#reference_choices-group"))
    return ways or [Link("Look at the shot", shot_url)]


def _document_url(document: DesignDocument | None, story: int, kind: str) -> str:
    if document:
        return reverse("admin:storybook_designdocument_change", args=[document.pk])
    given = urlencode({"story": str(story), "kind": kind})
    return f"{reverse('admin:storybook_designdocument_add')}?{given}"
