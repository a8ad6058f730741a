from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Max, Q
from django.utils import timezone

from storybook.fields import DocumentField
from storybook.models import Shot, Story

from .prompt_profiles import PromptProfile
from .wiped_stories import WipedStory

if TYPE_CHECKING:
    from .people import Requester

CREATE_SHOT_VIDEO = "CREATE_SHOT_VIDEO"
MOST_TAKES_PER_SHOT = 4


class RenderBatch(models.Model):
    class Mode(models.TextChoices):
        DEFAULT = "default", "render what is missing"
        RESUME = "resume", "resume what was interrupted"
        OVERRIDE = "override", "render new takes"
        DRY_RUN = "dry-run", "rehearse, pay nothing"

    class Status(models.TextChoices):
        DRAFT = "draft", "draft"
        CONFIRMED = "confirmed", "confirmed"

    class Priority(models.IntegerChoices):
        FIRST = 10, "before the others"
        NORMAL = 0, "in turn"
        LATER = -10, "after the others"

    class OverBudget(models.TextChoices):
        FIT = "fit", "as many as fit"
        NONE = "none", "all or nothing"

    class Door(models.TextChoices):
        COMMAND = "command", "command line"
        ADMIN = "admin", "admin"
        API = "api", "API"

    number = models.PositiveIntegerField(
        null=True,
        blank=True,
        unique=True,
        editable=False,
        help_text="What people call it. A draft has none, so that no number is missing.",
    )
    story = models.ForeignKey(Story, on_delete=models.PROTECT, related_name="render_batches")
    status = models.CharField(
        max_length=10,
        choices=Status,
        default=Status.CONFIRMED,
        help_text="A draft is a selection that somebody looks at; nothing is queued for it.",
    )
    shots = models.ManyToManyField(
        Shot, blank=True, related_name="+", help_text="What a draft was made for."
    )
    task = models.CharField(max_length=50)
    mode = models.CharField(max_length=10, choices=Mode)
    door = models.CharField(max_length=10, choices=Door)
    filters = DocumentField(
        default=dict, help_text="What was asked for: scenelet, shot index, or the shots selected."
    )
    plan = DocumentField(default=list, help_text="The decision on every shot, with its reason.")
    counts = DocumentField(default=dict, help_text="Number of shots by decision.")
    estimated_cost_usd = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    model = models.CharField(
        max_length=100, blank=True, help_text="Empty: the one of the settings."
    )
    prompt_profile = models.CharField(
        max_length=10,
        blank=True,
        choices=PromptProfile,
        help_text="Empty: the one of the story or of the settings.",
    )
    resolution = models.CharField(
        max_length=10, blank=True, help_text="Empty: the one of the settings."
    )
    aspect_ratio = models.CharField(
        max_length=10, blank=True, help_text="Empty: the one of the settings."
    )
    duration_seconds = models.PositiveSmallIntegerField(
        "length in seconds", null=True, blank=True, help_text="Empty: the one of the settings."
    )
    promotes = models.BooleanField(
        default=False,
        editable=False,
        help_text="It sends the requests of takes again, as final takes.",
    )
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    over_budget = models.CharField(
        "where the budget is short",
        max_length=4,
        choices=OverBudget,
        default=OverBudget.FIT,
    )
    takes_per_shot = models.PositiveSmallIntegerField(
        default=1, help_text="How many takes of each shot are asked for at once."
    )
    stops_when_approved = models.BooleanField(
        "stop the rest of a shot once one is approved",
        default=False,
        help_text="What is not sent yet is cancelled. What was sent stays paid.",
    )
    uses_key_frames = models.BooleanField(
        null=True,
        blank=True,
        editable=False,
        help_text="What VIDEO_USE_KEY_FRAMES said when its requests were put together.",
    )
    repeats_confirmed = models.BooleanField(
        default=False, help_text="Somebody wants what there is already once more."
    )
    skips_repeats = models.BooleanField(
        default=False, help_text="Shots that have a take of the very same request are left out."
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    requested_by_name = models.CharField(
        max_length=150, blank=True, help_text="As it was when the batch was asked for."
    )
    worked_by = models.CharField(
        max_length=200,
        blank=True,
        help_text="The process that works this batch by itself, where no cluster does.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "render batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(takes_per_shot__gte=1, takes_per_shot__lte=MOST_TAKES_PER_SHOT),
                name="takes_per_shot_in_bounds",
            )
        ]
        indexes = [
            # The first page begins with the stories that somebody worked on last.
            models.Index(fields=["story", "created_at"], name="batches_of_a_story_by_age"),
            # The minute sweep looks for old drafts among batches with long plans.
            models.Index(fields=["created_at"], condition=Q(status="draft"), name="drafts_by_age"),
        ]

    def __str__(self) -> str:
        name = f"Batch {self.number}" if self.number else "Draft"
        return f"{name}: {self.get_mode_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A batch that is no draft gets its number."""
        if self.number is None and self.status == self.Status.CONFIRMED and self._state.adding:
            with transaction.atomic():
                self.number = next_number()
                super().save(*args, **kwargs)
        else:
            super().save(*args, **kwargs)

    @classmethod
    def asked_by(cls, requester: Requester, **values: Any) -> Self:
        """A batch that is not stored yet. values: the other columns, at least story and mode."""
        return cls(**{"task": CREATE_SHOT_VIDEO, **cls.requester_columns(requester), **values})

    @staticmethod
    def requester_columns(requester: Requester) -> dict[str, Any]:
        """The columns that say who asks, and through which door."""
        return {
            "door": requester.door,
            "requested_by": requester.user,
            "requested_by_name": requester.name,
        }


# Any number that no other advisory lock of the database has.
_NUMBERING = 7_203_160_442


def next_number() -> int:
    """Return the number of the next batch. Whoever else wants one waits until the transaction ends,
    so no number is given twice, and none is lost with a transaction that is rolled back. Take it
    after the locks of a story, a shot and the budgets, and before those of renders. The numbers of
    a story that was wiped stay its own."""
    lock_numbers()
    given = RenderBatch.objects.aggregate(last=Max("number"))["last"] or 0
    wiped = WipedStory.objects.aggregate(last=Max("last_batch_number"))["last"] or 0
    return max(given, wiped) + 1


def lock_numbers() -> None:
    """Hold off whoever wants a number, until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_NUMBERING])
    # On SQLite a transaction that writes has the database to itself.
