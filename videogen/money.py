"""What a render costs, and what is left to spend.

Prices are data: per model and resolution, in USD per second of video. A combination that is not
listed has no known price (unless VIDEO_PRICE_USD_PER_SECOND names one), and what has no known price
is never sent.
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from .models import SIMULATOR, Submission, VideoRender

# Google's price list for the Gemini API as of 2026-11: audio included, charged only for a video
# that was generated.
USD_PER_SECOND: dict[tuple[str, str], Decimal] = {
    (f"veo-3.1-{variant}", resolution): Decimal(price)
    for variant, prices in {
        "generate-preview": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
        "fast-generate-preview": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
        "lite-generate-preview": {"720p": "0.05", "1080p": "0.08"},
    }.items()
    for resolution, price in prices.items()
}


def price_of(backend: str, model: str, resolution: str, seconds: int) -> Decimal | None:
    """USD for one video, in cents; None where no price is known."""
    if backend == SIMULATOR:
        return Decimal("0.00")
    per_second = settings.VIDEO_PRICE_USD_PER_SECOND
    if per_second is None:
        per_second = USD_PER_SECOND.get((model, resolution))
    return None if per_second is None else (per_second * seconds).quantize(Decimal("0.01"))


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


def budget_left_usd(*, with_queued: bool) -> Decimal | None:
    """What VIDEO_BUDGET_USD leaves; None without a budget. Queries."""
    if settings.VIDEO_BUDGET_USD is None:
        return None
    return settings.VIDEO_BUDGET_USD - committed_usd(with_queued=with_queued)
