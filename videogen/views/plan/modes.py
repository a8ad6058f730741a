"""The cards at the top of the plan's page: what each of the four modes would do with the shots, and
whether the budget has room for it. Also the notice about shots that have a take of the very same
request, which can be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from django.utils.translation import ngettext

from videogen.billing.affordability import fit
from videogen.common.formats import usd
from videogen.models import RenderBatch
from videogen.models.routes import served_backends
from videogen.planning.modes import Action, Reason, decide
from videogen.planning.plan import Plan
from videogen.planning.shot_status import find_resumable, situation_of


@dataclass(frozen=True)
class ModeCard:
    """One mode. A card says the same whichever mode is chosen: what its plan will do, with as much
    as the budgets have room for, and separately what they have no room for.

    `plan` has the request of every shot that the card's mode would render: it is the chosen one, or
    one that renders more. `own` is the plan of this very mode, if that is chosen. `more` are
    renders that are no rows of `plan`.
    """

    mode: str
    words: tuple[str, str]
    plan: Plan
    own: Plan | None = None
    skips_repeats: bool = False
    more: Mapping[Action, int] = field(default_factory=dict)

    @property
    def value(self) -> str:
        return str(self.mode)

    @property
    def is_chosen(self) -> bool:
        return self.own is not None

    @cached_property
    def _wanted(self) -> Counter[Action]:
        """What the mode would do if no budget limited it."""
        counts: Counter[Action] = Counter(self.more)
        for row in self.plan.rows:
            if row.slot > 1:
                continue
            problems = row.impossible_in(self.mode)
            action = row.decision.action
            if row.copy_of is None:
                action = decide(row.situation, self.mode, problems, is_gone=row.is_gone).action
            if self.skips_repeats and row.same and action == Action.GENERATE:
                continue
            resumes = action in (Action.RESUME, Action.DOWNLOAD)
            if not (resumes and row.cause and row.cause.backend not in served_backends()):
                generates = action == Action.GENERATE
                counts[action] += self.plan.takes_per_shot if generates else 1
        return counts

    @cached_property
    def counts(self) -> Counter[Action]:
        """What the plan of this mode does."""
        if self.own is not None:
            # Videos, not shots: each is paid for.
            return Counter(row.decision.action for row in self.own.rows)
        counts, request = Counter(self._wanted), self.plan.request
        if request.price_usd is None:
            return Counter({each: counts[each] for each in (Action.RESUME, Action.DOWNLOAD)})
        room = self._room
        if room < counts[Action.GENERATE]:
            counts[Action.GENERATE] = room
            if self.plan.over_budget == RenderBatch.OverBudget.NONE:
                counts[Action.RESUME] = counts[Action.DOWNLOAD] = 0
        return counts

    @property
    def _room(self) -> int:
        price = self.plan.request.price_usd or Decimal(0)
        wanted = self._wanted[Action.GENERATE]
        return max(0, fit(self.plan.limits, price, wanted, self.plan.over_budget).videos)

    @property
    def outcome(self) -> str:
        """What the mode does, and what that costs."""
        videos = self.counts[Action.GENERATE]
        if self._wanted[Action.GENERATE] and self.plan.request.price_usd is None:
            work = work_in_words(self.counts)
            return f"{work or 'Nothing to generate'} · no price known"
        return outcome_in_words(self.counts, self.plan.request.cost_of(videos))

    @property
    def shortage(self) -> str:
        """What the mode has no room for, in words, or ""."""
        limits, over = self.plan.limits, self._wanted[Action.GENERATE] - self._room
        if not limits or over <= 0 or not self.plan.request.price_usd:
            return ""
        return f"Over the budget: {usd(limits[0].left_usd)} left, no room for {over} more"


def more_to_resume(plan: Plan) -> Mapping[Action, int]:
    """Count the interrupted renders beside the one that each row of `plan` has: if several takes of
    a shot were interrupted, a plan that resumes has a row for each. One query."""
    causes = {row.cause.pk for row in plan.rows if row.cause}
    shots = [row.shot.pk for row in plan.rows if row.cause and row.slot == 1]
    found = find_resumable(shots, plan.request.backend)
    more = Counter(
        decide(situation_of(each), RenderBatch.Mode.RESUME).action
        for each in found
        if each.pk not in causes and each.backend in served_backends()
    )
    return more


def outcome_in_words(counts: Mapping[Action, int], cost: Decimal) -> str:
    """What is done and what each part of it costs, such as "Resume 10 free, 5 new $16.00"."""
    new = counts[Action.GENERATE]
    resumed = counts[Action.RESUME] + counts[Action.DOWNLOAD]
    if new and resumed and cost:
        return f"Resume {resumed} free, {new} new {usd(cost)}"
    words = work_in_words(counts)
    return f"{words} · {usd(cost) if cost else 'free'}" if words else "Nothing to generate"


def work_in_words(counts: Mapping[Action, int]) -> str:
    if rehearsals := counts[Action.REHEARSE]:
        return ngettext("Rehearse %d shot", "Rehearse %d shots", rehearsals) % rehearsals
    new = counts[Action.GENERATE]
    resumed = counts[Action.RESUME] + counts[Action.DOWNLOAD]
    if new and resumed:
        return f"Resume {resumed}, {new} new"
    if new:
        return ngettext("Generate %d video", "Generate %d videos", new) % new
    return ngettext("Resume %d render", "Resume %d renders", resumed) % resumed if resumed else ""


@dataclass(frozen=True)
class Repeats:
    """The notice about shots that have a take of the very same request."""

    number: int
    # Somebody has chosen that they are not rendered again.
    are_left_out: bool
    price: str

    @classmethod
    def of(cls, plan: Plan) -> Repeats | None:
        rows = [row for row in plan.rows if row.same]
        if not rows:
            return None
        # Rows that the budget blocks were to be rendered as well.
        are_left_out = all(row.decision.code == Reason.REPEAT for row in rows)
        cost = plan.request.cost_of(len(rows))
        shots = len({row.shot.pk for row in rows})
        return cls(shots, are_left_out, usd(cost) if cost else "free")

    @property
    def sentence(self) -> str:
        have = ngettext(
            "You have a video of %d shot already, with exactly this request",
            "You have a video of %d shots already, with exactly this request",
            self.number,
        )
        have %= self.number
        what = "same prompt, references, model and settings"
        if self.are_left_out:
            now = ngettext("It is left out", "They are left out", self.number)
            return f"{have}: {what}. {now}."
        now = ngettext("This mode renders it", "This mode renders them", self.number)
        return f"{have}: {what}. {now} once more · {self.price}."

    @property
    def question(self) -> str:
        which = ngettext("this shot", "these {} shots", self.number).format(self.number)
        return f"Render {which} again anyway · {self.price}"

    @property
    def way_out(self) -> str:
        return ngettext("Leave it out", "Leave them out", self.number)
