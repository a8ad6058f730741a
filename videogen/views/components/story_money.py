"""What one story has cost, and what it takes to finish it, for its board."""

from __future__ import annotations

from dataclasses import dataclass

from storybook.models import Story
from videogen.billing.budget_use import BudgetUse
from videogen.billing.budgets import queued_usd_of_story
from videogen.billing.forecasts import forecasts
from videogen.billing.statistics import By, SpendingScope, figures_by, total_of
from videogen.common.formats import usd
from videogen.models.routes import is_simulating

from .money_bar import MoneyBar


@dataclass(frozen=True)
class StoryMoney:
    """The sums as text for people; a sum of nothing is "".

    open: what attempts in flight, or with an unknown outcome, may still cost. reserved: what the
    queued renders will cost when they are sent. forecast: the range that it takes to finish.
    """

    spent: str
    open: str
    reserved: str
    forecast: str
    is_simulated: bool


def money_of(story: Story) -> StoryMoney:
    """Four queries. The sums are those of the page Spending."""
    figures = total_of(figures_by(By.STORY, SpendingScope(story=story)))
    queued = queued_usd_of_story(story.pk)
    use = BudgetUse(figures.spent_usd, queued, None, is_simulating())
    bar = MoneyBar(use, forecasts([story]))
    return StoryMoney(
        usd(figures.spent_usd),
        usd(figures.open_usd) if figures.open_usd else "",
        usd(queued) if queued else "",
        bar.forecast,
        bar.use.is_simulated,
    )
