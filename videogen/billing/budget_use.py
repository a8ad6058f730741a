"""How much of the budget for everything is used: for the bar and for the first page."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from videogen.common.formats import usd
from videogen.models.routes import is_simulating

from .budgets import overall_limit_usd, usage


@dataclass(frozen=True)
class BudgetUse:
    """What was spent or may have been, and what the queued renders will cost when they are sent."""

    spent_usd: Decimal
    reserved_usd: Decimal
    budget_usd: Decimal | None
    is_simulated: bool

    @property
    def used_usd(self) -> Decimal:
        return self.spent_usd + self.reserved_usd

    @property
    def spent(self) -> str:
        return usd(self.spent_usd)

    @property
    def reserved(self) -> str:
        return usd(self.reserved_usd) if self.reserved_usd else ""

    @property
    def budget(self) -> str:
        return "" if self.budget_usd is None else usd(self.budget_usd)

    @property
    def left(self) -> str:
        return usd(max((self.budget_usd or Decimal(0)) - self.used_usd, Decimal(0)))


def budget_use() -> BudgetUse:
    """Four queries."""
    return BudgetUse(*usage(), overall_limit_usd(), is_simulating())
