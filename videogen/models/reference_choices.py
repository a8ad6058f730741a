from __future__ import annotations

from django.db import models

from storybook.models import Shot


class ReferenceChoice(models.Model):
    """A person's choice about one reference picture of one shot: pin it or leave it out."""

    class Kind(models.TextChoices):
        CHARACTER = "character", "character model sheet"
        ENVIRONMENT = "environment", "environment reference image"
        KEY_FRAME = "key_frame", "key frame"

    class Choice(models.TextChoices):
        PINNED = "pinned", "pin: use it, in this order"
        LEFT_OUT = "left_out", "leave it out"

    shot = models.ForeignKey(Shot, on_delete=models.CASCADE, related_name="reference_choices")
    kind = models.CharField(max_length=12, choices=Kind)
    reference_id = models.CharField(
        max_length=200,
        help_text="The character's or environment's id; of a key frame its number, from 1.",
    )
    choice = models.CharField(max_length=10, choices=Choice)
    position = models.PositiveIntegerField(default=1, help_text="Order among the pinned.")

    class Meta:
        ordering = ["shot", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["shot", "kind", "reference_id"], name="one_choice_per_reference_of_a_shot"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()}: {self.get_kind_display()} {self.reference_id}"
