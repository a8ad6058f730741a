"""The cards at the top of the plan's page: what each of the four modes would do with the shots, and
whether the budget has room for it. Also the notice about shots that have a take of the very same
request, which can be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.utils.translation import ngettext

from videogen.common.formats import counted, usd
from videogen.models.routes import served_backends
from videogen.planning.modes import Action, Reason, decide
from videogen.planning.plan import Plan


@dataclass(frozen=True)
class ModeCard:
    """One mode. A card says the same whichever mode is chosen: everything that its mode would do,
    and separately how much of that the budget has room for.

    `plan` has the request of every shot that the card's mode would render: it is the chosen one, or
    one that renders more.
    """

    mode: str
    words: tuple[str, str]
    plan: Plan
    is_chosen: bool
    skips_repeats: bool = False
    budget_left: Decimal | None = None

    @property
    def value(self) -> str:
        return str(self.mode)

    @cached_property
    def _counts(self) -> Counter[Action]:
        counts: Counter[Action] = Counter()
        for row in self.plan.rows:
            if row.slot > 1:
                continue
            problems = row.impossible_in(self.mode)
            action = decide(row.situation, self.mode, problems, is_gone=row.is_gone).action
            if self.skips_repeats and row.same and action == Action.GENERATE:
                continue
            resumes = action in (Action.RESUME, Action.DOWNLOAD)
            if not (resumes and row.cause and row.cause.backend not in served_backends()):
                generates = action == Action.GENERATE
                counts[action] += self.plan.takes_per_shot if generates else 1
        return counts

    @property
    def outcome(self) -> str:
        """What the mode does, and what that costs."""
        videos = self._counts[Action.GENERATE]
        if videos and self.plan.request.price_usd is None:
            return f"{work_in_words(self._counts)} · no price known"
        return outcome_in_words(self._counts, self.plan.request.cost_of(videos))

    @property
    def shortage(self) -> str:
        """Whether the mode is over the budget, in words, or ""."""
        price, videos = self.plan.request.price_usd, self._counts[Action.GENERATE]
        left = self.budget_left
        if not price or left is None or self.plan.request.cost_of(videos) <= left:
            return ""
        room = int(left // price)
        return f"Over the budget: {usd(left)} left, room for {room or 'none'}"


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
        return f"Rehearse {counted(rehearsals, 'shot')}"
    new = counts[Action.GENERATE]
    resumed = counts[Action.RESUME] + counts[Action.DOWNLOAD]
    if new and resumed:
        return f"Resume {resumed}, {new} new"
    if new:
        return f"Generate {counted(new, 'video')}"
    return f"Resume {counted(resumed, 'render')}" if resumed else ""


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
        shots = counted(self.number, "shot")
        have = f"You have a video of {shots} already, with exactly this request"
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
