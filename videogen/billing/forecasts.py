"""What it takes to finish a story, judged by the share of its own judged takes that were
approved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils.translation import ngettext

from storybook.models import Story
from videogen.catalog.prices import KnownPrice, PriceList
from videogen.models import VideoRender
from videogen.models.routes import is_simulating

from .statistics import OF_STORY, Figures, SpendingScope, attempts_of, cents

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review


# With fewer verdicts, their share of approvals says nothing.
FEWEST_VERDICTS = 5


@dataclass(frozen=True)
class Forecast:
    """What it takes until every shot of the story has an approved take.

    A take that nobody has judged counts neither for nor against the yield, and its shot needs no
    new one so far.
    """

    story: Story
    shots: int
    # Shots with an approved take, even where a person brought that take.
    approved: int
    # Shots that have a take which is not rejected, whoever brought it.
    kept: int
    # Videos that were paid for, or simulated.
    takes: int
    # Those of them that are approved.
    yielded: int
    # Those of them that are rejected.
    rejected: int
    # Those of them that nobody has reviewed; each that is rejected makes the forecast higher.
    waiting: int
    spent_usd: Decimal
    # The price of the next take under the present settings. None where it is not known.
    price_usd: Decimal | None
    is_simulated: bool

    @property
    def left(self) -> int:
        """Shots that are not approved."""
        return max(self.shots - self.approved, 0)

    @property
    def needed(self) -> int:
        """Shots that have no take, or rejected ones only."""
        return max(self.shots - self.kept, 0)

    @property
    def verdicts(self) -> int:
        return self.yielded + self.rejected

    @property
    def is_known(self) -> bool:
        return self.verdicts >= FEWEST_VERDICTS

    @property
    def share(self) -> float:
        """The expected share of approved takes. It is smoothed as if one take more had been
        approved and one more rejected, so that it is never 0 or 1."""
        return (self.yielded + 1) / (self.verdicts + 2)

    @property
    def takes_left(self) -> int | None:
        """How many more takes are to be expected. None where too few verdicts are known."""
        return self._takes_at(self.share, round)

    @property
    def least_takes_left(self) -> int | None:
        """The lower end of the range: takes turn out better than so far by the deviation that so
        few verdicts have."""
        return self._takes_at(min(self.share + self._deviation, 1.0), math.floor)

    @property
    def most_takes_left(self) -> int | None:
        """The upper end of the range. At most twice what is expected: where hardly anything was
        approved, the deviation would promise any number."""
        return self._takes_at(max(self.share - self._deviation, self.share / 2), math.ceil)

    @property
    def usd(self) -> Decimal | None:
        return self._price_of(self.takes_left)

    @property
    def from_usd(self) -> Decimal | None:
        return self._price_of(self.least_takes_left)

    @property
    def to_usd(self) -> Decimal | None:
        return self._price_of(self.most_takes_left)

    @property
    def least_usd(self) -> Decimal | None:
        """The cost if every take that waits, and every next one, were approved."""
        return self._price_of(self.needed)

    @property
    def per_approved_usd(self) -> Decimal | None:
        return Figures(approved=self.approved, spent_usd=self.spent_usd).per_approved_usd

    @property
    def takes_in_words(self) -> str:
        """The range of takes, such as "7 to 12 more takes"; empty where too few verdicts are
        known."""
        low, high = self.least_takes_left, self.most_takes_left
        if low is None or high is None:
            return ""
        if low == high:
            return ngettext("%d more take", "%d more takes", high) % high
        return f"{low} to {high} more takes"

    def as_dict(self) -> dict[str, Any]:
        def text(amount: Decimal | None) -> str | None:
            return None if amount is None else str(amount)

        return {
            "story_id": self.story.story_id,
            "shots": self.shots,
            "approved": self.approved,
            "left": self.left,
            "needed": self.needed,
            "paid_takes": self.takes,
            "approved_takes": self.yielded,
            "rejected_takes": self.rejected,
            "waiting_for_a_verdict": self.waiting,
            "takes_left": self.takes_left,
            "price_usd": text(self.price_usd),
            "forecast_usd": text(self.usd),
            "forecast_from_usd": text(self.from_usd),
            "forecast_to_usd": text(self.to_usd),
            "at_least_usd": text(self.least_usd),
            "cost_per_approved_usd": text(self.per_approved_usd),
            "is_simulated": self.is_simulated,
        }

    @property
    def _deviation(self) -> float:
        return math.sqrt(self.share * (1 - self.share) / (self.verdicts + 3))

    def _takes_at(self, share: float, whole: Callable[[float], int]) -> int | None:
        """`whole` makes a whole number of takes of the quotient."""
        if not self.needed:
            return 0
        if not self.is_known:
            return None
        # The last digits of a float must not make a take more or less.
        return whole(round(self.needed / share, 6))

    def _price_of(self, takes: int | None) -> Decimal | None:
        return None if takes is None or self.price_usd is None else self.price_usd * takes


def forecasts(stories: Iterable[Story]) -> list[Forecast]:
    """One for each story, in their order, by all attempts that were ever made for them. Three
    queries."""
    stories = list(stories)
    keys = [story.pk for story in stories]
    prices = PriceList()
    asked = {
        pk: (
            shots,
            prices.find(
                settings.VIDEO_BACKEND,
                model or settings.VIDEO_MODEL,
                resolution or settings.VIDEO_RESOLUTION,
                settings.VIDEO_DURATION_SECONDS,
            ),
        )
        for pk, model, resolution, shots in Story.objects.filter(pk__in=keys)
        .order_by()
        .values_list("pk", "video_settings__model", "video_settings__resolution")
        .annotate(shots=Count("scenelets__shots", filter=Q(scenelets__shots__gone_since=None)))
    }
    made = Q(kind=Kind.GENERATION) & (Q(state=State.DONE) | Q(actual_cost_usd__gt=0))
    # A shot that is no longer in the story's bundle needs no video.
    is_wanted = Q(shot__gone_since=None)
    kept = Q(state=State.DONE) & ~Q(review=Review.REJECTED) & is_wanted
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
            approved=Count("pk", filter=Q(review=Review.APPROVED) & is_wanted),
            kept=Count("shot", filter=kept, distinct=True),
            takes=Count("pk", filter=made),
            yielded=Count("pk", filter=made & Q(review=Review.APPROVED)),
            rejected=Count("pk", filter=made & Q(review=Review.REJECTED)),
            waiting=Count("pk", filter=made & Q(state=State.DONE) & unjudged),
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
        kept=sums.get("kept", 0),
        takes=sums.get("takes", 0),
        yielded=sums.get("yielded", 0),
        rejected=sums.get("rejected", 0),
        waiting=sums.get("waiting", 0),
        spent_usd=cents(sums.get("spent")),
        price_usd=price.usd if price else None,
        is_simulated=is_simulating(),
    )
