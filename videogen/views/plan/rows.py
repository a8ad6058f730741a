"""One shot of a plan as its page tells of it: what happens to it, why in a producer's words, what
looks risky, and the way to what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storybook.models import DesignDocument, Story
from videogen.common.formats import indented, usd
from videogen.models import RenderBatch
from videogen.planning.modes import Action
from videogen.planning.plan import Plan, ShotPlan
from videogen.safety.suspicious_words import CHILD
from videogen.views.components.badges import BADGES, Badge
from videogen.views.components.reasons import (
    RESUME,
    Obstacles,
    Way,
    reasons_of,
    way_to_take,
    ways_on,
    ways_to_mend,
)
from videogen.views.components.shot_cards import key_frame_urls

NOT_TAKEN = "The model does not take this: see above."
# Google's filter refuses most pictures of children; a storybook is full of them.
CHILDREN = "Children in the picture are often blocked by the safety filter (not charged then)."


@dataclass(frozen=True)
class Surroundings:
    """What the rows of a page have in common: two queries, however many rows there are."""

    documents: Mapping[str, DesignDocument] = field(default_factory=dict)
    key_frames: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story, shots: Iterable[int]) -> Surroundings:
        documents = DesignDocument.objects.filter(story=story)
        return cls({each.kind: each for each in documents}, key_frame_urls(shots))


@dataclass(frozen=True)
class PlanRow:
    """to_resume: the same plan in the mode that resumes; is_alone: without the page that says above
    the rows what concerns them all."""

    plan: Plan
    row: ShotPlan
    around: Surroundings = field(default_factory=Surroundings)
    to_resume: str = ""
    is_alone: bool = False

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
        reasons = reasons_of(self.row)
        if self.is_alone or not self.is_blocked:
            return reasons
        own = [each for each in reasons if each not in self.row.not_taken]
        return own if len(own) == len(reasons) else [*own, NOT_TAKEN]

    @property
    def ways(self) -> Sequence[Way]:
        """Where to go: what mends a blocked shot, what a skipped one waits for."""
        row = self.row
        if row.same and not self.is_blocked:
            return (way_to_take(row.same),)
        if self.is_blocked:
            blocked = Obstacles(
                has_storyboard=bool(row.shot.storyboard_payload),
                has_broken_pin=bool(row.selection.broken),
                code=row.decision.code,
                is_not_taken=bool(row.not_taken) and row.impossible == row.not_taken,
            )
            return ways_to_mend(row.shot.pk, self.plan.story.pk, self.around.documents, blocked)
        if self.action == Action.SKIP:
            is_resuming = self.plan.mode == RenderBatch.Mode.RESUME
            resume = None if is_resuming else Way(RESUME, self.to_resume)
            return ways_on(row.situation, row.shot.pk, row.cause, resume)
        return ()

    @property
    def warnings(self) -> Sequence[str]:
        above = () if self.is_alone else self.plan.request.notes
        own = [each for each in self.row.warnings if each not in above]
        return (*own, *((CHILDREN,) if speaks_of_children(self.row) else ()))

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
    return bool(CHILD.search(json.dumps(told, ensure_ascii=False)))
