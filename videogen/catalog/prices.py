"""The price list: what a second of video costs, by model and resolution, from a given day on.

A model that is not listed costs VIDEO_PRICE_USD_PER_SECOND. If that is not set either, the price is
unknown, and nothing with an unknown price is ever sent. A price of nothing counts as unknown, too:
no budget would count what it pays for.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from videogen.models import Price, VideoRender
from videogen.models.prices import LOWEST_USD_PER_SECOND
from videogen.models.routes import SIMULATOR

from .built_in_prices import built_in_price


@dataclass(frozen=True)
class KnownPrice:
    """The price of one video."""

    # Rounded to cents.
    usd: Decimal
    # What a second of which model costs, since when, and who says so.
    source: str
    # The row of the price list, where it comes from there.
    price_id: int | None = None


class PriceList:
    """The prices that are valid today. It makes one query, so it is made anew for every page or
    plan."""

    def find(self, backend: str, model: str, resolution: str, seconds: int) -> KnownPrice | None:
        """Return the price of a video of so many seconds, or None if it is unknown."""
        if backend == SIMULATOR:
            return KnownPrice(Decimal("0.00"), "free: the simulator charges nothing")
        price = self._valid.get((model, resolution))
        if price is not None:
            return KnownPrice(
                _of_video(price.usd_per_second, seconds), describe_price(price), price.pk
            )
        per_second = settings.VIDEO_PRICE_USD_PER_SECOND
        if per_second is None or per_second < LOWEST_USD_PER_SECOND:
            return None
        source = f"{_what(per_second, model, resolution)}: VIDEO_PRICE_USD_PER_SECOND"
        return KnownPrice(_of_video(per_second, seconds), source)

    def per_second(self, model: str, resolution: str) -> Decimal | None:
        """Return the listed price of a second, whichever account makes the video, or None."""
        price = self._valid.get((model, resolution))
        return None if price is None else price.usd_per_second

    def models(self, resolution: str) -> list[str]:
        """Return the models with a listed price at the resolution, the dearest first."""
        found = [model for model, at in self._valid if at == resolution]
        return sorted(
            found, key=lambda model: (-self._valid[model, resolution].usd_per_second, model)
        )

    def all(self) -> list[tuple[Decimal, str, str]]:
        """Return the listed price of a second, model and resolution, of all that have one."""
        return [(price.usd_per_second, *key) for key, price in self._valid.items()]

    def resolutions(self, model: str) -> list[str]:
        return sorted(at for each, at in self._valid if each == model)

    @cached_property
    def _valid(self) -> dict[tuple[str, str], Price]:
        begun = Price.objects.filter(
            since__lte=timezone.localdate(), usd_per_second__gte=LOWEST_USD_PER_SECOND
        ).order_by("since")
        # Of several prices that have begun, the newest comes last and replaces the others.
        return {(price.model, price.resolution): price for price in begun}


def describe_price(price: Price) -> str:
    """Return the sentence that a render keeps about the price under which it was queued."""
    what = _what(price.usd_per_second, price.model, price.resolution)
    words = f"{what}, valid since {price.since}: {price.source}"
    return words[: VideoRender._meta.get_field("price_source").max_length]


def floor_price(price: Price) -> Decimal | None:
    """Return the price below which this one must not be without a right of its own: that of
    Google's list, or else the one of the same model and resolution that would be valid on its first
    day, or the newest one if none would. None if there is neither. Makes at most one query."""
    if (listed := built_in_price(price.model, price.resolution)) is not None:
        return listed
    others = Price.objects.filter(model=price.model, resolution=price.resolution)
    newest_first = list(others.exclude(pk=price.pk).order_by("-since"))
    # One that begins later says nothing about the days until then.
    begun = [each for each in newest_first if price.since and each.since <= price.since]
    found = begun or newest_first
    return found[0].usd_per_second if found else None


def keep_price(price: KnownPrice | None) -> bool:
    """Hold off whoever deletes the price, until the end of the transaction. Return False if it is
    no longer listed: a render that names it could not be stored."""
    if price is None or price.price_id is None:
        return True
    listed = Price.objects.filter(pk=price.price_id).select_for_update(no_key=True)
    return bool(listed.values_list("pk", flat=True).order_by())


def is_used(price: Price) -> bool:
    """Whether a render was queued under this price."""
    return VideoRender.objects.filter(price=price).exists()


def _what(per_second: Decimal, model: str, resolution: str) -> str:
    return f"${per_second:.4f} per second of {model} at {resolution}"


def _of_video(per_second: Decimal, seconds: int) -> Decimal:
    return (per_second * seconds).quantize(Decimal("0.01"))
