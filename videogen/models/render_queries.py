"""Questions to the table of renders, and the writes that keep other tables in step with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from . import outcomes, states
from .lanes import Lane
from .shot_status import DERIVED_FROM, keep_standings

if TYPE_CHECKING:
    from .renders import VideoRender


class RenderQuerySet(models.QuerySet):
    """Whatever changes renders keeps the standings of their shots and what the renders came to, in
    the same transaction."""

    def open(self) -> RenderQuerySet:
        """In a live state, by the index: SQLite uses no partial index for a list of states that
        is a parameter."""
        return self.filter(ended_at=None)

    def queued_in(self, lane: Lane) -> RenderQuerySet:
        """What the lane still has to submit."""
        return self.open().filter(lane=lane, kind=states.Kind.GENERATION, state=states.State.QUEUED)

    def in_claim_order(self) -> RenderQuerySet:
        """In the order in which they are claimed."""
        return self.order_by("-batch__priority", "queued_at", "pk")

    def update(self, **changes: Any) -> int:
        """Change what nothing else is derived from.

        Raises ValueError for state, review, take and the other columns of DERIVED_FROM: they
        change by `transition()`, or one render's state by `VideoRender.move()`. bulk_update() ends
        here, too, and is refused alike: it would pass an expression for the state, of which nobody
        can tell whether it is an open one.
        """
        if refused := sorted(DERIVED_FROM & changes.keys()):
            raise ValueError(
                f"Change {', '.join(refused)} of renders by transition() or move(): a plain UPDATE "
                "leaves the shots' status and the costs behind."
            )
        return super().update(**changes)

    update.alters_data = True

    def transition(self, **changes: Any) -> int:
        """UPDATE of columns from which other tables are derived; returns how many rows changed.

        In one transaction with the change it keeps `state_since`, `ended_at` and what the renders
        came to in step with the state, and recomputes the status of their shots. Which moves the
        state machine has is not checked here: filter by the state that the renders come from.
        """
        is_open = None
        if "state" in changes:
            # ValueError for an expression: what it comes to is known to the database only.
            is_open = states.State(changes["state"]) in states.OPEN
            now = timezone.now()
            changes.setdefault("state_since", now)
            changes.setdefault("ended_at", None if is_open else now)
            if is_open:
                changes["actual_cost_usd"] = None
        with transaction.atomic(using=self.db, savepoint=False):
            # Locked and then changed by their keys: one that meets the conditions only a moment
            # later would be changed without its shot's being known.
            locked = self.order_by("pk").select_for_update(of=("self",))
            found = list(locked.values_list("pk", "shot_id", "kind"))
            if not found:
                return 0
            keys = [pk for pk, _, _ in found]
            changed = super(RenderQuerySet, self.filter(pk__in=keys)).update(**changes)
            if is_open is False:
                RenderQuerySet(self.model, using=self.db).filter(pk__in=keys).settle()
            self._keep_standings((shot, kind) for _, shot, kind in found)
        return changed

    transition.alters_data = True

    def bulk_create(self, objs: Iterable[VideoRender], *args: Any, **options: Any) -> list:
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(objs, *args, **options)
            if ended := [each.pk for each in created if each.state in states.ENDED]:
                RenderQuerySet(self.model, using=self.db).filter(pk__in=ended).settle()
            self._keep_standings((each.shot_id, each.kind) for each in created)
        return created

    def _keep_standings(self, changed: Iterable[tuple[int, str]]) -> None:
        """changed: shot and kind of each render; a rehearsal changes no standing."""
        shots = {shot for shot, kind in changed if kind != states.Kind.REHEARSAL}
        if shots:
            keep_standings(shots, self.model._base_manager)

    def settle(self) -> None:
        """Write what these renders came to, by their states and submissions as they are now."""
        super().update(actual_cost_usd=outcomes.settled_cost(self))

    settle.alters_data = True
