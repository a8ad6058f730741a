"""What was spent lately, day by day, and how much of the budget is used: for the first page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils import timezone

from videogen.common.formats import month_day, usd
from videogen.models import Submission
from videogen.models.routes import is_simulating

from .budgets import overall_limit_usd, usage

DAYS = 14


@dataclass(frozen=True)
class DaySpending:
    day: date
    usd: Decimal


@dataclass(frozen=True)
class Spending:
    days: tuple[DaySpending, ...]
    committed_usd: Decimal
    # What the queued renders will cost when they are sent.
    promised_usd: Decimal
    budget_usd: Decimal | None
    is_simulated: bool

    @property
    def total(self) -> str:
        return usd(sum((day.usd for day in self.days), Decimal(0)))

    @property
    def committed(self) -> str:
        return usd(self.committed_usd)

    @property
    def promised(self) -> str:
        return usd(self.promised_usd) if self.promised_usd else ""

    @property
    def budget(self) -> str:
        return "" if self.budget_usd is None else usd(self.budget_usd)

    @property
    def left(self) -> str:
        left = (self.budget_usd or Decimal(0)) - self.committed_usd - self.promised_usd
        return usd(max(left, Decimal(0)))

    @property
    def spent_percent(self) -> float:
        return self._percent(self.committed_usd)

    @property
    def promised_percent(self) -> float:
        return round(self._percent(self.committed_usd + self.promised_usd) - self.spent_percent, 2)

    @property
    def words(self) -> str:
        """The chart for people who do not see it."""
        told = [f"{month_day(day.day)}: {usd(day.usd)}" for day in self.days if day.usd]
        days = "; ".join(told) or "nothing"
        budget = f" {self.committed} of {self.budget} are spent." if self.budget else ""
        return f"Spent in the last {DAYS} days: {days}.{budget}"

    def _percent(self, amount: Decimal) -> float:
        if not self.budget_usd:
            return 100.0 if amount else 0.0
        return round(min(100.0, float(100 * amount / self.budget_usd)), 2)


def recent_spending() -> Spending:
    """The last 14 days, by the local calendar. Four queries."""
    today = timezone.localdate()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    spent = _spent_on(days)
    return Spending(
        tuple(DaySpending(day, spent[day]) for day in days),
        *usage(),
        overall_limit_usd(),
        is_simulating(),
    )


def _spent_on(days: list[date]) -> dict[date, Decimal]:
    # One sum for each day, because TruncDate is a Python function on SQLite, called for every row.
    starts = {day: timezone.make_aware(datetime.combine(day, time.min)) for day in days}
    ends = [*list(starts.values())[1:], None]
    sums = {}
    for place, (start, end) in enumerate(zip(starts.values(), ends, strict=True)):
        of_day = Q(claimed_at__gte=start) & (Q(claimed_at__lt=end) if end else Q())
        sums[f"day_{place}"] = Sum("price_usd", filter=of_day)
    sent = Submission.objects.filter(
        outcome__in=Submission.MAY_COST, claimed_at__gte=starts[days[0]]
    )
    totals = sent.aggregate(**sums)
    return {day: totals[f"day_{place}"] or Decimal(0) for place, day in enumerate(days)}
