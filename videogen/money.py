"""What a video costs, and what is spent or promised on the whole. The price list is in prices.py,
what may be spent in budgets.py."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Sum

from .models import Submission, VideoRender
from .prices import PriceList

__all__ = ["committed_usd", "price_of", "queued_usd"]


def price_of(backend: str, model: str, resolution: str, seconds: int) -> Decimal | None:
    """USD for one video today, in cents; None where no price is known. Queries."""
    found = PriceList().find(backend, model, resolution, seconds)
    return found and found.usd


def committed_usd(*, with_queued: bool) -> Decimal:
    """What was paid, may have been paid, or will be when the queued renders are sent. Queries."""
    spent = Submission.objects.filter(outcome__in=Submission.MAY_COST)
    total = spent.aggregate(total=Sum("price_usd"))["total"] or Decimal(0)
    return total + queued_usd() if with_queued else total


def queued_usd() -> Decimal:
    """What the queued renders will cost when they are sent. Queries."""
    queued = VideoRender.objects.open().filter(
        state=VideoRender.State.QUEUED, kind=VideoRender.Kind.GENERATION
    )
    return queued.aggregate(total=Sum("price_estimate_usd"))["total"] or Decimal(0)
