from __future__ import annotations

from django.db import models
from django.utils import timezone

from .lanes import Lane
from .renders import VideoRender


class Candidate(models.Model):
    """A generation or a file listed by the API that may belong to a render whose outcome is
    unknown."""

    class Source(models.TextChoices):
        OPERATIONS = "operations", "list of operations"
        GENERATED_FILES = "generated_files", "list of generated files"
        WEBHOOK = "webhook", "webhook with our token"

    class Status(models.TextChoices):
        PROPOSED = "proposed", "a person decides"
        TAKEN = "taken", "taken for a render"
        DISMISSED = "dismissed", "not ours"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="candidates")
    source = models.CharField(max_length=16, choices=Source)
    name = models.CharField(max_length=500, help_text="Of the operation or the file.")
    download_uri = models.TextField(blank=True)
    is_done = models.BooleanField(null=True)
    made_at = models.DateTimeField(null=True, blank=True, help_text="Where the API tells.")
    token = models.UUIDField(
        null=True, blank=True, help_text="Our submission's, where the API gave it back."
    )
    found_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=Status, default=Status.PROPOSED)
    render = models.ForeignKey(
        VideoRender, on_delete=models.PROTECT, null=True, blank=True, related_name="candidates"
    )

    class Meta:
        ordering = ["-found_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["lane", "name"], name="one_candidate_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_file(self) -> bool:
        """Whether this is a file, which only has a link. The API can be asked about an
        operation."""
        return self.name.startswith(("generatedFiles/", "files/"))
