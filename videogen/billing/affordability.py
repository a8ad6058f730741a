"""How much of a plan the budgets have room for, and what would be cheaper. No queries beyond the
price list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import ngettext

from videogen.catalog.capabilities import Capability, ModelTable, RequestedVideo
from videogen.catalog.prices import PriceList
from videogen.models import RenderBatch

from .budgets import Limit, LimitName

OverBudget = RenderBatch.OverBudget

# How many are shown. The most expensive come first, because they change the least.
MOST_CHOICES = 6


@dataclass(frozen=True)
class Overrun:
    """Why videos are not sent: one of `price_usd` does not fit into what is `left_usd` of a budget,
    or, all or nothing, the `videos` together do not."""

    limit: LimitName
    left_usd: Decimal
    price_usd: Decimal
    videos: int = 1
    is_all_or_nothing: bool = False

    @property
    def sentence(self) -> str:
        left = f"${self.left_usd:.2f} is left."
        if not self.is_all_or_nothing:
            return f"Over {self.limit.words}: it costs ${self.price_usd:.2f}, {left}"
        videos = ngettext("{} video costs", "{} videos cost", self.videos).format(self.videos)
        cost = self.price_usd * self.videos
        return f"Over {self.limit.words}: all or nothing, {videos} ${cost:.2f}, {left}"

    def as_params(self) -> dict[str, Any]:
        """For JSON; `of_params` reads it."""
        return {
            "limit": self.limit.as_params(),
            "left_usd": str(self.left_usd),
            "price_usd": str(self.price_usd),
            "videos": self.videos,
            "is_all_or_nothing": self.is_all_or_nothing,
        }

    @classmethod
    def of_params(cls, params: Mapping[str, Any]) -> Overrun:
        return cls(
            LimitName.of_params(params["limit"]),
            Decimal(params["left_usd"]),
            Decimal(params["price_usd"]),
            params["videos"],
            params["is_all_or_nothing"],
        )


@dataclass(frozen=True)
class Fit:
    """How many videos the budgets have room for, and why not for the others."""

    videos: int
    overrun: Overrun | None = None


def fit(limits: Sequence[Limit], price: Decimal, wanted: int, over_budget: str) -> Fit:
    """How many of the `wanted` videos fit. limits: those that apply, the tightest first."""
    if not limits or not price or price * wanted <= limits[0].left_usd:
        return Fit(wanted)
    tightest = limits[0]
    if over_budget == OverBudget.NONE:
        return Fit(0, Overrun(tightest.name, tightest.left_usd, price, wanted, True))
    room = int(tightest.left_usd // price)
    return Fit(room, Overrun(tightest.name, tightest.left_usd - price * room, price))


@dataclass(frozen=True)
class Cheaper:
    """Another way to ask for the same shots. An empty model or resolution stays as it is."""

    words: str
    videos: int
    cost_usd: Decimal
    model: str = ""
    resolution: str = ""
    fits: bool = False


@dataclass(frozen=True)
class Shortage:
    """What a batch would cost, what is left for it of which budget, and what would be cheaper."""

    videos: int
    cost_usd: Decimal
    limit: Limit
    room: int
    choices: tuple[Cheaper, ...]

    @property
    def words(self) -> str:
        videos = ngettext("%d video", "%d videos", self.videos) % self.videos
        left = f"${self.limit.left_usd:,.2f}"
        return f"{videos}: ${self.cost_usd:,.2f}, and {left} is left of {self.limit.words}."

    @property
    def sentence(self) -> str:
        """With the choices, for where there are no links."""
        choices = "; ".join(f"{each.words} ${each.cost_usd:,.2f}" for each in self.choices)
        return f"{self.words} Cheaper: {choices}." if choices else self.words


@dataclass(frozen=True)
class Wanted:
    """How many videos are asked for, and how."""

    videos: int
    backend: str
    model: str
    asked: RequestedVideo


def shortage(
    limits: Sequence[Limit], prices: PriceList, table: ModelTable, wanted: Wanted, over_budget: str
) -> Shortage | None:
    """None where the budgets have room for all."""
    asked = wanted.asked
    price = prices.find(wanted.backend, wanted.model, asked.resolution, asked.seconds)
    if price is None or not fit(limits, price.usd, wanted.videos, over_budget).overrun:
        return None
    left = limits[0].left_usd
    room = int(left // price.usd)
    choices = _cheaper(prices, table, wanted, price.usd, left)
    if room:
        words = f"the first {room} of them" if room > 1 else "the first of them"
        choices.append(Cheaper(words, room, price.usd * room, fits=True))
    return Shortage(wanted.videos, price.usd * wanted.videos, limits[0], room, tuple(choices))


def _cheaper(
    prices: PriceList, table: ModelTable, wanted: Wanted, price: Decimal, left: Decimal
) -> list[Cheaper]:
    """Other models at this resolution, and lower resolutions of all models. Those of the same route
    come first."""
    found = []
    own = table.find(wanted.model)
    least: dict[str, Decimal] = {wanted.model: price}
    for resolution in (wanted.asked.resolution, *_below(wanted.asked.resolution)):
        asked = replace(wanted.asked, resolution=resolution)
        models = [table.find(model) for model in prices.models(resolution)]
        for model in sorted(models, key=lambda each: each.route != own.route):
            if model.problems(asked):
                continue
            other = prices.find(wanted.backend, model.name, resolution, asked.seconds)
            if other is None or other.usd >= least.get(model.name, price):
                continue
            least[model.name] = other.usd
            cost = other.usd * wanted.videos
            at = resolution if resolution != wanted.asked.resolution else ""
            words = " at ".join(each for each in (_named(model, own), at) if each)
            named = model.name if model.name != own.name else ""
            found.append(Cheaper(words, wanted.videos, cost, named, at, cost <= left))
    return found[:MOST_CHOICES]


def _named(model: Capability, own: Capability) -> str:
    """The model's name, with its route where that is not the route of the chosen model."""
    if model.name == own.name:
        return ""
    return model.name if model.route == own.route else f"{model.name} ({model.route_words})"


def _below(resolution: str) -> list[str]:
    known = ["4k", "1080p", "720p"]
    return known[known.index(resolution) + 1 :] if resolution in known else []
