"""How much of VIDEO_BUDGET_USD and of each Budget is used. Queued renders and those in flight count
as spent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from textwrap import shorten

from django.conf import settings
from django.utils import timezone

from videogen.models import Budget

from .budgets import usage, usage_of, used_by_people

Scope = Budget.Scope


@dataclass(frozen=True)
class BudgetUse:
    """`key` identifies the limit. For a daily limit, it contains the day."""

    key: str
    name: str
    limit_usd: Decimal
    spent_usd: Decimal
    story: int | None = None


def budget_uses() -> list[BudgetUse]:
    """All limits, counted as in budgets.py. A fixed number of queries; one without any limit."""
    budgets = list(Budget.objects.select_related("story", "user"))
    lasting = {each.pk: each for each in budgets if each.scope != Scope.PERSON_DAY}
    uses = []
    if (limit := settings.VIDEO_BUDGET_USD) is not None:
        uses.append(BudgetUse("settings", "VIDEO_BUDGET_USD", limit, usage().total_usd))
    for pk, used in usage_of(lasting.values()).items():
        budget = lasting[pk]
        title = shorten(str(budget.story), 80, placeholder="…")
        name = f"the story {title}" if budget.story_id else "everything"
        spent = used.spent_usd + used.reserved_usd
        uses.append(BudgetUse(f"{pk}", name, used.limit_usd, spent, budget.story_id))
    daily = [each for each in budgets if each.scope == Scope.PERSON_DAY]
    return uses + (_of_people(daily) if daily else [])


def _of_people(budgets: list[Budget]) -> list[BudgetUse]:
    today = timezone.localdate()
    return [
        BudgetUse(
            f"{budget.pk}:{person}:{today}",
            f"{person or 'nobody'} today",
            budget.limit_usd,
            used.total_usd,
        )
        for budget, person, used in used_by_people(budgets, today)
    ]
