"""The cards at the top of the plan's page: what each of the four modes would do with the shots, and
whether the budget has room for it. Also the notice about shots that have a take of the very same
request, which asks for a confirmation before they are rendered once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.utils.translation import ngettext

from videogen.common.formats import counted, usd
from videogen.models.routes import served_backends
from videogen.planning.modes import Action, decide
from videogen.planning.plan import Plan


@dataclass(frozen=True)
class ModeCard:
    """One mode. A card says the same whichever mode is chosen: everything that its mode would do,
    and separately how much of that the budget has room for."""

    mode: str
    words: tuple[str, str]
    plan: Plan
    budget_left: Decimal | None = None

    @property
    def value(self) -> str:
        return str(self.mode)

    @property
    def is_chosen(self) -> bool:
        return self.value == str(self.plan.mode)

    @cached_property
    def _counts(self) -> Counter[Action]:
        counts: Counter[Action] = Counter()
        for row in self.plan.rows:
            problems = row.impossible_in(self.mode)
            action = decide(row.situation, self.mode, problems, is_gone=row.is_gone).action
            if row.same and row.decision.action == Action.SKIP and action == Action.GENERATE:
                # There is a take of it, and nobody has asked for another one.
                continue
            resumes = action in (Action.RESUME, Action.DOWNLOAD)
            if not (resumes and row.cause and row.cause.backend not in served_backends()):
                counts[action] += 1
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
    words = work_in_words(counts)
    return f"{words} · {usd(cost) if cost else 'free'}" if words else "Nothing to generate"


def work_in_words(counts: Mapping[Action, int]) -> str:
    if rehearsals := counts[Action.REHEARSE]:
        return f"Rehearse {counted(rehearsals, 'shot')}"
    parts = []
    if generated := counts[Action.GENERATE]:
        parts.append(f"Generate {counted(generated, 'video')}")
    if resumed := counts[Action.RESUME] + counts[Action.DOWNLOAD]:
        parts.append(f"resume {resumed}" if parts else f"Resume {counted(resumed, 'render')}")
    return ", ".join(parts)


@dataclass(frozen=True)
class Repeats:
    """The notice about shots that have a take of the very same request."""

    number: int
    # Somebody has confirmed that they are rendered again.
    is_wanted: bool
    price: str

    @classmethod
    def of(cls, plan: Plan) -> Repeats | None:
        rows = [row for row in plan.rows if row.same]
        if not rows:
            return None
        # Rows that the budget blocks were confirmed as well.
        is_wanted = not any(row.decision.action == Action.SKIP for row in rows)
        cost = plan.request.cost_of(len(rows))
        return cls(len(rows), is_wanted, usd(cost) if cost else "free")

    @property
    def sentence(self) -> str:
        shots = counted(self.number, "shot")
        have = f"You have a video of {shots} already, with exactly this request"
        what = "same prompt, references, model and settings"
        if self.is_wanted:
            again = ngettext("It is rendered", "They are rendered", self.number)
            return f"{have}: {what}. {again} once more because you said so."
        again = ngettext("It is not", "They are not", self.number)
        return f"{have}: {what}. {again} rendered again unless you say so."

    @property
    def question(self) -> str:
        which = ngettext("this shot", "these {} shots", self.number).format(self.number)
        return f"Render {which} again anyway · {self.price}"

    @property
    def way_back(self) -> str:
        return ngettext("Leave it out", "Leave them out", self.number)
