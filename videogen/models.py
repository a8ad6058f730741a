"""What is paid for, and what came of it.

Read first: `VideoRender` is the job (its row is the truth, the queue only wakes us up),
`Submission` is one possible charge, `RenderBatch` is what one person asked for at once, `Lane` is
the stream that paid calls stand in.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from storybook.fields import DocumentField
from storybook.models import Shot, Story

from . import states

# A row that nobody has touched for so long has nobody who works on it.
STALE_AFTER = timedelta(seconds=30)


class Lane(models.Model):
    """One backend with its key. A claim locks this row, so windows and caps hold across workers."""

    name = models.CharField(max_length=100, unique=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_code = models.CharField(max_length=50, blank=True)
    pause_reason = models.TextField(blank=True, help_text="What a person has to mend.")
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="No submission before: the API asked us to wait."
    )
    wait_code = models.CharField(max_length=50, blank=True)
    wait_reason = models.TextField(blank=True)
    quota_refusals = models.PositiveIntegerField(
        default=0, help_text="Refusals in a row; the wait grows with them."
    )
    lease_owner = models.CharField(max_length=200, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "lane"

    def __str__(self) -> str:
        return self.name


class RenderBatch(models.Model):
    class Mode(models.TextChoices):
        DEFAULT = "default", "render what is missing"
        RESUME = "resume", "resume what was interrupted"
        OVERRIDE = "override", "render new takes"
        DRY_RUN = "dry-run", "rehearse, pay nothing"

    class Status(models.TextChoices):
        DRAFT = "draft", "draft"
        CONFIRMED = "confirmed", "confirmed"

    class Door(models.TextChoices):
        COMMAND = "command", "command line"
        ADMIN = "admin", "admin"

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
        indexes = [
            # The minute sweep looks for old drafts among batches with long plans.
            models.Index(fields=["created_at"], condition=Q(status="draft"), name="drafts_by_age"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}: {self.get_mode_display()}"


class VideoRender(models.Model):
    """One attempt at a shot's video. Never overwritten, never deleted with its shot."""

    State = states.State
    Kind = states.Kind
    Review = states.Review

    OPEN = states.OPEN
    WITHOUT_VIDEO = states.WITHOUT_VIDEO
    ENDED = states.ENDED
    MOVES = states.MOVES

    # -- what was asked for
    shot = models.ForeignKey(Shot, on_delete=models.PROTECT, related_name="renders")
    batch = models.ForeignKey(RenderBatch, on_delete=models.PROTECT, related_name="renders")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="renders")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.GENERATION)
    mode = models.CharField(max_length=10, choices=RenderBatch.Mode)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    requested_by_name = models.CharField(max_length=150, blank=True)

    # -- where it stands
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    state_since = models.DateTimeField(default=timezone.now)
    review = models.CharField(max_length=12, choices=Review, default=Review.UNREVIEWED)
    review_reason = models.TextField(blank=True, help_text="Why the take was rejected.")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="reviewed_renders",
    )
    reviewed_by_name = models.CharField(
        max_length=150, blank=True, help_text="As it was when the take was reviewed."
    )
    take = models.PositiveIntegerField(
        null=True, blank=True, help_text="Counts the videos of the shot from 1."
    )
    copy_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="copies",
        help_text="The render whose exact request this one sends again.",
    )

    # -- the request, exactly as it was or will be sent
    backend = models.CharField(max_length=30)
    model = models.CharField(max_length=100)
    aspect_ratio = models.CharField(max_length=10)
    resolution = models.CharField(max_length=10)
    duration_seconds = models.PositiveSmallIntegerField(help_text="seconds")
    reference_type = models.CharField(max_length=20, default="asset")
    prompt_text = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0, help_text="estimated")
    references = DocumentField(
        default=list, help_text="In order: kind, id, path, MIME type, bytes, sha256."
    )
    dropped_references = DocumentField(default=list)
    warnings = DocumentField(default=list)
    price_estimate_usd = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    is_simulated = models.BooleanField(default=False)
    sdk_version = models.CharField(max_length=30, blank=True)

    # -- what the API said
    operation_name = models.CharField(max_length=500, blank=True)
    download_uri = models.TextField(blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    error_details = DocumentField(
        default=dict, blank=True, help_text="The API's own words and support codes."
    )

    # -- what the file is
    video_file = models.CharField(max_length=1000, blank=True, help_text="Relative to MEDIA_ROOT.")
    poster_file = models.CharField(max_length=1000, blank=True)
    container = models.CharField(max_length=50, blank=True)
    video_codec = models.CharField(max_length=50, blank=True)
    audio_codec = models.CharField(max_length=50, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    video_seconds = models.FloatField(null=True, blank=True)
    fps = models.FloatField(null=True, blank=True)
    has_audio = models.BooleanField(null=True, blank=True)
    byte_size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)

    # -- times of every step
    queued_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the API had accepted it."
    )
    rendered_at = models.DateTimeField(
        null=True, blank=True, help_text="When the API said that it is done."
    )
    downloaded_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # -- the pipeline's own
    not_before = models.DateTimeField(null=True, blank=True)
    refusals = models.PositiveIntegerField(
        default=0, help_text="Submissions that were surely not accepted."
    )
    next_poll_at = models.DateTimeField(null=True, blank=True)
    poll_failures = models.PositiveIntegerField(default=0, help_text="in a row")
    deadline_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)
    downloader = models.CharField(max_length=200, blank=True)
    download_lease_until = models.DateTimeField(null=True, blank=True)
    download_attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-queued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["shot"],
                condition=Q(
                    kind="generation",
                    state__in=["queued", "submitting", "running", "downloading"],
                ),
                name="one_open_render_per_shot",
            ),
            models.UniqueConstraint(fields=["shot", "take"], name="take_unique_within_shot"),
            models.UniqueConstraint(
                fields=["shot"],
                condition=Q(review__in=["selected", "approved"]),
                name="one_selected_take_per_shot",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(take__isnull=False, take__gte=1, video_file__gt=""),
                name="done_has_a_take_and_a_file",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(operation_name__gt=""),
                name="running_has_an_operation",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["downloading", "not_downloaded"]) | Q(download_uri__gt=""),
                name="downloading_has_a_link",
            ),
        ]
        indexes = [
            # The pump's four questions, several times a second: only open rows.
            models.Index(
                fields=["lane", "state", "next_poll_at"],
                condition=Q(state__in=["queued", "submitting", "running", "downloading"]),
                name="open_renders",
            ),
        ]
        permissions = [
            ("generate_video", "Can generate videos (spends money)"),
            ("review_video", "Can select, approve and reject takes"),
        ]

    def __str__(self) -> str:
        what = f"take {self.take}" if self.take else self.get_state_display()
        return f"{self.shot}, {what}"

    @property
    def is_stale(self) -> bool:
        """Live by its state, but nobody has worked on it for 30 seconds."""
        if self.state not in (self.State.RUNNING, self.State.DOWNLOADING):
            return False
        touched = max(self.state_since, self.beat_at or self.state_since)
        return touched < timezone.now() - STALE_AFTER

    @property
    def status(self) -> str:
        """The state as a producer is told it: a live state that nobody works on is not live."""
        if self.is_stale:
            running = self.state == self.State.RUNNING
            return self.State.INTERRUPTED if running else self.State.NOT_DOWNLOADED
        return self.state

    def move(
        self,
        source: str | Collection[str],
        target: str,
        *,
        only: dict[str, Any] | None = None,
        **changes: Any,
    ) -> bool:
        """Conditional UPDATE from one of `source` to `target`, where the row is `only` like that;
        True for the one that won.

        Raises ValueError for a move that the state machine does not have.
        """
        sources = {source} if isinstance(source, str) else set(source)
        for state in sources:
            if target not in self.MOVES.get(state, ()):
                raise ValueError(f"A render does not go from {state} to {target}.")
        now = timezone.now()
        changes = {"state": target, "state_since": now, **changes}
        if target in self.ENDED:
            changes.setdefault("ended_at", now)
        rows = type(self).objects.filter(pk=self.pk, state__in=sources, **(only or {}))
        won = rows.update(**changes)
        if won:
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(won)

    move.alters_data = True


