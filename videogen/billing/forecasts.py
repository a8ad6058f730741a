"""What it takes to finish a story, judged by the share of its own paid takes that were approved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, Sum

from storybook.models import Story
from videogen.catalog.prices import KnownPrice, PriceList
from videogen.models import VideoRender
from videogen.models.routes import is_simulating

from .statistics import FEWEST_TAKES, OF_STORY, SUMS, Figures, SpendingScope, attempts_of, cents

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review


@dataclass(frozen=True)
class Forecast:
    """What it takes until every shot of the story has an approved take."""

    story: Story
    shots: int
    # Shots with an approved take, even where a person brought that take.
    approved: int
    # Videos that were paid for, or simulated.
    takes: int
    # Those of them that are approved.
    yielded: int
    # Those of them that nobody has reviewed; each may lower the forecast.
    waiting: int
    spent_usd: Decimal
    # The price of the next take under the present settings. None where it is not known.
    price_usd: Decimal | None
    is_simulated: bool

    @property
    def left(self) -> int:
        return max(self.shots - self.approved, 0)

    @property
    def is_known(self) -> bool:
        return self.takes >= FEWEST_TAKES and self.yielded > 0

    @property
    def takes_left(self) -> int | None:
        """How many more takes are needed. None where too few are known to tell."""
        if not self.left:
            return 0
        # Rounded up, because there is no half take.
        return -(-self.left * self.takes // self.yielded) if self.is_known else None

    @property
    def usd(self) -> Decimal | None:
        return self._price_of(self.takes_left)

    @property
    def least_usd(self) -> Decimal | None:
        """The cost if every next take were approved."""
        return self._price_of(self.left)

    @property
    def per_approved_usd(self) -> Decimal | None:
        return Figures(approved=self.approved, spent_usd=self.spent_usd).per_approved_usd

    def as_dict(self) -> dict[str, Any]:
        def text(amount: Decimal | None) -> str | None:
            return None if amount is None else str(amount)

        return {
            "story_id": self.story.story_id,
            "shots": self.shots,
            "approved": self.approved,
            "left": self.left,
            "paid_takes": self.takes,
            "approved_takes": self.yielded,
            "waiting_for_a_verdict": self.waiting,
            "takes_left": self.takes_left,
            "price_usd": text(self.price_usd),
            "forecast_usd": text(self.usd),
            "at_least_usd": text(self.least_usd),
            "cost_per_approved_usd": text(self.per_approved_usd),
            "is_simulated": self.is_simulated,
        }

    def _price_of(self, takes: int | None) -> Decimal | None:
        return None if takes is None or self.price_usd is None else self.price_usd * takes


def forecasts(stories: Iterable[Story]) -> list[Forecast]:
    """One for each story, in their order, by all attempts that were ever made for them. Three
    queries."""
    stories = list(stories)
    prices = PriceList()
    resolution, seconds = settings.VIDEO_RESOLUTION, settings.VIDEO_DURATION_SECONDS
    asked = {
        pk: (
            shots,
            prices.find(settings.VIDEO_BACKEND, model or settings.VIDEO_MODEL, resolution, seconds),
        )
        for pk, model, shots in Story.objects.filter(pk__in=[story.pk for story in stories])
        .order_by()
        .values_list("pk", "video_settings__model")
        .annotate(shots=Count("scenelets__shots"))
    }
    made = Q(kind=Kind.GENERATION) & (Q(state=State.DONE) | Q(actual_cost_usd__gt=0))
    approved = VideoRender.objects.filter(shot=OuterRef("shot"), review=Review.APPROVED)
    unjudged = Q(review__in=[Review.UNREVIEWED, Review.SELECTED]) & ~Q(Exists(approved))
    sums = {
        row[OF_STORY]: row
        for row in attempts_of(SpendingScope())
        .filter(**{f"{OF_STORY}__in": stories})
        .order_by()
        .values(OF_STORY)
        .annotate(
            spent=Sum("actual_cost_usd"),
            approved=SUMS["approved"],
            takes=Count("pk", filter=made),
            yielded=Count("pk", filter=made & Q(review=Review.APPROVED)),
            waiting=Count("pk", filter=made & unjudged),
        )
    }
    return [_forecast(story, *asked[story.pk], sums.get(story.pk, {})) for story in stories]


def _forecast(
    story: Story, shots: int, price: KnownPrice | None, sums: Mapping[str, Any]
) -> Forecast:
    return Forecast(
        story,
        shots,
        approved=sums.get("approved", 0),
        takes=sums.get("takes", 0),
        yielded=sums.get("yielded", 0),
        waiting=sums.get("waiting", 0),
        spent_usd=cents(sums.get("spent")),
        price_usd=price.usd if price else None,
        is_simulated=is_simulating(),
    )
