from __future__ import annotations

from django.db import models


class Lane(models.Model):
    """One account of a provider: a key, its quota and its refusals.

    A claim locks this row, so that limits on rate and on renders at once hold across all workers.
    """

    name = models.CharField(max_length=100, unique=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_code = models.CharField(max_length=50, blank=True)
    pause_reason = models.TextField(blank=True, help_text="What a person has to fix.")
    pause_details = models.JSONField(
        default=dict,
        blank=True,
        help_text="For programs. Of a missing model: missing_model, and models, which the account "
        "has where the API told them.",
    )
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="No submission before: the API asked us to wait."
    )
    wait_code = models.CharField(max_length=50, blank=True)
    wait_reason = models.TextField(blank=True)
    quota_refusals = models.PositiveIntegerField(
        default=0, help_text="Refusals in a row; the wait grows with them."
    )
    lease_owner = models.CharField(max_length=200, blank=True)
    lease_secret = models.CharField(
        max_length=16,
        blank=True,
        help_text="A fingerprint of the secret key of the process that last held the lease.",
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)
    polls = models.PositiveBigIntegerField(default=0, help_text="Polls that came to an end.")
    poll_seconds = models.FloatField(default=0, help_text="How long they took together.")

    class Meta:
        verbose_name = "lane"

    def __str__(self) -> str:
        return self.name
