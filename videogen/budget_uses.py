"""How much of every limit is gone: of VIDEO_BUDGET_USD and of each Budget, what is queued and in
flight included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from textwrap import shorten

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Sum
from django.utils import timezone

from .models import Budget, Submission, VideoRender
from .money import committed_usd

Scope = Budget.Scope


@dataclass(frozen=True)
class BudgetUse:
    """`key` tells one limit from every other one; that of a day has the day in it."""

    key: str
    name: str
    limit_usd: Decimal
    spent_usd: Decimal
    story: int | None = None


def budget_uses() -> list[BudgetUse]:
    """Limits that nothing counts against may be missing. A fixed number of queries; one where there
    is no limit."""
    uses = []
    budgets = list(Budget.objects.select_related("story", "user"))
    overall = [each for each in budgets if each.scope == Scope.OVERALL]
    if overall or settings.VIDEO_BUDGET_USD is not None:
        spent = committed_usd(with_queued=True)
        if (limit := settings.VIDEO_BUDGET_USD) is not None:
            uses.append(BudgetUse("settings", "VIDEO_BUDGET_USD", limit, spent))
        uses += [BudgetUse(f"{each.pk}", "everything", each.limit_usd, spent) for each in overall]
    uses += _of_stories([each for each in budgets if each.scope == Scope.STORY])
    return uses + _of_persons([each for each in budgets if each.scope == Scope.PERSON_DAY])


def _of_stories(budgets: Sequence[Budget]) -> list[BudgetUse]:
    if not budgets:
        return []
    stories = [each.story_id for each in budgets]
    spent = _committed_by("shot__scenelet__story", shot__scenelet__story__in=stories)
    return [
        BudgetUse(
            f"{each.pk}",
            f"the story {shorten(str(each.story), 80, placeholder='…')}",
            each.limit_usd,
            spent.get(each.story_id, Decimal(0)),
            each.story_id,
        )
        for each in budgets
    ]


def _of_persons(budgets: Sequence[Budget]) -> list[BudgetUse]:
    """Of today, by the day of the asking as in budgets.py. Whoever has no budget of their own has
    everybody's."""
    if not budgets:
        return []
    today = timezone.localdate()
    start = timezone.make_aware(datetime.combine(today, time.min))
    spent = _committed_by("requested_by", queued_at__gte=start)
    spent.pop(None, None)
    own = {each.user_id: each for each in budgets}
    people = get_user_model().objects.in_bulk(list(spent))
    return [
        BudgetUse(
            f"{budget.pk}:{person}:{today}",
            f"{people[person].get_username()} today",
            budget.limit_usd,
            amount,
        )
        for person, amount in spent.items()
        if person in people and (budget := own.get(person) or own.get(None))
    ]


def _committed_by(field: str, **renders: object) -> dict[int | None, Decimal]:
    """What the submissions of these renders may cost and what is queued of them will, by a field
    of theirs."""
    queued = VideoRender.objects.open().filter(
        state=VideoRender.State.QUEUED, kind=VideoRender.Kind.GENERATION, **renders
    )
    of_renders = {f"render__{name}": value for name, value in renders.items()}
    sent = Submission.objects.filter(outcome__in=Submission.MAY_COST, **of_renders)
    sums: dict[int | None, Decimal] = {}
    for rows, key, price in (
        (sent, f"render__{field}", "price_usd"),
        (queued, field, "price_estimate_usd"),
    ):
        for value, total in rows.order_by().values_list(key).annotate(total=Sum(price)):
            sums[value] = sums.get(value, Decimal(0)) + total
    return sums
