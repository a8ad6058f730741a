from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from storybook.models import Scenelet, Shot, Story

MOST_CHARACTERS = 500


class DirectionQuerySet(models.QuerySet["Direction"]):
    def on(self) -> DirectionQuerySet:
        """Those that go into prompts."""
        return self.filter(switched_off_at=None)


class Direction(models.Model):
    """A sentence of the team that goes into the prompts of a story, of one scenelet or of one shot.

    The words of a row never change. Whoever words a direction anew switches the old row off and
    adds one that replaces it, so the rows are the history.
    """

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="directions")
    scenelet = models.ForeignKey(
        Scenelet, on_delete=models.CASCADE, null=True, blank=True, related_name="directions"
    )
    shot = models.ForeignKey(
        Shot, on_delete=models.CASCADE, null=True, blank=True, related_name="directions"
    )
    text = models.CharField(
        max_length=MOST_CHARACTERS,
        help_text="Goes into the prompt as it is: a director's note.",
    )
    position = models.PositiveIntegerField(help_text="The order among the directions of its place.")
    replaces = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="replaced_by",
        help_text="The direction that this one words anew or switches on again.",
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    author_name = models.CharField(max_length=150, help_text="As it was when it was written.")
    created_at = models.DateTimeField(default=timezone.now)
    switched_off_at = models.DateTimeField(null=True, blank=True)
    switched_off_by_name = models.CharField(max_length=150, blank=True)

    objects = DirectionQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scenelet=None) | Q(shot=None), name="direction_has_one_place"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="direction_has_words"),
        ]
        indexes = [
            # Every plan of the story asks for those that are on.
            models.Index(
                fields=["story"], condition=Q(switched_off_at=None), name="directions_on_by_story"
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def is_on(self) -> bool:
        return self.switched_off_at is None
