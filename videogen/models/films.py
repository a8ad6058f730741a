"""A film: the takes on the path to one ending, as one video file."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from storybook.models import Scenelet, Story

# A worker that has not renewed its lease for so long counts as gone.
FILM_LEASE = timedelta(seconds=60)


class Film(models.Model):
    """One film of an ending with certain options, made or to be made.

    `manifest` is what is asked for, `manifest_sha256` what the file was made from: while they
    differ, the film is being made, or failed.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        RENDERING = "rendering", "being made"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    OPEN = (Status.QUEUED, Status.RENDERING)

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="films")
    ending = models.ForeignKey(Scenelet, on_delete=models.CASCADE, related_name="films")
    takes = models.CharField(
        max_length=10, default="best", help_text="Which takes may stand for their shots."
    )
    cards = models.BooleanField(default=True, help_text="A card where the reader chooses.")
    levelling = models.BooleanField(default=True, help_text="The sound at −16 LUFS.")
    captions = models.BooleanField(default=False, help_text="The spoken lines as a text track.")

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    manifest = models.JSONField(default=dict, help_text="What the film is to consist of.")
    wanted_sha256 = models.CharField(max_length=64, blank=True, help_text="Of `manifest`.")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    queued_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    parts_done = models.PositiveIntegerField(default=0)
    parts_total = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)

    manifest_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file.")
    file = models.CharField(max_length=1000, blank=True, help_text="Relative to MEDIA_ROOT.")
    byte_size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    seconds = models.FloatField(default=0)
    shots = models.PositiveIntegerField(default=0)
    stills = models.PositiveIntegerField(default=0)
    cards_shown = models.PositiveIntegerField(default=0)
    segments_encoded = models.PositiveIntegerField(default=0)
    segments_reused = models.PositiveIntegerField(default=0)
    warnings = models.JSONField(default=list, help_text="Codes with parameters.")
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["story", "ending__place", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["ending", "takes", "cards", "levelling", "captions"],
                name="one_film_per_ending_and_options",
            )
        ]
        indexes = [models.Index(fields=["status", "queued_at"], name="films_to_make")]

    def __str__(self) -> str:
        return f"Film of {self.ending}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN
