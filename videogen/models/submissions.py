from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from . import states
from .lanes import Lane
from .render_queries import alters_data
from .renders import VideoRender


class SubmissionQuerySet(models.QuerySet["Submission"]):
    """Keeps the costs of renders in step with their submissions.

    What a render cost depends on the outcomes of its submissions, so a change of an outcome settles
    the render in the same transaction.
    """

    @alters_data
    def update(self, **changes: Any) -> int:
        if "outcome" not in changes:
            return super().update(**changes)
        with transaction.atomic(using=self.db, savepoint=False):
            renders = list(self.order_by().values_list("render", flat=True))
            changed = super().update(**changes)
            _settle(renders)
        return changed

    @alters_data
    def settle_unknown(self, operation_name: str = "") -> int:
        """Book submissions with an unknown outcome as accepted, because the API turned out to have
        them. Return how many there were. What becomes of the operation decides about the charge.

        operation_name: stored with the submission if the operation was found by its name; "" if
        the name is known already, or if only the clip was found.
        """
        changes: dict[str, Any] = {"outcome": states.SubmissionOutcome.ACCEPTED}
        if operation_name:
            changes["operation_name"] = operation_name
        return self.filter(outcome=states.SubmissionOutcome.UNKNOWN).update(**changes)

    def bulk_create(  # type: ignore[override]  # the options are passed on as they are
        self, objs: Iterable[Submission], *args: Any, **options: Any
    ) -> list[Submission]:
        with transaction.atomic(using=self.db, savepoint=False):
            created: list[Any] = super().bulk_create(
                objs,  # type: ignore[arg-type]  # django-stubs takes the class for a generic one
                *args,
                **options,
            )
            _settle([each.render_id for each in created])
        return created


def _settle(renders: list[int]) -> None:
    # Asked first, because the render of a call that was just claimed or accepted is open, and the
    # expression of the costs takes several times as long.
    ended = VideoRender.objects.filter(pk__in=renders).exclude(ended_at=None)
    if keys := list(ended.values_list("pk", flat=True)):
        VideoRender.objects.filter(pk__in=keys).settle()


class Submission(models.Model):
    """The intent to send one paid call, written before the call leaves.

    A crash cannot forget it, so quota and budgets are counted from these rows.
    """

    Outcome = states.SubmissionOutcome

    MAY_COST = states.MAY_COST

    # The error_code of a submission that was accepted but certainly not charged, and that may be
    # followed by another one.
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
            # What may have been accepted is never sent a second time, whoever asks. The exception
            # is a render that the audio filter blocked, and that only once.
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
            # A claim counts the last minute of its lane.
            models.Index(fields=["lane", "claimed_at"], name="submissions_of_a_window"),
            # The lists show the newest first.
            models.Index(fields=["-claimed_at", "token"], name="submissions_by_age"),
            # What was spent in total is answered from the index alone, for the bar of every page.
            models.Index(fields=["outcome", "price_usd"], name="prices_by_outcome"),
            # So is what was spent by day.
            models.Index(fields=["outcome", "claimed_at", "price_usd"], name="spent_submissions"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.render}"

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(savepoint=False):
            super().save(*args, **options)
            if self.render.ended_at:
                _settle([self.render_id])
