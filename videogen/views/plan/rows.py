"""One shot on the page of a plan: what happens to it and why, what looks risky, and links to where
that can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from storybook.models import DesignDocument, Story
from videogen.common.formats import indented, usd
from videogen.models import RenderBatch, VideoRender
from videogen.models.render_warnings import OF_OPTIONS
from videogen.planning.modes import Action
from videogen.planning.plan import Plan, ShotPlan
from videogen.prompts.room import PromptRoom, prompt_room
from videogen.safety.suspicious_words import CHILD
from videogen.views.components.badges import Badge
from videogen.views.components.reasons import (
    BADGES,
    RESUME,
    BlockedShot,
    Link,
    link_to_take,
    links_to_fix,
    next_steps,
    reasons_of,
)
from videogen.views.components.shot_cards import key_frame_urls

NOT_TAKEN = "The model does not accept this: see above."
# Google's filter refuses most pictures of children, and storybooks are full of them.
CHILDREN = "Children in the picture are often blocked by the safety filter (not charged then)."


@dataclass(frozen=True)
class RowContext:
    """What the rows of a page have in common. Two queries, however many rows there are."""

    documents: Mapping[str, DesignDocument] = field(default_factory=dict)
    key_frames: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story, shots: Iterable[int]) -> RowContext:
        documents = DesignDocument.objects.filter(story=story)
        return cls({each.kind: each for each in documents}, key_frame_urls(shots))


@dataclass(frozen=True)
class PlanRow:
    plan: Plan
    row: ShotPlan
    around: RowContext = field(default_factory=RowContext)
    # The address of the same plan in the mode that resumes.
    to_resume: str = ""
    # The row has a page of its own, so nothing above it says what concerns all rows.
    is_alone: bool = False
    # What else is done with the shot at once: its further takes.
    others: tuple[ShotPlan, ...] = ()

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
        problems = self.row.impossible
        if not any(each.is_of_model for each in problems):
            return reasons
        return [*(each.sentence for each in problems if not each.is_of_model), NOT_TAKEN]

    @property
    def ways(self) -> Sequence[Link]:
        """Links to where a blocked shot can be fixed, or to what a skipped one waits for."""
        row = self.row
        if row.same and not self.is_blocked:
            return (link_to_take(row.same),)
        if self.is_blocked:
            blocked = BlockedShot(
                has_storyboard=bool(row.shot.storyboard_payload),
                has_broken_pin=bool(row.selection.broken),
                code=row.decision.code,
                is_not_taken=bool(row.impossible)
                and all(each.is_of_model for each in row.impossible),
            )
            return links_to_fix(row.shot.pk, self.plan.story.pk, self.around.documents, blocked)
        if self.row.copy_of and not self.is_blocked:
            return (link_to_take(self.row.copy_of),)
        if self.action == Action.SKIP:
            is_resuming = self.plan.mode == RenderBatch.Mode.RESUME
            resume = None if is_resuming else Link(RESUME, self.to_resume)
            return next_steps(row.situation, row.shot.pk, row.cause, resume)
        return ()

    @property
    def usable(self) -> VideoRender | None:
        """A take of another shot with the very same request: it can be used here for nothing."""
        same = None if self.row.copy_of else self.row.same
        return same if same and same.shot_id != self.row.shot.pk else None

    @cached_property
    def warnings(self) -> Sequence[str]:
        own = [each for each in self.row.warnings if self.is_alone or each.code not in OF_OPTIONS]
        return (*own, *((CHILDREN,) if speaks_of_children(self.row) else ()))

    @property
    def number(self) -> int:
        """How many renders the decision is about."""
        return 1 + sum(each.decision.action == self.action for each in self.others)

    @property
    def without_room(self) -> int:
        """How many further takes of the shot are not made because of a budget."""
        return 0 if self.is_blocked else sum(each.is_over_budget for each in self.others)

    @property
    def cost(self) -> str:
        price = self.plan.request.price_usd
        match self.action:
            case Action.GENERATE:
                return usd(price * self.number) if price else "free"
            case Action.REHEARSE:
                live = self.plan.request.live_price_usd
                sent = live and live * self.plan.takes_per_shot
                return f"free (sent: {usd(sent)})" if sent else "free"
            case Action.RESUME | Action.DOWNLOAD:
                return "free"
        return "–"

    @property
    def prompt(self) -> str:
        return indented(self.row.prompt.document) if self.row.prompt else ""

    @property
    def room(self) -> PromptRoom | None:
        return prompt_room(self.row.prompt) if self.row.prompt else None

    @property
    def is_compact(self) -> bool:
        """Whether the prompt is sent without the white space that the page shows."""
        return self.row.prompt is not None and "\n" not in self.row.prompt.text


def speaks_of_children(row: ShotPlan) -> bool:
    """Whether the storyboard or a referenced character's design names a child."""
    if row.prompt is None:
        return False
    told = [row.prompt.whole.get(key) for key in ("character_designs", "storyboard_payload")]
    return bool(CHILD.search(json.dumps(told, ensure_ascii=False)))
