"""What was spent, on what and why, what an approved shot costs, and what it takes to finish a
story: sums that the database makes, as many queries for much as for little.

They count attempts that were sent, and videos that people brought. Simulated ones count for the
simulator only, with nothing spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, TruncDate
from django.db.models.lookups import In
from django.utils import timezone

from storybook.models import Story

from .models import RenderBatch, VideoRender, counts_simulated
from .prices import PriceList
from .routes import is_simulating

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review

CENT = Decimal("0.01")
# Of so few paid takes no yield is read.
FEWEST_TAKES = 5


class Reason(models.TextChoices):
    """Why an attempt was made."""

    MISSING = "missing", "no video yet"
    RETRY = "retry", "retry: the attempt before made no video"
    REJECTED = "rejected", "new take after a rejected one"
    NEW_TAKE = "new_take", "new take"
    EXACTLY = "exactly", "exactly this again"
    PROMOTED = "promoted", "promoted to another model"
    LINK = "link", "given link"
    UPLOAD = "upload", "own video"


class By(models.TextChoices):
    STORY = "story", "story"
    SCENELET = "scenelet", "scenelet"
    PERSON = "person", "person"
    DAY = "day", "day"
    REASON = "reason", "reason"


@dataclass(frozen=True)
class Scope:
    """Which attempts: of one story, of these days (the last one included); all without."""

    story: Story | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Figures:
    """Of attempts that have something in common; `key` tells it to programs, `label` to people."""

    key: str = ""
    label: str = ""
    context: str = ""
    """The story of a scenelet, the id of a story."""
    attempts: int = 0
    videos: int = 0
    approved: int = 0
    rejected: int = 0
    not_charged: int = 0
    simulated: int = 0
    spent_usd: Decimal = Decimal("0.00")
    open_usd: Decimal = Decimal("0.00")
    """What is in flight or unknown may still come to."""

    @property
    def per_approved_usd(self) -> Decimal | None:
        """With the rejected takes in it; None while nothing is approved."""
        if not self.approved:
            return None
        return (self.spent_usd / self.approved).quantize(CENT, ROUND_HALF_UP)

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in SUMMED})

    def as_dict(self) -> dict[str, Any]:
        """Plain values under names that stay; amounts as text."""
        per_approved = self.per_approved_usd
        return {
            "key": self.key,
            "label": self.label,
            **{name: getattr(self, name) for name in SUMMED if not name.endswith("_usd")},
            "spent_usd": str(self.spent_usd),
            "open_usd": str(self.open_usd),
            "cost_per_approved_usd": None if per_approved is None else str(per_approved),
        }


_SUMS = {
    "attempts": Count("pk"),
    "videos": Count("pk", filter=Q(state=State.DONE)),
    # A shot has one approved take at most, so this counts shots.
    "approved": Count("pk", filter=Q(review=Review.APPROVED)),
    "rejected": Count("pk", filter=Q(review=Review.REJECTED)),
    "not_charged": Count(
        "pk", filter=Q(state__in=[State.FAILED, State.BLOCKED], is_simulated=False)
    ),
    "simulated": Count("pk", filter=Q(is_simulated=True)),
    "spent_usd": Sum("actual_cost_usd"),
    "open_usd": Sum("price_estimate_usd", filter=Q(actual_cost_usd=None)),
}
SUMMED = tuple(_SUMS)


def figures_by(by: str, scope: Scope) -> list[Figures]:
    """One row for everything that they have in common, most expensive first; scenelets in story
    order, days newest first. One query."""
    attempts = _attempts(scope)
    fields, order = _GROUPS[by]
    if by == By.REASON:
        attempts = attempts.annotate(reason=_reason())
    if by == By.DAY:
        attempts = attempts.annotate(day=TruncDate("sent_at"))
    rows = attempts.order_by().values(*fields).annotate(**_SUMS).order_by(*order, *fields)
    return [_figures(by, row, [row[field] for field in fields]) for row in rows]


def total_of(rows: Iterable[Figures]) -> Figures:
    """Everything is in one row of any grouping, and in one only."""
    return sum(rows, Figures())


_STORY = "shot__scenelet__story"
_DEAREST = ("-spent_usd", "-attempts")
_GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    By.STORY: ((f"{_STORY}__story_id", f"{_STORY}__title"), _DEAREST),
    By.SCENELET: (
        (
            f"{_STORY}__title",
            f"{_STORY}__story_id",
            "shot__scenelet__sequence",
            "shot__scenelet__scenelet_id",
            "shot__scenelet__title",
        ),
        (),
    ),
    By.PERSON: (("requested_by_name",), _DEAREST),
    By.DAY: (("day",), ("-day",)),
    By.REASON: (("reason",), _DEAREST),
}


def _figures(by: str, row: dict[str, Any], values: list[Any]) -> Figures:
    numbers = {name: _cents(row[name]) if name.endswith("_usd") else row[name] for name in SUMMED}
    match by, values:
        case By.STORY, [story_id, title]:
            names = {"key": story_id, "label": title or story_id, "context": story_id}
        case By.SCENELET, [story, story_id, _, scenelet_id, title]:
            names = {
                "key": f"{story_id}/{scenelet_id}",
                "label": title or scenelet_id,
                "context": story or story_id,
            }
        case By.PERSON, [name]:
            names = {"key": name, "label": name or "nobody named"}
        case By.DAY, [day]:
            names = {"key": day.isoformat(), "label": f"{day:%a} {day.day} {day:%b %Y}"}
        case _, [reason]:
            names = {"key": reason, "label": Reason(reason).label}
    return Figures(**names, **numbers)


def _cents(amount: Decimal | None) -> Decimal:
    # SQLite adds amounts as floating-point numbers.
    return (amount or Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def _attempts(scope: Scope) -> QuerySet[VideoRender]:
    brought = Q(kind__in=[Kind.LINK, Kind.UPLOAD], state=State.DONE)
    rows = VideoRender.objects.filter(Q(claimed_at__isnull=False) | brought)
    rows = rows.exclude(kind=Kind.REHEARSAL).alias(sent_at=Coalesce("claimed_at", "queued_at"))
    if not counts_simulated():
        rows = rows.filter(is_simulated=False)
    if scope.story:
        rows = rows.filter(shot__scenelet__story=scope.story)
    if scope.since:
        rows = rows.filter(sent_at__gte=_start_of(scope.since))
    if scope.until:
        rows = rows.filter(sent_at__lt=_start_of(scope.until + timedelta(days=1)))
    return rows


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _reason() -> Case:
    earlier = VideoRender.objects.filter(
        shot=OuterRef("shot"),
        pk__lt=OuterRef("pk"),
        is_simulated=OuterRef("is_simulated"),
        claimed_at__isnull=False,
    )
    # Judged before this one was asked for: what is rejected afterwards was no reason.
    rejected = earlier.filter(review=Review.REJECTED, reviewed_at__lte=OuterRef("queued_at"))
    before = Subquery(earlier.order_by("-pk").values("state")[:1])
    without_video = In(before, [state.value for state in State if state != State.DONE])
    copied = Q(copy_of__isnull=False)

    def when(condition: Q | Exists | In, reason: Reason) -> When:
        return When(condition, then=Value(reason.value))

    return Case(
        when(Q(kind=Kind.UPLOAD), Reason.UPLOAD),
        when(Q(kind=Kind.LINK), Reason.LINK),
        when(copied & ~Q(model=F("copy_of__model")), Reason.PROMOTED),
        when(copied, Reason.EXACTLY),
        when(without_video, Reason.RETRY),
        when(Exists(rejected), Reason.REJECTED),
        when(Q(mode=RenderBatch.Mode.OVERRIDE), Reason.NEW_TAKE),
        default=Value(Reason.MISSING.value),
        output_field=CharField(),
    )


# -- to the end of a story -------------------------------------------------------------------------


@dataclass(frozen=True)
class Forecast:
    """To an approved take of every shot, by how many of the story's own paid takes were approved
    so far."""

    story: Story
    shots: int
    approved: int
    """Shots with an approved take, also one that somebody brought."""
    takes: int
    """Videos that were paid for, or simulated."""
    yielded: int
    """Those of them that are approved."""
    waiting: int
    """Those that wait for a verdict; each may lower the forecast."""
    spent_usd: Decimal
    price_usd: Decimal | None
    """Of the next take, by the settings of now; None where no price is known."""
    is_simulated: bool

    @property
    def left(self) -> int:
        return max(self.shots - self.approved, 0)

    @property
    def is_known(self) -> bool:
        return self.takes >= FEWEST_TAKES and self.yielded > 0

    @property
    def takes_left(self) -> int | None:
        """How many more takes; None where there are too few to tell."""
        if not self.left:
            return 0
        # Rounded up: half a take is not to be had.
        return -(-self.left * self.takes // self.yielded) if self.is_known else None

    @property
    def usd(self) -> Decimal | None:
        return self._price_of(self.takes_left)

    @property
    def least_usd(self) -> Decimal | None:
        """If every next take were approved."""
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
    """In the order of the stories, with all that was ever sent for them. Three queries."""
    stories = list(stories)
    prices = PriceList()
    shape = settings.VIDEO_RESOLUTION, settings.VIDEO_DURATION_SECONDS
    asked = {
        pk: (shots, prices.find(settings.VIDEO_BACKEND, model or settings.VIDEO_MODEL, *shape))
        for pk, model, shots in Story.objects.filter(pk__in=[story.pk for story in stories])
        .order_by()
        .values_list("pk", "video_settings__model")
        .annotate(shots=Count("scenelets__shots"))
    }
    made = Q(kind=Kind.GENERATION) & (Q(state=State.DONE) | Q(actual_cost_usd__gt=0))
    approved = VideoRender.objects.filter(shot=OuterRef("shot"), review=Review.APPROVED)
    unjudged = Q(review__in=[Review.UNREVIEWED, Review.SELECTED]) & ~Q(Exists(approved))
    sums = {
        row[_STORY]: row
        for row in _attempts(Scope())
        .filter(**{f"{_STORY}__in": stories})
        .order_by()
        .values(_STORY)
        .annotate(
            spent=Sum("actual_cost_usd"),
            approved=_SUMS["approved"],
            takes=Count("pk", filter=made),
            yielded=Count("pk", filter=made & Q(review=Review.APPROVED)),
            waiting=Count("pk", filter=made & unjudged),
        )
    }
    return [
        Forecast(
            story,
            asked[story.pk][0],
            *(
                sums.get(story.pk, {}).get(name, 0)
                for name in ("approved", "takes", "yielded", "waiting")
            ),
            spent_usd=_cents(sums.get(story.pk, {}).get("spent")),
            price_usd=(price := asked[story.pk][1]) and price.usd,
            is_simulated=is_simulating(),
        )
        for story in stories
    ]
