"""A bar for each day: what was spent and, on top of it, what may still be charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from videogen.common.formats import month_day, usd

# A day on which anything was spent has a visible bar, however little it was.
LOWEST = 3.0


@dataclass(frozen=True)
class Day:
    """The amounts of one day."""

    day: date
    spent_usd: Decimal = Decimal(0)
    open_usd: Decimal = Decimal(0)

    @property
    def words(self) -> str:
        still = f", {usd(self.open_usd)} may follow" if self.open_usd else ""
        return f"{usd(self.spent_usd)}{still}"


@dataclass(frozen=True)
class Bar:
    """`x` and `width` are percentages of the chart; the other numbers are its vertical units."""

    day: date
    words: str
    x: float
    width: float
    y: float
    height: float
    open_y: float
    open_height: float


@dataclass(frozen=True)
class BarChart:
    height: int
    bars: tuple[Bar, ...]
    # The most that was spent on one day.
    most: str
    # The whole chart for people who do not see it.
    words: str

    @property
    def label_y(self) -> int:
        """The base line of the two labels below the bars."""
        return self.height + 16

    @property
    def is_empty(self) -> bool:
        return not any(bar.height or bar.open_height for bar in self.bars)


def draw_days(days: Sequence[Day], height: int) -> BarChart:
    """Draw the days so that the tallest bar is `height` units high."""
    most = max((each.spent_usd + each.open_usd for each in days), default=Decimal(0))
    step = 100 / max(len(days), 1)
    bars = []
    for place, each in enumerate(days):
        spent = _height(each.spent_usd, most, height)
        still_open = _height(each.open_usd, most, height)
        bars.append(
            Bar(
                each.day,
                each.words,
                x=round(step * (place + 0.16), 2),
                width=round(step * 0.68, 2),
                y=round(height - spent, 2),
                height=spent,
                open_y=round(height - spent - still_open, 2),
                open_height=still_open,
            )
        )
    told = [
        f"{month_day(each.day)}: {each.words}" for each in days if each.spent_usd or each.open_usd
    ]
    return BarChart(height, tuple(bars), usd(most), "; ".join(told) or "nothing")


def _height(amount: Decimal, most: Decimal, height: int) -> float:
    return round(max(LOWEST, height * float(amount / most)), 2) if amount else 0.0
