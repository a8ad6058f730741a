from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from storybook.fields import DocumentField
from storybook.models import Shot

from . import outcomes, states
from .batches import RenderBatch
from .lanes import Lane
from .prices import Price
from .prompt_profiles import PromptProfile
from .render_queries import RenderQuerySet, alters_data, polled_anew
from .routes import Route
from .shot_status import keep_standings
from .warnings_field import WarningsField

# If nobody has touched the row of a running render for so long, nobody works on it.
STALE_AFTER = timedelta(seconds=30)
# The API keeps a video for two days.
CLIP_KEPT_FOR = timedelta(hours=48)
# A list, because the migrations have one: a tuple would make another migration.
_OPEN = list(states.OPEN_IN_ORDER)


class VideoRender(models.Model):
    """One attempt at a shot's video. It is never overwritten, and never deleted with its shot."""

    State = states.State
    Kind = states.Kind
    Review = states.Review
    RejectReason = states.RejectReason
    Outcome = outcomes.Outcome

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
    review_reasons = models.CharField(
        max_length=200,
        blank=True,
        help_text="The codes of what is wrong with it, joined by commas.",
    )
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
    slot = models.PositiveSmallIntegerField(
        default=1,
        help_text="Counts the takes that a batch asks for at once for the shot, from 1.",
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
    backend = models.CharField(max_length=30, help_text="The account: simulator, gemini, vertex.")
    route = models.CharField(max_length=10, choices=Route, default=Route.GEMINI)
    model = models.CharField(max_length=100)
    aspect_ratio = models.CharField(max_length=10)
    resolution = models.CharField(max_length=10)
    duration_seconds = models.PositiveSmallIntegerField(help_text="seconds")
    reference_type = models.CharField(max_length=20, default="asset")
    seed = models.PositiveBigIntegerField(null=True, blank=True)
    negative_prompt = models.TextField(blank=True)
    person_generation = models.CharField(max_length=20, blank=True)
    prompt_text = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0, help_text="estimated")
    prompt_profile = models.CharField(
        max_length=10, choices=PromptProfile, default=PromptProfile.FULL
    )
    prompt_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many tokens the model was taken to read. Empty: not kept.",
    )
    prompt_left_out = DocumentField(
        default=list, help_text="What the lean profile left out, in order."
    )
    references = DocumentField(
        default=list, help_text="In order: kind, id, path, MIME type, bytes, sha256."
    )
    dropped_references = DocumentField(default=list)
    warnings = WarningsField(default=list)
    price_estimate_usd = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    price = models.ForeignKey(
        Price,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="renders",
        help_text="The listed price it was queued under, if it was a listed one.",
    )
    price_source = models.CharField(
        max_length=600, blank=True, help_text="The price it was queued under, and where from."
    )
    actual_cost_usd = models.DecimalField(
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="What it came to. Empty while that is open, or unknown.",
    )
    content_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the prompt and the references' bytes, in order."
    )
    request_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the content, the model and its settings."
    )
    audio_retries = models.PositiveSmallIntegerField(
        default=0, help_text="Sent again after the audio filter, which charges nothing."
    )
    is_simulated = models.BooleanField(default=False)
    sdk_version = models.CharField(max_length=30, blank=True)

    # -- what the API said
    operation_name = models.CharField(max_length=500, blank=True)
    download_uri = models.TextField(blank=True)
    is_link_given = models.BooleanField(
        "link given by a person",
        default=False,
        help_text="A person gave the download link, not the API: it may lead to any host.",
    )
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
    dismissed_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody took its failure from the first page."
    )

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

    objects = RenderQuerySet.as_manager()

    class Meta:
        ordering = ["-queued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["shot", "slot"],
                condition=Q(kind="generation", state__in=_OPEN),
                name="one_open_render_per_shot_and_slot",
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
                condition=Q(ended_at__isnull=True, state__in=_OPEN)
                | Q(ended_at__isnull=False) & ~Q(state__in=_OPEN),
                name="open_has_not_ended",
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
            # The pump asks several times a second about open rows, the dashboard about renders
            # that have just ended.
            models.Index(fields=["ended_at", "state", "lane"], name="open_renders"),
            # Every look for news asks for the newest reviews.
            models.Index(
                fields=["reviewed_at"],
                condition=Q(reviewed_at__isnull=False),
                name="reviewed_renders",
            ),
            # The first page looks for failures that were dismissed.
            models.Index(
                fields=["dismissed_at"],
                condition=Q(dismissed_at__isnull=False),
                name="dismissed_renders",
            ),
            # The list shows the newest first.
            models.Index(fields=["-queued_at", "-id"], name="renders_by_age"),
            # The list of submissions offers the people who asked for something.
            models.Index(
                fields=["requested_by_name"],
                condition=Q(claimed_at__isnull=False),
                name="sent_renders_by_person",
            ),
            # The page of spending asks of every attempt which ones were made for its shot before.
            models.Index(
                fields=["shot", "is_simulated", "id", "state", "review", "reviewed_at"],
                condition=Q(claimed_at__isnull=False),
                name="attempts_of_shots",
            ),
            # The list of submissions adds up what its renders cost, filtered by outcome or by
            # person, from the index alone: the rows of renders are long.
            models.Index(
                fields=["id", "state", "is_simulated", "actual_cost_usd", "requested_by_name"],
                name="costs_of_renders",
            ),
            # The plan asks whether there is a take of the same request.
            models.Index(fields=["request_sha256"], name="renders_by_request"),
        ]
        permissions = [
            ("generate_video", "Can generate videos (spends money)"),
            ("review_video", "Can select, approve and reject takes"),
        ]

    def __str__(self) -> str:
        what = f"take {self.take}" if self.take else self.get_state_display()
        return f"{self.shot}, {what}"

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(savepoint=False):
            super().save(*args, **options)
            if self.state in states.ENDED:
                type(self).objects.filter(pk=self.pk).settle()
            keep_standings({self.shot_id}, type(self)._base_manager)

    @classmethod
    def of_batch(cls, batch: RenderBatch, shot: Shot, lane: Lane, kind: str, **values: Any) -> Self:
        """A render that is not stored yet, with the mode and the requester of its batch. All
        renders are made here. values: the other columns."""
        return cls(
            batch=batch,
            shot=shot,
            lane=lane,
            kind=kind,
            mode=batch.mode,
            requested_by=batch.requested_by,
            requested_by_name=batch.requested_by_name,
            **values,
        )

    @property
    def rejected_for(self) -> list[states.RejectReason]:
        """What is wrong with the take, as somebody who rejected it said."""
        return states.RejectReason.read(self.review_reasons)

    @property
    def is_stale(self) -> bool:
        """Whether the state says that it is running or downloading, but nobody has worked on it for
        30 seconds."""
        if self.state not in (self.State.RUNNING, self.State.DOWNLOADING):
            return False
        touched = max(self.state_since, self.beat_at or self.state_since)
        return touched < timezone.now() - STALE_AFTER

    @property
    def status(self) -> str:
        """The state as people see it: a render that nobody works on is interrupted, or its clip not
        downloaded."""
        if self.is_stale:
            running = self.state == self.State.RUNNING
            return self.State.INTERRUPTED if running else self.State.NOT_DOWNLOADED
        return self.state

    @property
    def clip_expires_at(self) -> datetime:
        """The earliest moment at which the server may delete the clip: two days after it was made,
        or after it was submitted if nobody knows when it was made.

        After an outage of ours we hear late that a clip was made. So it counts as made no later
        than the operation's deadline after it was sent.
        """
        sent = self.claimed_at or self.submitted_at
        made = self.rendered_at
        if made and sent:
            made = min(made, sent + timedelta(minutes=settings.VIDEO_OPERATION_DEADLINE_MINUTES))
        return (made or sent or self.queued_at) + CLIP_KEPT_FOR

    @property
    def clip_time_left(self) -> timedelta:
        """How long the server still keeps the clip; negative if it may have deleted it."""
        return self.clip_expires_at - timezone.now()

    @alters_data
    def move(
        self,
        source: str | Collection[str],
        target: str,
        *,
        only: dict[str, Any] | None = None,
        **changes: Any,
    ) -> bool:
        """Move the row from one of the states `source` to `target` by a conditional UPDATE. Return
        whether this call won: of several processes that try it, one does.

        only: values that the row must have besides. changes: other columns that are written. From
        RUNNING, a row moves only while it has the operation that the caller knows of. Another
        download link counts as the API's, unless `changes` says that a person gave it.

        Raises ValueError for a move that the state machine does not have.
        """
        sources = {source} if isinstance(source, str) else set(source)
        for state in sources:
            if target not in states.MOVES.get(state, ()):
                raise ValueError(f"A render does not go from {state} to {target}.")
        only = only or {}
        if sources == {self.State.RUNNING}:
            # The answer about one operation says nothing about the render's next one.
            only = {"operation_name": self.operation_name, **only}
            if target == self.State.QUEUED and only.get("audio_retries") != 0:
                raise ValueError(
                    f"A render goes from {self.State.RUNNING} to {target} once, after the audio "
                    "filter."
                )
        now = timezone.now()
        changes = {"state": target, "state_since": now, **changes}
        if changes.get("download_uri", self.download_uri) != self.download_uri:
            changes.setdefault("is_link_given", False)
        changes.setdefault("ended_at", now if target in states.ENDED else None)
        rows = type(self).objects.filter(pk=self.pk, state__in=sources, **only)
        return self._took(changes, rows.transition(**changes))

    @alters_data
    def resume_polling(
        self,
        source: str | Collection[str],
        *,
        first_poll: datetime | None = None,
        **changes: Any,
    ) -> bool:
        """Move the row to RUNNING, so that its operation is polled from `first_poll` on (now by
        default). Return whether this call won. Nothing is ever submitted.

        The wait begins anew: with a new deadline, and without the failures and the error of the
        last one. `source` may be RUNNING itself for a render that nobody works on. It then keeps
        its state, if its operation is still the one that the caller knows of.
        """
        changes = polled_anew(first_poll) | changes
        if source == states.State.RUNNING:
            as_seen = {"state": source, "operation_name": self.operation_name}
            return self._change_where(as_seen, changes)
        return self.move(source, states.State.RUNNING, **changes)

    @alters_data
    def restart_download(
        self,
        source: str | Collection[str],
        *,
        link: str = "",
        keeps_attempts: bool = False,
        **changes: Any,
    ) -> bool:
        """Move the row to DOWNLOADING, so that the next free worker fetches the clip. Return
        whether this call won. Nothing is ever submitted. The caller wakes the workers.

        link: where the clip is, if it is not the link that the row has; the clip is known to be
        made then. keeps_attempts: this is one more try in a series, whose count decides how long
        the next one waits. Otherwise the count begins anew with all of VIDEO_DOWNLOAD_ATTEMPTS,
        because a person or the API has told something new.

        The row is due at once: no worker holds it and no wait delays it. The error of the last try
        is cleared, because a render in flight has none; if this try fails too, it says why itself.
        `ended_at` is cleared, as for every open render.

        `source` may be DOWNLOADING itself for a render that nobody works on. It is then taken only
        if no worker has come back to it since the caller read it.
        """
        now = timezone.now()
        found: dict[str, Any] = {}
        if link:
            found = {"download_uri": link, "rendered_at": self.rendered_at or now}
            if link != self.download_uri:
                # Only a link that a person gave may lead to any host; the caller says so.
                found["is_link_given"] = False
        changes = {
            **found,
            "not_before": None,
            "downloader": "",
            "download_lease_until": None,
            "beat_at": now,
            "error_code": "",
            "error_message": "",
            **changes,
        }
        if not keeps_attempts:
            changes["download_attempts"] = 0
        if source == states.State.DOWNLOADING:
            as_seen = {
                "state": source,
                "downloader": self.downloader,
                "download_lease_until": self.download_lease_until,
            }
            return self._change_where(as_seen, changes)
        return self.move(source, states.State.DOWNLOADING, **changes)

    def _change_where(self, as_seen: dict[str, Any], changes: dict[str, Any]) -> bool:
        """Change the row by a conditional UPDATE that leaves the state as it is. Return whether
        this call won."""
        rows = type(self).objects.filter(pk=self.pk, **as_seen)
        return self._took(changes, rows.update(**changes))

    def _took(self, changes: dict[str, Any], rows: int) -> bool:
        """Return whether the UPDATE changed a row. If so, set the same values on this object."""
        if rows:
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(rows)


def fill_standings() -> int:
    """Make the stored status of shots that have renders but no status. Return how many shots there
    were."""
    shots = list(
        VideoRender.objects.filter(shot__standings=None)
        .order_by("shot")
        .values_list("shot", flat=True)
        .distinct()
    )
    for start in range(0, len(shots), 500):
        with transaction.atomic():
            keep_standings(shots[start : start + 500], VideoRender._base_manager)
    return len(shots)
