"""What was left of a budget at the end of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from storybook.models import Story
from videogen.models import Budget

from .budgets import overall_limit_usd
from .statistics import By, Figures, SpendingScope, figures_by, total_of, wiped_costs


@dataclass(frozen=True)
class DayLeft:
    day: date
    spent_usd: Decimal
    left_usd: Decimal


@dataclass(frozen=True)
class BurnDown:
    limit_usd: Decimal
    days: tuple[DayLeft, ...]
    # What attempts in flight, or of unknown outcome, may still cost.
    open_usd: Decimal

    @property
    def left_usd(self) -> Decimal:
        return self.days[-1].left_usd


def burn_down(
    story: Story | None, days: Sequence[date], by_day: Sequence[Figures]
) -> BurnDown | None:
    """Return what was left of the story's budget, or of the budget over everything; None without
    one. At most three queries. What wiped stories have cost counts as spent before.

    by_day: what was spent on `days`, which follow one another.
    """
    limit = limit_of(story)
    if limit is None or not days:
        return None
    by = By.SCENELET if story else By.STORY
    before = total_of(figures_by(by, SpendingScope(story, until=days[0] - timedelta(days=1))))
    spent = {each.key: each.spent_usd for each in by_day}
    wiped = wiped_costs(SpendingScope(story))
    left = limit - before.spent_usd - wiped.spent_usd
    found = []
    for day in days:
        amount = spent.get(day.isoformat(), Decimal("0.00"))
        left -= amount
        found.append(DayLeft(day, amount, left))
    open_usd = before.open_usd + total_of(by_day).open_usd + wiped.open_usd
    return BurnDown(limit, tuple(found), open_usd)


def limit_of(story: Story | None) -> Decimal | None:
    if story is None:
        return overall_limit_usd()
    budgets = Budget.objects.filter(scope=Budget.Scope.STORY, story=story)
    return budgets.values_list("limit_usd", flat=True).first()
