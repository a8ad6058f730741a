"""What stays of a story that was wiped: what it may have cost.

A wipe removes a story's rows and files, once an archive has them. Money that was spent stays spent,
so each submission leaves one row here. A restore puts the submissions back and removes these rows,
in one transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.conf import settings
from django.db import models
from django.utils import timezone

from .lanes import Lane
from .render_queries import alters_data
from .states import SubmissionOutcome


class WipedStory(models.Model):
    """A story that was wiped, and the archive that has it."""

    story_id = models.CharField(max_length=200, db_index=True, help_text="As it was imported.")
    title = models.CharField(max_length=500, blank=True)
    wiped_at = models.DateTimeField(default=timezone.now)
    archive_name = models.CharField(max_length=500, help_text="The name of the archive's file.")
    archive_sha256 = models.CharField(max_length=64, help_text="Of the archive's file.")
    last_batch_number = models.PositiveIntegerField(
        default=0, help_text="The highest number of its batches: it is given to no other batch."
    )

    class Meta:
        ordering = ["-wiped_at", "-pk"]
        verbose_name_plural = "wiped stories"

    def __str__(self) -> str:
        return self.title or self.story_id


class KeptChargeQuerySet(models.QuerySet["KeptCharge"]):
    def answered_late(self) -> KeptChargeQuerySet:
        """Those that the API turned out to have accepted after their story was wiped."""
        return self.exclude(late_answer_at=None)

    @alters_data
    def keep_answers(self, answers: Mapping[uuid.UUID, str]) -> set[uuid.UUID]:
        """Store that the API accepted these submissions, with their operations by their tokens.
        Return the tokens that are of a wiped story. What has an operation already keeps it, and so
        does what is known to cost nothing."""
        found = self.filter(token__in=answers)
        for token in found.values_list("token", flat=True):
            self.filter(token=token, operation_name="").exclude(
                outcome=SubmissionOutcome.NOT_CHARGED
            ).update(
                outcome=SubmissionOutcome.ACCEPTED,
                operation_name=answers[token],
                late_answer_at=timezone.now(),
            )
        return set(found.values_list("token", flat=True))


class KeptCharge(models.Model):
    """A submission of a story that was wiped. Budgets and quotas count it, and what the API lists
    is compared with it, as with a submission."""

    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    story = models.ForeignKey(WipedStory, on_delete=models.PROTECT, related_name="charges")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="kept_charges")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_by_name = models.CharField(max_length=150, blank=True)
    queued_at = models.DateTimeField(help_text="When its render was asked for.")
    claimed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    late_answer_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the API turned out to have accepted it, after the story was wiped.",
    )
    outcome = models.CharField(max_length=12, choices=SubmissionOutcome)
    price_usd = models.DecimalField(max_digits=8, decimal_places=2)
    actual_cost_usd = models.DecimalField(
        max_digits=8, decimal_places=2, null=True, blank=True, help_text="Empty: nobody knows."
    )
    is_simulated = models.BooleanField(default=False)
    operation_name = models.CharField(max_length=500, blank=True)
    download_uri = models.TextField(blank=True)

    objects = KeptChargeQuerySet.as_manager()

    class Meta:
        ordering = ["-claimed_at"]
        indexes = [
            # A claim counts the last minute of its lane.
            models.Index(fields=["lane", "claimed_at"], name="kept_charges_of_a_window"),
            # What was spent in total is answered from the index alone.
            models.Index(fields=["outcome", "price_usd"], name="spent_kept_charges"),
            # The notices look for late answers every minute.
            models.Index(
                fields=["late_answer_at"],
                condition=models.Q(late_answer_at__isnull=False),
                name="late_kept_charges",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.token}"
