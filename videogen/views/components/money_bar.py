"""Money as one bar: what is spent, what is reserved, and what finishing the stories takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from videogen.billing.budget_use import BudgetUse
from videogen.billing.forecasts import Forecast
from videogen.common.formats import usd, usd_range


@dataclass(frozen=True)
class Segment:
    """A part of the bar. Start and width are percentages of it."""

    kind: str
    start: float
    width: float


class MoneyBar:
    def __init__(self, use: BudgetUse, forecasts: Iterable[Forecast]) -> None:
        self.use = use
        self._forecasts = [each for each in forecasts if each.needed]

    @property
    def is_known(self) -> bool:
        """Whether every story has enough verdicts for a range; else it costs at least so much."""
        return all(each.from_usd is not None for each in self._forecasts)

    @cached_property
    def _low(self) -> Decimal:
        return sum((each.from_usd or each.least_usd or Decimal(0) for each in self._forecasts), _0)

    @cached_property
    def _high(self) -> Decimal:
        return sum((each.to_usd or each.least_usd or Decimal(0) for each in self._forecasts), _0)

    @property
    def forecast(self) -> str:
        """The range that it takes to finish the stories; empty where nothing is left to be made, or
        no price is known."""
        if not self._high:
            return ""
        return usd_range(self._low, self._high) if self.is_known else f"at least {usd(self._low)}"

    @cached_property
    def segments(self) -> list[Segment]:
        """Spent, reserved, and the forecast: what is surely needed, then what may be."""
        found, start = [], Decimal(0)
        for kind, amount in (
            ("spent", self.use.spent_usd),
            ("reserved", self.use.reserved_usd),
            ("forecast", self._low),
            ("perhaps", self._high - self._low),
        ):
            if amount > 0:
                found.append(Segment(kind, self._percent(start), self._percent(amount)))
            start += max(amount, _0)
        return found

    @property
    def budget_at(self) -> float | None:
        """Where on the bar the budget ends. None without one."""
        return None if self.use.budget_usd is None else self._percent(self.use.budget_usd)

    @property
    def is_over(self) -> bool:
        """Whether what is used, and the least that is still needed, is more than the budget."""
        budget = self.use.budget_usd
        return budget is not None and self.use.used_usd + self._low > budget

    @property
    def words(self) -> str:
        """The bar for people who do not see it."""
        told = [f"{self.use.spent} spent"]
        if self.use.reserved:
            told.append(f"{self.use.reserved} reserved")
        if self.forecast:
            told.append(f"{self.forecast} to finish the stories")
        budget = f" of a budget of {self.use.budget}" if self.use.budget else ""
        return f"{', '.join(told)}{budget}."

    def _percent(self, amount: Decimal) -> float:
        whole = max(self.use.used_usd + self._high, self.use.budget_usd or _0)
        return round(float(100 * amount / whole), 2) if whole else 0.0


_0 = Decimal(0)
