from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from . import states
from .lanes import Lane
from .renders import VideoRender


class SubmissionQuerySet(models.QuerySet):
    """What becomes of a submission decides what its render came to: whatever changes the one keeps
    the other, in the same transaction."""

    def update(self, **changes: Any) -> int:
        if "outcome" not in changes:
            return super().update(**changes)
        with transaction.atomic(using=self.db, savepoint=False):
            renders = list(self.order_by().values_list("render", flat=True))
            changed = super().update(**changes)
            _settle(renders)
        return changed

    update.alters_data = True

    def settle_unknown(self, operation_name: str = "") -> int:
        """Book those whose outcome was unknown as accepted, for the API turned out to have them;
        returns how many. What becomes of the operation decides about the charge.

        operation_name: of the one submission that was found by it; "": it is known already, or
        only the clip was found.
        """
        changes: dict[str, Any] = {"outcome": states.SubmissionOutcome.ACCEPTED}
        if operation_name:
            changes["operation_name"] = operation_name
        return self.filter(outcome=states.SubmissionOutcome.UNKNOWN).update(**changes)

    settle_unknown.alters_data = True

    def bulk_create(self, objs: Iterable[Submission], *args: Any, **options: Any) -> list:
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(objs, *args, **options)
            _settle([each.render_id for each in created])
        return created


def _settle(renders: list[int]) -> None:
    VideoRender.objects.filter(pk__in=renders).exclude(ended_at=None).settle()


class Submission(models.Model):
    """The intent to send one paid call, written before the call leaves. A crash cannot forget it,
    so quota windows and the budget are counted here."""

    Outcome = states.SubmissionOutcome

    MAY_COST = states.MAY_COST

    # error_code of the one that was accepted, surely not charged, and may be followed by another.
    BLOCKED_AUDIO = "blocked_audio"

    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    render = models.ForeignKey(VideoRender, on_delete=models.PROTECT, related_name="submissions")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="submissions")
    owner = models.CharField(max_length=200, help_text="host, boot, process and its start time")
    price_usd = models.DecimalField(max_digits=8, decimal_places=2)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.CLAIMED)
    operation_name = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    claimed_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ["-claimed_at"]
        constraints = [
            # What may have been accepted is never sent a second time, whoever asks: but for what
            # the audio filter blocked, and that only once.
            models.UniqueConstraint(
                fields=["render"],
                condition=Q(outcome__in=["claimed", "accepted", "unknown"])
                | Q(outcome="not_charged") & ~Q(error_code="blocked_audio"),
                name="one_possible_charge_per_render",
            ),
            models.UniqueConstraint(
                fields=["render"],
                condition=Q(outcome="not_charged", error_code="blocked_audio"),
                name="one_blocked_audio_per_render",
            ),
        ]
        indexes = [
            # The claim counts the last minute of its lane.
            models.Index(fields=["lane", "claimed_at"], name="submissions_of_a_window"),
            # What was spent, on the whole and by day, without a look at the rows.
            models.Index(fields=["outcome", "claimed_at", "price_usd"], name="spent_submissions"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.render}"

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(savepoint=False):
            super().save(*args, **options)
            if self.render.ended_at:
                _settle([self.render_id])
