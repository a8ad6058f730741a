"""The ledger: the outcome of every attempt, and what it cost.

An attempt is a render. Among its submissions is at most one possible charge; any number of others
were certainly refused. The outcome is derived from the render and its submissions, here and nowhere
else: in Python for one render, and in SQL for lists, sums and the column `actual_cost_usd`, which
is written in the transaction that changes a state (`RenderQuerySet.settle`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

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


# Outcomes with the conditions from which they follow. The first that holds counts; where none does,
# the outcome is unknown.
Conditions = list[tuple[Outcome, Q]]


class _Said(NamedTuple):
    """What the submissions of a render say, as SQL conditions."""

    nothing: Q
    may_cost: Q
    accepted: Q


def _conditions(submissions: QuerySet) -> Conditions:
    """Return `outcome_of` as SQL conditions on renders, in its order. submissions: all of them."""
    own = submissions.filter(render=OuterRef("pk")).order_by()
    said = _Said(
        nothing=~Q(Exists(own)),
        may_cost=Q(Exists(own.filter(outcome__in=sorted(MAY_COST)))),
        accepted=Q(Exists(own.filter(outcome=SubmissionOutcome.ACCEPTED))),
    )
    return _in_order("", said)


def _conditions_of_entries(model: type[Submission]) -> Conditions:
    """The same of submissions, as lines of the ledger.

    A submission that was not refused is the only one of its render that was not
    (`one_possible_charge_per_render`). So it alone tells what all of them say, and none of the
    others is looked up, which a list of very many would be slow with.
    """
    refused = Q(outcome=SubmissionOutcome.REJECTED)
    audio = _is_blocked_audio(model)
    said = _Said(
        nothing=Q(pk__in=()),
        may_cost=Q(outcome__in=sorted(MAY_COST)),
        accepted=Q(outcome=SubmissionOutcome.ACCEPTED),
    )
    return [
        (Outcome.SIMULATED, (refused | audio) & Q(render__is_simulated=True)),
        (Outcome.FAILED, refused),
        (Outcome.BLOCKED, audio),
        *_in_order("render__", said),
    ]


def _in_order(render: str, said: _Said) -> Conditions:
    """render: the path from the query's rows to the render as a prefix, or "" if the rows are
    renders."""

    def is_(**values: object) -> Q:
        return Q(**{f"{render}{name}": value for name, value in values.items()})

    return [
        (Outcome.IN_FLIGHT, is_(state__in=sorted(OPEN))),
        (Outcome.REHEARSED, is_(state=State.REHEARSED)),
        (Outcome.NOT_SENT, said.nothing),
        (Outcome.SIMULATED, is_(is_simulated=True)),
        (Outcome.BLOCKED, is_(state=State.BLOCKED)),
        (Outcome.FAILED, is_(state=State.FAILED)),
        (Outcome.FAILED, ~said.may_cost),
        (Outcome.SUCCEEDED, is_(state=State.DONE)),
        (Outcome.SUCCEEDED, is_(download_uri__gt="") & said.accepted),
    ]


def _is_blocked_audio(model: type[Submission]) -> Q:
    # The render was sent once more; that submission is a line of its own.
    return Q(outcome=SubmissionOutcome.NOT_CHARGED, error_code=model.BLOCKED_AUDIO)


def _case(
    conditions: Conditions, result: Mapping[Outcome, Combinable], field: models.Field
) -> Case:
    """Return an SQL CASE that yields `result` of the row's outcome."""
    return Case(
        *(When(condition, then=result[outcome]) for outcome, condition in conditions),
        default=result[Outcome.UNKNOWN],
        output_field=field,
    )


def _named(conditions: Conditions) -> Case:
    names = {outcome: Value(outcome.value) for outcome in Outcome}
    return _case(conditions, names, models.CharField())


def _first_is(conditions: Conditions, outcome: str) -> Q:
    """Return the condition that the row has this outcome. Unlike a comparison with the CASE, it
    lets the database use indexes and joins."""
    found, earlier = Q(), Q()
    for each, condition in conditions:
        if each == outcome:
            found |= earlier & condition
        else:
            earlier &= ~condition
    return earlier if outcome == Outcome.UNKNOWN else found


def having_outcome(renders: QuerySet, outcome: str) -> QuerySet:
    """Return those of the renders that have the outcome."""
    return renders.filter(_first_is(_conditions(_submissions_of(renders)), outcome))


def having_entry(submissions: QuerySet, outcome: str) -> QuerySet:
    """Return those of the submissions that have the outcome as lines of the ledger."""
    return submissions.filter(_first_is(_conditions_of_entries(submissions.model), outcome))


def settled_cost(renders: QuerySet) -> Case:
    """Return `actual_cost_of` as an SQL expression for an UPDATE of these renders."""
    submissions = _submissions_of(renders)
    price = submissions.filter(render=OuterRef("pk"), outcome__in=sorted(MAY_COST)).values(
        "price_usd"
    )
    costs: dict[Outcome, Combinable] = {
        outcome: Value(None if outcome in UNSETTLED else NOTHING) for outcome in Outcome
    }
    result = costs | {Outcome.SUCCEEDED: Subquery(price[:1])}
    return _case(_conditions(submissions), result, _USD)


def entries(submissions: QuerySet) -> QuerySet:
    """Annotate submissions as lines of the ledger: `entry` is an Outcome, `actual_usd` the cost.

    A submission that was refused costs nothing, whatever becomes of its render afterwards.
    """
    return submissions.annotate(
        entry=_named(_conditions_of_entries(submissions.model)),
        actual_usd=cost_of_entry(submissions.model),
    )


def cost_of_entry(model: type[Submission]) -> Case:
    """Return the `actual_usd` of `entries`, which lists sort by."""
    refused = Q(outcome=SubmissionOutcome.REJECTED) | _is_blocked_audio(model)
    return Case(
        When(refused, then=Value(NOTHING)),
        default=F("render__actual_cost_usd"),
        output_field=_USD,
    )


def _submissions_of(renders: QuerySet) -> QuerySet:
    related = renders.model._meta.get_field("submissions").related_model
    return related._base_manager.all()
