"""One shot of a plan as its page tells of it: what happens to it, why in a producer's words, what
looks risky, and the way to what mends it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.urls import reverse
from django.utils.http import urlencode

from storybook.models import DesignDocument, KeyFrame, Story
from storybook.thumbnails import thumbnail_url
from videogen.models import VideoRender
from videogen.planning import DECISIONS, Action, Plan, ShotPlan
from videogen.showing import Badge, indented, usd
from videogen.situations import Situation

BADGES = {
    Action.GENERATE: Badge("blue", "generate"),
    Action.RESUME: Badge("blue", "resume"),
    Action.DOWNLOAD: Badge("blue", "download"),
    Action.REHEARSE: Badge("green", "rehearse"),
    Action.SKIP: Badge("grey", "skip"),
    Action.BLOCKED: Badge("red", "blocked"),
}

_WORDS = {
    (Situation.NOTHING, Action.GENERATE): "No video yet.",
    (Situation.VIDEO, Action.GENERATE): "Another take; the takes so far stay.",
    (Situation.INTERRUPTED, Action.RESUME): (
        "Its render broke off and goes on where it stopped. It is paid for already."
    ),
    (Situation.NOT_DOWNLOADED, Action.DOWNLOAD): (
        "Its video is finished and paid for; only the file is fetched."
    ),
    (Situation.IN_FLIGHT, Action.SKIP): "A render of it is under way.",
    (Situation.UNKNOWN, Action.SKIP): (
        "Nobody knows whether its last try was accepted and paid: a person must decide first."
    ),
    (Situation.INTERRUPTED, Action.SKIP): (
        "Its render broke off and may be paid for: resume it instead of paying again."
    ),
    (Situation.NOT_DOWNLOADED, Action.SKIP): (
        "Its video is finished and paid for, only the file is missing: resume it."
    ),
    (Situation.APPROVED, Action.SKIP): "Its take is approved, and so the shot is locked.",
    (Situation.VIDEO, Action.SKIP): "It has a video.",
}
_NO_VIDEO = {
    VideoRender.State.FAILED: "failed",
    VideoRender.State.BLOCKED: "was blocked",
    VideoRender.State.CANCELLED: "was cancelled",
}

# Google's filter refuses most pictures of children; a storybook is full of them.
_child = re.compile(
    r"\b(?:child|children|kids?|girls?|boys?|toddlers?|infants?|teenagers?|"
    r"school(?:girl|boy|child|children)s?|"
    r"(?:[1-9]|1[0-7])[- ]years?[- ]olds?|"
    r"(?:five|six|seven|eight|nine|ten|eleven|twelve|thirteen)[- ]years?[- ]olds?)\b",
    re.IGNORECASE,
)
CHILDREN = "Children in the picture are often blocked by the safety filter (not charged then)."


@dataclass(frozen=True)
class Way:
    """A link to where something is mended or looked at."""

    words: str
    url: str


@dataclass(frozen=True)
class Surroundings:
    """What the rows of a page have in common: two queries, however many rows there are."""

    documents: Mapping[str, DesignDocument] = field(default_factory=dict)
    key_frames: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story, shots: Iterable[int]) -> Surroundings:
        documents = DesignDocument.objects.filter(story=story)
        return cls({each.kind: each for each in documents}, key_frame_urls(shots))


def key_frame_urls(shots: Iterable[int]) -> dict[int, str]:
    """By shot: a small copy of its first key frame that can be shown. One query."""
    frames = KeyFrame.objects.filter(shot__in=list(shots), picture__file__gt="")
    found: dict[int, str] = {}
    for shot, file in frames.order_by("position").values_list("shot_id", "picture__file"):
        found.setdefault(shot, thumbnail_url(file))
    return found


@dataclass(frozen=True)
class PlanRow:
    plan: Plan
    row: ShotPlan
    around: Surroundings = field(default_factory=Surroundings)

    @property
    def action(self) -> Action:
        return self.row.decision.action

    @property
    def badge(self) -> Badge:
        return BADGES[self.action]

    @property
    def is_blocked(self) -> bool:
        return self.action == Action.BLOCKED

    @property
    def key_frame(self) -> str:
        return self.around.key_frames.get(self.row.shot.pk, "")

    @property
    def can_unfold(self) -> bool:
        return self.row.prompt is not None

    @property
    def reasons(self) -> Sequence[str]:
        """Why, in sentences of a producer."""
        row = self.row
        if self.is_blocked:
            return row.impossible or (row.decision.reason,)
        if row.decision != DECISIONS[row.situation][self.plan.mode]:
            # A reason beside the mode table, which explains itself.
            return (f"{row.decision.reason[:1].upper()}{row.decision.reason[1:]}.",)
        if self.action == Action.REHEARSE:
            return ("Put together and checked; nothing is sent.",)
        if row.situation == Situation.WITHOUT_VIDEO:
            return (_last_try(row.cause),)
        return (_WORDS.get((row.situation, self.action), row.decision.reason),)

    @property
    def ways(self) -> Sequence[Way]:
        """Where to go: what mends a blocked shot, what a skipped one waits for."""
        if self.is_blocked:
            return self._mends()
        if self.action != Action.SKIP:
            return ()
        cause, situation = self.row.cause, self.row.situation
        takes = reverse("admin:storybook_shot_takes", args=[self.row.shot.pk])
        if situation == Situation.IN_FLIGHT and cause:
            url = reverse("admin:videogen_renderbatch_progress", args=[cause.batch_id])
            return (Way("Watch it", url),)
        if situation in (Situation.INTERRUPTED, Situation.NOT_DOWNLOADED):
            return (Way("Plan to resume", "?mode=resume"),)
        if situation == Situation.UNKNOWN:
            return (Way("Decide", takes),)
        if situation == Situation.APPROVED:
            return (Way("Look at it", takes),)
        take = f"Take {cause.take}" if cause and cause.take else "Takes"
        return (Way(take, takes),)

    def _mends(self) -> Sequence[Way]:
        shot_url = reverse("admin:storybook_shot_change", args=[self.row.shot.pk])
        ways = [
            Way(f"{words} design document", self._document_url(kind))
            for kind, words in (("visual", "Visual"), ("audio", "Audio"))
            if not getattr(self.around.documents.get(kind), "document", None)
        ]
        if not self.row.shot.storyboard_payload:
            ways.append(Way("Write its storyboard", shot_url))
        if self.row.selection.broken:
            ways.append(Way("Its reference choices", f"{shot_url}#reference_choices-group"))
        if not ways and self.row.impossible:
            ways.append(Way("Look at the shot", shot_url))
        return ways

    def _document_url(self, kind: str) -> str:
        if document := self.around.documents.get(kind):
            return reverse("admin:storybook_designdocument_change", args=[document.pk])
        given = urlencode({"story": self.plan.story.pk, "kind": kind})
        return f"{reverse('admin:storybook_designdocument_add')}?{given}"

    @property
    def warnings(self) -> Sequence[str]:
        return (*self.row.warnings, *((CHILDREN,) if speaks_of_children(self.row) else ()))

    @property
    def cost(self) -> str:
        price = self.plan.request.price_usd
        match self.action:
            case Action.GENERATE:
                return usd(price) if price else "free"
            case Action.REHEARSE:
                return f"free (sent: {usd(price)})" if price else "free"
            case Action.RESUME | Action.DOWNLOAD:
                return "free"
        return "–"

    @property
    def prompt(self) -> str:
        return indented(self.row.prompt.document) if self.row.prompt else ""

    @property
    def is_compact(self) -> bool:
        """Sent without the white space that the page shows."""
        return bool(self.row.prompt) and "\n" not in self.row.prompt.text


def speaks_of_children(row: ShotPlan) -> bool:
    """Whether the storyboard or a referenced character's design names a child."""
    if row.prompt is None:
        return False
    told = [row.prompt.document[key] for key in ("character_designs", "storyboard_payload")]
    return bool(_child.search(json.dumps(told, ensure_ascii=False)))


def _last_try(cause: VideoRender | None) -> str:
    if cause is None:
        return "No video yet."
    sentence = f"No video yet: the last try {_NO_VIDEO.get(cause.state, 'ended without one')}."
    return f"{sentence} {cause.error_message}".strip()


def cost_of(plan: Plan) -> Decimal:
    """What confirming the plan costs."""
    return (plan.request.price_usd or Decimal(0)) * plan.count(Action.GENERATE)
