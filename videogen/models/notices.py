from __future__ import annotations

from django.db import models
from django.utils import timezone

from storybook.models import Story

from .batches import RenderBatch


class Notice(models.Model):
    """Something that people are told once, by e-mail and by webhook.

    The row is written first and sent afterwards; a notice that did not reach everyone is tried
    again.
    """

    class Kind(models.TextChoices):
        BATCH_FINISHED = "batch_finished", "batch finished"
        BUDGET_80 = "budget_80", "budget at 80 %"
        BUDGET_100 = "budget_100", "budget used up"
        QUEUE_PAUSED = "queue_paused", "queue paused"
        CLIP_EXPIRES = "clip_expires", "clip about to expire"
        LATE_ANSWER = "late_answer", "answer for a wiped story"

    kind = models.CharField(max_length=20, choices=Kind)
    key = models.CharField(
        max_length=200, unique=True, help_text="What happened: it is told only once."
    )
    story = models.ForeignKey(Story, on_delete=models.CASCADE, null=True, blank=True)
    batch = models.ForeignKey(
        RenderBatch,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The batch that it is about.",
    )
    subject = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=500, blank=True, help_text="Page of the admin about it.")
    created_at = models.DateTimeField(default=timezone.now)
    emailed_at = models.DateTimeField(null=True, blank=True)
    webhook_sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="That did not reach everyone.")
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="Empty: nothing is left to send."
    )
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            # The sweep of every minute looks for what has to be sent.
            models.Index(fields=["next_attempt_at"], name="notices_to_send"),
        ]

    def __str__(self) -> str:
        return self.subject