class Submission(models.Model):
    """The intent to send one paid call, written before the call leaves. A crash cannot forget it,
    so quota windows and the budget are counted here."""

    class Outcome(models.TextChoices):
        CLAIMED = "claimed", "not answered yet"
        ACCEPTED = "accepted", "accepted"
        NOT_CHARGED = "not_charged", "accepted, ended without a video, not charged"
        REJECTED = "rejected", "not accepted, not charged"
        UNKNOWN = "unknown", "unknown: maybe paid"

    MAY_COST = frozenset({Outcome.CLAIMED, Outcome.ACCEPTED, Outcome.UNKNOWN})

    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    render = models.ForeignKey(VideoRender, on_delete=models.PROTECT, related_name="submissions")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="submissions")
    owner = models.CharField(max_length=200, help_text="host, boot, process and its start time")
    price_usd = models.DecimalField(max_digits=8, decimal_places=2)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.CLAIMED)
    operation_name = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    claimed_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-claimed_at"]
        constraints = [
            # What may have been accepted is never sent a second time, whoever asks.
            models.UniqueConstraint(
                fields=["render"],
                condition=Q(outcome__in=["claimed", "accepted", "not_charged", "unknown"]),
                name="one_possible_charge_per_render",
            ),
        ]
        indexes = [
            # The claim counts the last minute of its lane.
            models.Index(fields=["lane", "claimed_at"], name="submissions_of_a_window"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.render}"


class ReferenceChoice(models.Model):
    """A person's word on one reference of one shot: use it first, or leave it out."""

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
