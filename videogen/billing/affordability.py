"""How much of a plan the budgets have room for, and what would be cheaper. Knows figures only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from videogen.catalog.capabilities import Asked, Capability, ModelTable
from videogen.catalog.prices import PriceList
from videogen.models import RenderBatch

from .budgets import OVER_BUDGET, Limit

OverBudget = RenderBatch.OverBudget

# What is told of them; the dearest come first, for they change the least.
MOST_CHOICES = 6


@dataclass(frozen=True)
class Fit:
    """`videos`: how many go; `sentence`: why the others do not."""

    videos: int
    sentence: str = ""


def fit(limits: Sequence[Limit], price: Decimal, wanted: int, over_budget: str) -> Fit:
    """limits: those that apply, the tightest first."""
    if not limits or not price or price * wanted <= limits[0].left_usd:
        return Fit(wanted)
    tightest = limits[0]
    if over_budget == OverBudget.NONE:
        return Fit(0, _all_or_nothing(tightest, price, wanted))
    room = int(tightest.left_usd // price)
    left = tightest.left_usd - price * room
    return Fit(room, f"{_over(tightest)}: it costs ${price:.2f}, ${left:.2f} is left.")


def _all_or_nothing(limit: Limit, price: Decimal, wanted: int) -> str:
    return (
        f"{_over(limit)}: all or nothing, {wanted} video{'s' * (wanted != 1)} "
        f"cost{'s' * (wanted == 1)} ${price * wanted:.2f}, ${limit.left_usd:.2f} is left."
    )


def _over(limit: Limit) -> str:
    return f"{OVER_BUDGET}{limit.words.removeprefix('the budget')}"


@dataclass(frozen=True)
class Cheaper:
    """Another way to ask for the same shots. What is empty stays as it is."""

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
        videos = f"{self.videos} video{'s' * (self.videos != 1)}"
        left = f"${self.limit.left_usd:,.2f}"
        return f"{videos}: ${self.cost_usd:,.2f}, and {left} is left of {self.limit.words}."

    @property
    def sentence(self) -> str:
        """With the choices, for where there are no links."""
        choices = "; ".join(f"{each.words} ${each.cost_usd:,.2f}" for each in self.choices)
        return f"{self.words} Cheaper: {choices}." if choices else self.words


@dataclass(frozen=True)
class Wanted:
    """So many videos that are asked for in this way."""

    videos: int
    backend: str
    model: str
    asked: Asked


def shortage(
    limits: Sequence[Limit], prices: PriceList, table: ModelTable, wanted: Wanted, over_budget: str
) -> Shortage | None:
    """None where the budgets have room for all."""
    asked = wanted.asked
    price = prices.find(wanted.backend, wanted.model, asked.resolution, asked.seconds)
    if price is None or not fit(limits, price.usd, wanted.videos, over_budget).sentence:
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
    """Other models at this resolution, and other resolutions of this and of the other models; of
    its own route first."""
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
    """The route goes without saying where it is that of the model that was chosen."""
    if model.name == own.name:
        return ""
    return model.name if model.route == own.route else f"{model.name} ({model.route_words})"


def _below(resolution: str) -> list[str]:
    known = ["4k", "1080p", "720p"]
    return known[known.index(resolution) + 1 :] if resolution in known else []
