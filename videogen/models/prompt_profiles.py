from __future__ import annotations

from django.db import models


class PromptProfile(models.TextChoices):
    """How a prompt is put together."""

    FULL = "full", "full: everything the story says of the shot"
    LEAN = "lean", "lean: the shot first, cut to what the model reads"
