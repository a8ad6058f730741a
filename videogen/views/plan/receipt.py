"""The receipt beside the plan's list: what is bought, what that leaves of the budgets, how long it
takes, and what to know before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.utils.translation import ngettext

from videogen.billing.budgets import Limit
from videogen.billing.render_times import usual_times
from videogen.common.formats import usd
from videogen.models.render_warnings import RenderWarning
from videogen.planning.modes import Action
from videogen.planning.plan import Plan

from .rows import PlanRow


@dataclass(frozen=True)
class Item:
    """A line of the receipt."""

    code: str
    number: int
    words: str
    details: str
    cost: str


@dataclass(frozen=True)
class BudgetLine:
    limit: Limit
    cost_usd: Decimal

    @property
    def before(self) -> str:
        return usd(self.limit.left_usd)

    @property
    def after(self) -> str:
        return usd(max(Decimal(0), self.limit.left_usd - self.cost_usd))

    @property
    def reserved(self) -> str:
        """What others have reserved of it already; empty where nobody has."""
        return usd(self.limit.reserved_usd) if self.limit.reserved_usd else ""


@dataclass(frozen=True)
class Receipt:
    plan: Plan
    rows: Sequence[PlanRow]

    @property
    def items(self) -> list[Item]:
        """By what is bought: the videos of the model, what is resumed, what is rehearsed."""
        plan, request = self.plan, self.plan.request
        shape = f"{request.resolution} · {request.aspect_ratio} · {request.duration_seconds} s"
        items = []
        if number := plan.count(Action.GENERATE):
            price = request.price_usd
            each = f"{shape} · {usd(price)} each" if price else shape
            items.append(Item("generate", number, request.model, each, _cost(plan.cost_usd)))
        if number := plan.count(Action.RESUME, Action.DOWNLOAD):
            words = ngettext("render resumed", "renders resumed", number)
            items.append(Item("resume", number, words, "no new charge", "free"))
        if number := plan.count(Action.REHEARSE):
            words = ngettext("rehearsal", "rehearsals", number)
            items.append(Item("rehearse", number, words, "nothing is sent", "free"))
        return items

    @property
    def reserved(self) -> str:
        """What confirming reserves, and each claim turns into spending."""
        return usd(self.plan.cost_usd) if self.plan.cost_usd else ""

    @property
    def budgets(self) -> list[BudgetLine]:
        return [BudgetLine(limit, self.plan.cost_usd) for limit in self.plan.limits]

    @cached_property
    def time(self) -> str:
        """About how long the new videos take, such as "about 6 min", by what the model took lately;
        empty where nobody can know. One query where something new is made."""
        number = self.plan.count(Action.GENERATE)
        usual = (
            usual_times(self.plan.request.model).get(self.plan.request.model) if number else None
        )
        if usual is None:
            return ""
        waves = -(-number // max(1, settings.VIDEO_MAX_IN_FLIGHT))
        return f"about {max(-(-waves * usual // timedelta(minutes=1)), 1)} min"

    @cached_property
    def warnings(self) -> list[tuple[str, str]]:
        """What the rows warn of, each once, with how many shots it concerns."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            by_kind = {
                each.code if isinstance(each, RenderWarning) else each: each
                for each in row.warnings
            }
            for kind, sentence in by_kind.items():
                found.setdefault(str(kind), []).append(str(sentence))
        most_first = sorted(found.values(), key=len, reverse=True)
        return [
            (each[0], ngettext("%d shot", "%d shots", len(each)) % len(each)) for each in most_first
        ]


def _cost(cost: Decimal) -> str:
    return usd(cost) if cost else "free"
