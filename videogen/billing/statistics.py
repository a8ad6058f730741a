"""What was spent, on what and why, and what an approved shot costs.

The database makes the sums, in a number of queries that does not grow with the data. They count
attempts that were sent, and videos that people brought. Simulated attempts count only while
VIDEO_BACKEND is the simulator, with nothing spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FloatField,
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

from storybook.models import Shot, Story
from videogen.models import KeptCharge, RenderBatch, VideoRender, counts_simulated
from videogen.prompts.prompt import referenced_ids

State = VideoRender.State
Kind = VideoRender.Kind
Review = VideoRender.Review
RejectReason = VideoRender.RejectReason

CENT = Decimal("0.01")


class SpendingReason(models.TextChoices):
    """Why an attempt was made."""

    MISSING = "missing", "no video yet"
    RETRY = "retry", "retry: the attempt before made no video"
    REJECTED = "rejected", "new take after a rejected one"
    NEW_TAKE = "new_take", "new take"
    EXACTLY = "exactly", "exactly this again"
    PROMOTED = "promoted", "promoted to another model"
    LINK = "link", "given link"
    UPLOAD = "upload", "own video"


class Verdict(models.TextChoices):
    """What people said about what an attempt made."""

    APPROVED = Review.APPROVED.value, "approved"
    SELECTED = Review.SELECTED.value, "selected"
    UNREVIEWED = Review.UNREVIEWED.value, "not judged yet"
    REJECTED = Review.REJECTED.value, "rejected"
    NO_VIDEO = "no_video", "no video to judge"


class By(models.TextChoices):
    STORY = "story", "story"
    SCENELET = "scenelet", "scenelet"
    PERSON = "person", "person"
    DAY = "day", "day"
    MODEL = "model", "model"
    CHARACTER = "character", "character"
    REASON = "reason", "reason"
    VERDICT = "verdict", "verdict"


@dataclass(frozen=True)
class SpendingScope:
    """Which attempts: those of one story and of these days, the last one included. Without any of
    them, all."""

    story: Story | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Figures:
    """Sums over attempts that have something in common. `key` names it for programs, `label` for
    people."""

    key: str = ""
    label: str = ""
    # The story of a scenelet, or the id of a story.
    context: str = ""
    attempts: int = 0
    videos: int = 0
    approved: int = 0
    rejected: int = 0
    not_charged: int = 0
    simulated: int = 0
    spent_usd: Decimal = Decimal("0.00")
    # What the attempts that are in flight, or whose outcome is unknown, may still cost.
    open_usd: Decimal = Decimal("0.00")
    # The length of the approved takes.
    approved_seconds: Decimal = Decimal(0)

    @property
    def per_second_usd(self) -> Decimal | None:
        """What a second of approved video cost, rejected takes included. None while there is
        none."""
        if not self.approved_seconds:
            return None
        return (self.spent_usd / self.approved_seconds).quantize(CENT, ROUND_HALF_UP)

    @property
    def approved_share(self) -> float | None:
        """The yield: how much of what was judged was approved. None without any verdict."""
        judged = self.approved + self.rejected
        return self.approved / judged if judged else None

    @property
    def per_approved_usd(self) -> Decimal | None:
        """What an approved shot cost, rejected takes included. None while nothing is approved."""
        if not self.approved:
            return None
        return (self.spent_usd / self.approved).quantize(CENT, ROUND_HALF_UP)

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in SUMMED})

    def as_dict(self) -> dict[str, Any]:
        """For JSON, under names that do not change. Amounts are text."""
        per_approved, per_second = self.per_approved_usd, self.per_second_usd
        return {
            "key": self.key,
            "label": self.label,
            **{name: getattr(self, name) for name in COUNTED},
            "spent_usd": str(self.spent_usd),
            "open_usd": str(self.open_usd),
            "cost_per_approved_usd": None if per_approved is None else str(per_approved),
            "approved_seconds": float(self.approved_seconds),
            "cost_per_approved_second_usd": None if per_second is None else str(per_second),
            "approved_share": self.approved_share,
        }


SUMS = {
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
    "approved_seconds": Sum(
        Coalesce("video_seconds", "duration_seconds", output_field=FloatField()),
        filter=Q(review=Review.APPROVED),
    ),
}
SUMMED = tuple(SUMS)
# Those of them that count attempts.
COUNTED = tuple(name for name in SUMMED if not name.endswith(("_usd", "_seconds")))


def figures_by(by: str, scope: SpendingScope) -> list[Figures]:
    """One row for each group, the most expensive first. Scenelets come in story order, and days
    with the newest first. One query, two for characters."""
    attempts = attempts_of(scope)
    if by == By.CHARACTER:
        return _by_characters(attempts)
    fields, order = _GROUPS[by]
    if by == By.REASON:
        attempts = attempts.annotate(reason=_reason())
    if by == By.VERDICT:
        attempts = attempts.annotate(verdict=_verdict())
    if by == By.DAY:
        attempts = attempts.annotate(day=TruncDate("sent_at"))
    rows = attempts.order_by().values(*fields).annotate(**SUMS).order_by(*order, *fields)
    return [_figures(by, row, [row[field] for field in fields]) for row in rows]


def total_of(rows: Iterable[Figures]) -> Figures:
    """The sum of the rows. Every attempt is in exactly one row of any grouping."""
    return sum(rows, Figures())


OF_STORY = "shot__scenelet__story"
_DEAREST = ("-spent_usd", "-attempts")
_GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    By.STORY: ((f"{OF_STORY}__story_id", f"{OF_STORY}__title"), _DEAREST),
    By.SCENELET: (
        (
            f"{OF_STORY}__title",
            f"{OF_STORY}__story_id",
            "shot__scenelet__sequence",
            "shot__scenelet__scenelet_id",
            "shot__scenelet__title",
        ),
        (),
    ),
    By.PERSON: (("requested_by_name",), _DEAREST),
    By.MODEL: (("model",), _DEAREST),
    By.DAY: (("day",), ("-day",)),
    By.REASON: (("reason",), _DEAREST),
    By.VERDICT: (("verdict", "review_reasons"), _DEAREST),
}


def _by_characters(attempts: QuerySet[VideoRender]) -> list[Figures]:
    """By who is seen in the shot, as its storyboard says now. A shot with several characters stands
    in the row of all of them together, so that the rows add up."""
    rows: list[Any] = list(attempts.order_by().values("shot").annotate(**SUMS))
    shots = Shot.objects.filter(pk__in=attempts.order_by().values("shot")).order_by()
    seen = {
        pk: ", ".join(sorted(referenced_ids(payload or {}, "characters")))
        for pk, payload in shots.values_list("pk", "storyboard_payload")
    }
    found: dict[str, Figures] = {}
    for row in rows:
        names = seen.get(row["shot"], "")
        begun = found.get(names, Figures())
        found[names] = begun + Figures(**_numbers_of(row))
    named = [replace(each, key=key, label=key or "nobody") for key, each in found.items()]
    return sorted(named, key=lambda each: (-each.spent_usd, -each.attempts, each.key))


def _numbers_of(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in COUNTED},
        "spent_usd": cents(row["spent_usd"]),
        "open_usd": cents(row["open_usd"]),
        "approved_seconds": Decimal(str(round(row["approved_seconds"] or 0, 3))),
    }


def _figures(by: str, row: dict[str, Any], values: list[Any]) -> Figures:
    numbers = _numbers_of(row)
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
        case By.MODEL, [model]:
            names = {"key": model, "label": model or "no model: own videos and given links"}
        case By.DAY, [day]:
            names = {"key": day.isoformat(), "label": f"{day:%a} {day.day} {day:%b %Y}"}
        case By.VERDICT, [verdict, reasons]:
            names = _names_of_verdict(verdict, reasons)
        case _, [reason]:
            names = {"key": reason, "label": SpendingReason(reason).label}
    return Figures(**names, **numbers)


def _names_of_verdict(verdict: str, reasons: str) -> dict[str, str]:
    """A rejected take stands in the row of all its reasons together, so that the rows add up."""
    if not reasons:
        return {"key": verdict, "label": Verdict(verdict).label}
    words = ", ".join(str(each.label) for each in RejectReason.read(reasons))
    return {"key": f"{verdict}:{reasons}", "label": f"{Verdict(verdict).label}: {words}"}


def cents(amount: Decimal | None) -> Decimal:
    # SQLite adds amounts as floating-point numbers.
    return (amount or Decimal(0)).quantize(CENT, ROUND_HALF_UP)


class WipedCosts(NamedTuple):
    """What wiped stories have cost, and what their submissions of unknown outcome may have cost."""

    spent_usd: Decimal
    open_usd: Decimal


def wiped_costs(scope: SpendingScope) -> WipedCosts:
    """What the submissions of wiped stories have cost, which are in no row of any grouping; with a
    story, those that were wiped under its id. One query."""
    rows = KeptCharge.objects.all()
    if scope.story:
        rows = rows.filter(story__story_id=scope.story.story_id)
    if scope.since:
        rows = rows.filter(claimed_at__gte=_start_of(scope.since))
    if scope.until:
        rows = rows.filter(claimed_at__lt=_start_of(scope.until + timedelta(days=1)))
    sums = rows.aggregate(
        spent=Sum("actual_cost_usd"), open=Sum("price_usd", filter=Q(actual_cost_usd=None))
    )
    return WipedCosts(cents(sums["spent"]), cents(sums["open"]))


def attempts_of(scope: SpendingScope) -> QuerySet[VideoRender]:
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


def _verdict() -> Case:
    return Case(
        When(state=State.DONE, then=F("review")),
        default=Value(Verdict.NO_VIDEO.value),
        output_field=CharField(),
    )


def _reason() -> Case:
    earlier = VideoRender.objects.filter(
        shot=OuterRef("shot"),
        pk__lt=OuterRef("pk"),
        is_simulated=OuterRef("is_simulated"),
        claimed_at__isnull=False,
    )
    # Only what was rejected before this one was asked for can have been the reason.
    rejected = earlier.filter(review=Review.REJECTED, reviewed_at__lte=OuterRef("queued_at"))
    before = Subquery(earlier.order_by("-pk").values("state")[:1])
    without_video = In(before, [state.value for state in State if state != State.DONE])
    copied = Q(copy_of__isnull=False)
    # Asked of the few that are copies: a join would load the models of all renders.
    copied_from = VideoRender.objects.filter(pk=OuterRef("copy_of")).order_by().values("model")

    def when(condition: Q | Exists | In, reason: SpendingReason) -> When:
        return When(condition, then=Value(reason.value))

    return Case(
        when(Q(kind=Kind.UPLOAD), SpendingReason.UPLOAD),
        when(Q(kind=Kind.LINK), SpendingReason.LINK),
        when(copied & ~Q(model=Subquery(copied_from)), SpendingReason.PROMOTED),
        when(copied, SpendingReason.EXACTLY),
        when(without_video, SpendingReason.RETRY),
        when(Exists(rejected), SpendingReason.REJECTED),
        when(Q(mode=RenderBatch.Mode.OVERRIDE), SpendingReason.NEW_TAKE),
        default=Value(SpendingReason.MISSING.value),
        output_field=CharField(),
    )
