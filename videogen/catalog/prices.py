"""The price list: what a second of video costs, by model and resolution, from a day on.

What is not listed costs what VIDEO_PRICE_USD_PER_SECOND says; without that its price is unknown,
and what has no known price is never sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from videogen.models import Price, VideoRender
from videogen.models.routes import SIMULATOR


@dataclass(frozen=True)
class KnownPrice:
    """The price of one video, in cents."""

    usd: Decimal
    # Of what a second costs how much, since when, and who says so.
    source: str
    # The row of the price list, where it comes from there.
    price_id: int | None = None


class PriceList:
    """As it is valid today. One query, however much is asked of it; made anew for every page or
    plan."""

    def find(self, backend: str, model: str, resolution: str, seconds: int) -> KnownPrice | None:
        """None where no price is known."""
        if backend == SIMULATOR:
            return KnownPrice(Decimal("0.00"), "free: the simulator charges nothing")
        price = self._valid.get((model, resolution))
        if price is not None:
            return KnownPrice(
                _of_video(price.usd_per_second, seconds), describe_price(price), price.pk
            )
        per_second = settings.VIDEO_PRICE_USD_PER_SECOND
        if per_second is None:
            return None
        source = f"{_what(per_second, model, resolution)}: VIDEO_PRICE_USD_PER_SECOND"
        return KnownPrice(_of_video(per_second, seconds), source)

    def per_second(self, model: str, resolution: str) -> Decimal | None:
        """As listed, whoever makes the videos."""
        price = self._valid.get((model, resolution))
        return price and price.usd_per_second

    def models(self, resolution: str) -> list[str]:
        """Those with a listed price, the dearest first."""
        found = [model for model, at in self._valid if at == resolution]
        return sorted(
            found, key=lambda model: (-self._valid[model, resolution].usd_per_second, model)
        )

    def resolutions(self, model: str) -> list[str]:
        return sorted(at for each, at in self._valid if each == model)

    @cached_property
    def _valid(self) -> dict[tuple[str, str], Price]:
        begun = Price.objects.filter(since__lte=timezone.localdate()).order_by("since")
        # Of several that have begun, the newest is the last to be written.
        return {(price.model, price.resolution): price for price in begun}


def describe_price(price: Price) -> str:
    """What people are told of the price of a render that was queued under it."""
    what = _what(price.usd_per_second, price.model, price.resolution)
    words = f"{what}, valid since {price.since}: {price.source}"
    return words[: VideoRender._meta.get_field("price_source").max_length]


def is_used(price: Price) -> bool:
    """Whether a render was queued under it. One query."""
    return VideoRender.objects.filter(price=price).exists()


def _what(per_second: Decimal, model: str, resolution: str) -> str:
    return f"${per_second:.4f} per second of {model} at {resolution}"


def _of_video(per_second: Decimal, seconds: int) -> Decimal:
    return (per_second * seconds).quantize(Decimal("0.01"))
