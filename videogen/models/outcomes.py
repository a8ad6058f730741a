"""The books: what became of every attempt, and what it came to.

An attempt is a render; its submissions are at most one possible charge and any number that were
surely refused. The outcome is derived from both, here and nowhere else: once in Python for one
render, once in SQL for lists, sums and the column `actual_cost_usd`, which the models keep in the
transaction that changes a state (`RenderQuerySet.settle`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable

from .states import MAY_COST, OPEN, State, SubmissionOutcome

if TYPE_CHECKING:
    from .renders import VideoRender
    from .submissions import Submission


class Outcome(models.TextChoices):
    SUCCEEDED = "succeeded", "succeeded"
    BLOCKED = "blocked", "blocked, not charged"
    FAILED = "failed", "failed, not charged"
    UNKNOWN = "unknown", "unknown: maybe paid"
    REHEARSED = "rehearsed", "rehearsed"
    SIMULATED = "simulated", "simulated"
    # While it is open; the API may have it, or not yet.
    IN_FLIGHT = "in_flight", "in flight"
    # Cancelled or refused on our side, an own video, a given link: nothing left the house.
    NOT_SENT = "not_sent", "not sent"


# What these cost is not known (yet).
UNSETTLED = frozenset({Outcome.UNKNOWN, Outcome.IN_FLIGHT})

NOTHING = Decimal("0.00")
_USD = models.DecimalField(max_digits=8, decimal_places=2)


def outcome_of(render: VideoRender, submissions: Iterable[Submission]) -> Outcome:
    """submissions: all of the render."""
    said = [each.outcome for each in submissions]
    if render.state in OPEN:
        return Outcome.IN_FLIGHT
    if render.state == State.REHEARSED:
        return Outcome.REHEARSED
    if not said:
        return Outcome.NOT_SENT
    if render.is_simulated:
        return Outcome.SIMULATED
    if render.state == State.BLOCKED:
        return Outcome.BLOCKED
    if render.state == State.FAILED or not MAY_COST & set(said):
        return Outcome.FAILED
    if render.state == State.DONE or (SubmissionOutcome.ACCEPTED in said and render.download_uri):
        # A link means that the API has made the video, whether it was fetched or given up.
        return Outcome.SUCCEEDED
    return Outcome.UNKNOWN


def actual_cost_of(render: VideoRender, submissions: Iterable[Submission]) -> Decimal | None:
    """In USD; None while that is open or unknown. submissions: all of the render."""
    submissions = list(submissions)
    outcome = outcome_of(render, submissions)
    if outcome in UNSETTLED:
        return None
    if outcome != Outcome.SUCCEEDED:
        return NOTHING
    return next(each.price_usd for each in submissions if each.outcome in MAY_COST)


def outcome_case(submissions: QuerySet, render: str = "") -> Case:
    """`outcome_of` for a query. submissions: the table; render: the way from the query's rows to
    the render, as a prefix ("render__")."""
    names = {outcome: Value(outcome.value) for outcome in Outcome}
    return _case(submissions, render, names, models.CharField())


def _case(
    submissions: QuerySet, render: str, result: Mapping[Outcome, Combinable], field: models.Field
) -> Case:
    """The result of whatever outcome it is."""
    key = f"{render.removesuffix('__')}_id" if render else "pk"
    own = submissions.filter(render=OuterRef(key)).order_by()

    def when(outcome: Outcome, condition: Q | Exists) -> When:
        return When(condition, then=result[outcome])

    def is_(**values: object) -> Q:
        return Q(**{f"{render}{name}": value for name, value in values.items()})

    return Case(
        when(Outcome.IN_FLIGHT, is_(state__in=sorted(OPEN))),
        when(Outcome.REHEARSED, is_(state=State.REHEARSED)),
        when(Outcome.NOT_SENT, ~Exists(own)),
        when(Outcome.SIMULATED, is_(is_simulated=True)),
        when(Outcome.BLOCKED, is_(state=State.BLOCKED)),
        when(Outcome.FAILED, is_(state=State.FAILED)),
        when(Outcome.FAILED, ~Exists(own.filter(outcome__in=sorted(MAY_COST)))),
        when(Outcome.SUCCEEDED, is_(state=State.DONE)),
        when(
            Outcome.SUCCEEDED,
            is_(download_uri__gt="") & Q(Exists(own.filter(outcome=SubmissionOutcome.ACCEPTED))),
        ),
        default=result[Outcome.UNKNOWN],
        output_field=field,
    )


def with_outcomes(renders: QuerySet) -> QuerySet:
    """Renders, each with its `outcome`."""
    return renders.annotate(outcome=outcome_case(_submissions_of(renders)))


def settled_cost(renders: QuerySet) -> Case:
    """`actual_cost_of` for an UPDATE of these renders."""
    submissions = _submissions_of(renders)
    price = submissions.filter(render=OuterRef("pk"), outcome__in=sorted(MAY_COST)).values(
        "price_usd"
    )
    costs: dict[Outcome, Combinable] = {
        outcome: Value(None if outcome in UNSETTLED else NOTHING) for outcome in Outcome
    }
    return _case(submissions, "", costs | {Outcome.SUCCEEDED: Subquery(price[:1])}, _USD)


def entries(submissions: QuerySet) -> QuerySet:
    """Submissions as lines of the books, each with its `entry` (an Outcome) and its `actual_usd`:
    one that was refused is settled, whatever becomes of its render afterwards."""
    table = submissions.model._base_manager.all()
    refused = Q(outcome=SubmissionOutcome.REJECTED)
    # The render was queued once more, and what that comes to is another line.
    audio = Q(outcome=SubmissionOutcome.NOT_CHARGED, error_code=submissions.model.BLOCKED_AUDIO)
    return submissions.annotate(
        entry=Case(
            When(
                (refused | audio) & Q(render__is_simulated=True),
                then=Value(Outcome.SIMULATED.value),
            ),
            When(refused, then=Value(Outcome.FAILED.value)),
            When(audio, then=Value(Outcome.BLOCKED.value)),
            default=outcome_case(table, "render__"),
            output_field=models.CharField(),
        ),
        actual_usd=Case(
            When(refused | audio, then=Value(NOTHING)),
            default=F("render__actual_cost_usd"),
            output_field=_USD,
        ),
    )


def _submissions_of(renders: QuerySet) -> QuerySet:
    related = renders.model._meta.get_field("submissions").related_model
    return related._base_manager.all()
