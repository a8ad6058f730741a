"""Queries of the table of renders, and the writes that keep other tables in step with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from . import outcomes, states
from .lanes import Lane
from .shot_status import DERIVED_FROM, keep_standings

if TYPE_CHECKING:
    from .renders import VideoRender

# The columns that may be long: a list of renders does without them.
HEAVY_COLUMNS = (
    "prompt_text",
    "prompt_left_out",
    "references",
    "dropped_references",
    "warnings",
    "error_details",
)

# The columns of DERIVED_FROM that may change while a render stays open without a change of its
# shot's status.
_OF_OPEN = frozenset({"state", "state_since", "take"})

Method = TypeVar("Method", bound=Callable[..., Any])


def alters_data(method: Method) -> Method:
    """Mark a method that Django's templates must not call."""
    method.alters_data = True  # type: ignore[attr-defined]
    return method


def polled_anew(first_poll: datetime | None) -> dict[str, Any]:
    """Return the columns of a render whose operation is polled from `first_poll` on, None: from now
    on. The wait begins anew."""
    now = timezone.now()
    return {
        "next_poll_at": first_poll or now,
        "poll_failures": 0,
        "deadline_at": now + timedelta(minutes=settings.VIDEO_OPERATION_DEADLINE_MINUTES),
        "beat_at": now,
        "error_code": "",
        "error_message": "",
    }


class RenderQuerySet(models.QuerySet["VideoRender"]):
    """Keeps the stored status of shots and the costs of renders in step with the renders, in the
    transaction that changes them."""

    def open(self) -> RenderQuerySet:
        """Renders that are queued or in flight. By `ended_at`, for which there is an index: SQLite
        uses no partial index for a list of states that is a parameter."""
        return self.filter(ended_at=None)

    def at_work(self) -> RenderQuerySet:
        """Open renders of stories that are not archived."""
        return self.open().filter(shot__scenelet__story__archived_at=None)

    def queued_in(self, lane: Lane) -> RenderQuerySet:
        """Renders that the lane still has to submit."""
        return self.open().filter(lane=lane, kind=states.Kind.GENERATION, state=states.State.QUEUED)

    def in_claim_order(self) -> RenderQuerySet:
        """The order in which they are claimed: by their batch's priority, then the oldest first.

        Those that were refused as a matter of the account go last. Only words tell that, and if it
        is one request's fault after all, it must not stop the queue in front of all others."""
        is_last = models.Case(
            models.When(error_code=states.ACCOUNT_REFUSED, then=1),
            default=0,
            output_field=models.SmallIntegerField(),
        )
        return self.order_by(is_last, "-batch__priority", "queued_at", "pk")

    def without_heavy_columns(self, *, keep: Collection[str] = ()) -> RenderQuerySet:
        """The renders without what may be long, except for the columns of `keep`. Whoever reads one
        of the others later makes a query for each render."""
        return self.defer(*(each for each in HEAVY_COLUMNS if each not in keep))

    @alters_data
    def update(self, **changes: Any) -> int:
        """UPDATE of columns from which nothing else is derived.

        Raises ValueError for state, review, take and the other columns of DERIVED_FROM. Use
        `transition()`, or `VideoRender.move()` for the state of one render. This refuses
        bulk_update() as well, which ends here: it passes an SQL expression for the state, and
        nobody could tell whether that is an open one.
        """
        if refused := sorted(DERIVED_FROM & changes.keys()):
            raise ValueError(
                f"Change {', '.join(refused)} of renders by transition() or move(): a plain UPDATE "
                "leaves the shots' status and the costs behind."
            )
        return super().update(**changes)

    @alters_data
    def transition(self, **changes: Any) -> int:
        """UPDATE of columns from which other tables are derived. Return how many rows changed.

        In one transaction it sets `state_since` and `ended_at` if `changes` has none, settles the
        costs and recomputes the stored status of the shots. It does not check which moves the state
        machine has: filter by the state that the renders come from.

        Raises ValueError for a state that is an SQL expression.
        """
        is_open = None
        if "state" in changes:
            is_open = states.State(changes["state"]) in states.OPEN
            now = timezone.now()
            changes.setdefault("state_since", now)
            changes.setdefault("ended_at", None if is_open else now)
            if is_open:
                changes["actual_cost_usd"] = None
        with transaction.atomic(using=self.db, savepoint=False):
            # The rows are locked first and then changed by their keys. A row that meets the
            # conditions only a moment later would be changed while its shot is not known.
            locked = self.locked()
            found = list(locked.values_list("pk", "shot_id", "kind", "ended_at"))
            if not found:
                return 0
            keys = [pk for pk, *_ in found]
            changed = super(RenderQuerySet, self.filter(pk__in=keys)).update(**changes)
            # A shot's status knows of an open render only that it is open.
            says_nothing = is_open is not False and changes.keys() & DERIVED_FROM <= _OF_OPEN
            self._derive(
                keys if is_open is False else (),
                (
                    (shot, kind)
                    for _, shot, kind, ended_at in found
                    if ended_at is not None or not says_nothing
                ),
            )
        return changed

    @alters_data
    def resume_polling(
        self, sources: Collection[str], *, first_poll: datetime | None = None, **changes: Any
    ) -> int:
        """Do the same as VideoRender.resume_polling() for all of these renders that are in one of
        the states `sources`. Return how many were. `changes` may have SQL expressions.

        Raises ValueError for a move that the state machine does not have."""
        target = states.State.RUNNING
        if refused := [state for state in sources if target not in states.MOVES[state]]:
            raise ValueError(f"A render does not go from {refused[0]} to {target}.")
        changes = polled_anew(first_poll) | changes
        return self.filter(state__in=sources).transition(state=target, **changes)

    def bulk_create(  # type: ignore[override]  # the options are passed on as they are
        self, objs: Iterable[VideoRender], *args: Any, **options: Any
    ) -> list[VideoRender]:
        with transaction.atomic(using=self.db, savepoint=False):
            created: list[Any] = super().bulk_create(
                objs,  # type: ignore[arg-type]  # django-stubs takes the class for a generic one
                *args,
                **options,
            )
            ended = [each.pk for each in created if each.state in states.ENDED]
            self._derive(ended, ((each.shot_id, each.kind) for each in created))
        return created

    def lock(self) -> list[int]:
        """Lock these rows until the transaction ends, by their primary keys, as everywhere. Return
        the keys."""
        return list(self.locked().values_list("pk", flat=True))

    def locked(self) -> RenderQuerySet:
        """These rows by their primary keys, locked as they are read until the transaction ends."""
        # NO KEY: other rows refer to these, and checking that must not wait for this lock.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def _derive(self, ended: Collection[int], changed: Iterable[tuple[int, str]]) -> None:
        """Settle the costs of the renders `ended` and recompute the status of the shots of
        `changed`, which has the shot and the kind of each render. A rehearsal changes no status."""
        shots = {shot for shot, kind in changed if kind != states.Kind.REHEARSAL}
        if ended:
            RenderQuerySet(self.model, using=self.db).filter(pk__in=ended).settle()
        if shots:
            keep_standings(shots, self.model._base_manager)

    @alters_data
    def settle(self) -> None:
        """Write what these renders cost, by their states and submissions as they are now."""
        super().update(actual_cost_usd=outcomes.settled_cost(self))
