from __future__ import annotations

from django.db import models
from django.utils import timezone

from storybook.models import Story


class OutgoingEvent(models.Model):
    """Something that other programs are told once, by the webhook, and can read in the API.

    The row is written first and sent afterwards, as a notice is. Without a webhook there is nothing
    to send.
    """

    class Type(models.TextChoices):
        BATCH_ENDED = "batch.ended", "batch ended"
        TAKE_MADE = "take.made", "take made"
        TAKE_APPROVED = "take.approved", "take approved"
        TAKE_REJECTED = "take.rejected", "take rejected"
        FILM_MADE = "film.made", "film made"

    type = models.CharField(max_length=20, choices=Type)
    key = models.CharField(
        max_length=200, unique=True, help_text="What happened: it is told only once."
    )
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict, help_text="What the receiver reads.")
    created_at = models.DateTimeField(default=timezone.now)
    webhook_sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="That did not arrive.")
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: nothing is left to send."
    )
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # The sweep of every minute looks for what has to be sent.
            models.Index(fields=["next_attempt_at"], name="events_to_send"),
        ]

    def __str__(self) -> str:
        return self.key
