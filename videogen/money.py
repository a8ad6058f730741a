"""What is spent or promised on the whole. What a video costs is in prices.py, what may be spent in
budgets.py."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Sum

from .models import Submission, VideoRender


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
