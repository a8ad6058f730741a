"""The ledger: the outcome of every attempt, and what it cost.

An attempt is a render. Among its submissions is at most one possible charge; any number of others
were certainly refused. The outcome is derived from the render and its submissions, here and nowhere
else: in Python for one render, and in SQL for lists, sums and the column `actual_cost_usd`, which
is written in the transaction that changes a state (`RenderQuerySet.settle`).
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
    # The render is still open; the API may have it already.
    IN_FLIGHT = "in_flight", "in flight"
    # Nothing was sent: it was cancelled or refused on our side, or a person gave a video or a link.
    NOT_SENT = "not_sent", "not sent"


# The cost of these outcomes is not known, or not known yet.
UNSETTLED = frozenset({Outcome.UNKNOWN, Outcome.IN_FLIGHT})

NOTHING = Decimal("0.00")
_USD = models.DecimalField(max_digits=8, decimal_places=2)


def outcome_of(render: VideoRender, submissions: Iterable[Submission]) -> Outcome:
    """Return the outcome of the render. `submissions` must be all of the render's."""
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
        # A link means that the API has made the video, even if nobody fetched it in time.
        return Outcome.SUCCEEDED
    return Outcome.UNKNOWN


def actual_cost_of(render: VideoRender, submissions: Iterable[Submission]) -> Decimal | None:
    """Return what the render cost in USD; None while that is open or unknown. `submissions` must be
    all of the render's."""
    submissions = list(submissions)
    outcome = outcome_of(render, submissions)
    if outcome in UNSETTLED:
        return None
    if outcome != Outcome.SUCCEEDED:
        return NOTHING
    return next(each.price_usd for each in submissions if each.outcome in MAY_COST)


def outcome_case(submissions: QuerySet, render: str = "") -> Case:
    """Return `outcome_of` as an SQL expression.

    submissions: the whole table. render: the path from the query's rows to the render as a prefix
    ("render__"), or "" if the rows are renders.
    """
    names = {outcome: Value(outcome.value) for outcome in Outcome}
    return _case(submissions, render, names, models.CharField())


def _case(
    submissions: QuerySet, render: str, result: Mapping[Outcome, Combinable], field: models.Field
) -> Case:
    """Return an SQL CASE that yields `result` of the row's outcome. The order of the conditions is
    that of `outcome_of`."""
    key = f"{render.removesuffix('__')}_id" if render else "pk"
    own = submissions.filter(render=OuterRef(key)).order_by()

    def when(outcome: Outcome, condition: Q | Combinable) -> When:
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
    """Annotate each render with its `outcome`."""
    return renders.annotate(outcome=outcome_case(_submissions_of(renders)))


def settled_cost(renders: QuerySet) -> Case:
    """Return `actual_cost_of` as an SQL expression for an UPDATE of these renders."""
    submissions = _submissions_of(renders)
    price = submissions.filter(render=OuterRef("pk"), outcome__in=sorted(MAY_COST)).values(
        "price_usd"
    )
    costs: dict[Outcome, Combinable] = {
        outcome: Value(None if outcome in UNSETTLED else NOTHING) for outcome in Outcome
    }
    return _case(submissions, "", costs | {Outcome.SUCCEEDED: Subquery(price[:1])}, _USD)


def entries(submissions: QuerySet) -> QuerySet:
    """Annotate submissions as lines of the ledger: `entry` is an Outcome, `actual_usd` the cost.

    A submission that was refused costs nothing, whatever becomes of its render afterwards.
    """
    table = submissions.model._base_manager.all()
    refused = Q(outcome=SubmissionOutcome.REJECTED)
    # The render was sent once more; that submission is a line of its own.
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
