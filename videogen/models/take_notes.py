"""What the team says about a moment of a take, and what was answered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .directions import Direction
from .renders import VideoRender

MOST_CHARACTERS = 2000
# A file that does not tell its rate is read as film.
DEFAULT_FPS = 24.0


_WITHIN = Q(x__isnull=False, y__isnull=False) & Q(x__gte=0, x__lte=1, y__gte=0, y__lte=1)


class TakeNoteQuerySet(models.QuerySet["TakeNote"]):
    def notes(self) -> TakeNoteQuerySet:
        """The notes, without the replies."""
        return self.filter(parent=None)

    def open(self) -> TakeNoteQuerySet:
        """The notes that nobody has settled."""
        return self.notes().filter(done_at=None)


class TakeNote(models.Model):
    """Words about one frame of a take and, if wanted, about a point or a box of its picture; or the
    reply to such a note, which has neither.

    The words never change, and no note is deleted: what is settled is done.
    """

    render = models.ForeignKey(VideoRender, on_delete=models.CASCADE, related_name="notes")
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="replies",
        help_text="The note that this one replies to.",
    )
    frame = models.PositiveIntegerField(
        null=True, blank=True, help_text="Counts from 0, at the take's own rate."
    )
    x = models.FloatField(null=True, blank=True, help_text="From the left, of the picture's width.")
    y = models.FloatField(null=True, blank=True, help_text="From the top, of its height.")
    width = models.FloatField(null=True, blank=True, help_text="Of a box, of the picture's width.")
    height = models.FloatField(null=True, blank=True, help_text="Of a box, of its height.")
    text = models.TextField(max_length=MOST_CHARACTERS)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    author_name = models.CharField(max_length=150, help_text="As it was when it was written.")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by_name = models.CharField(max_length=150, blank=True)
    direction = models.ForeignKey(
        Direction,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The direction that somebody made of it.",
    )

    objects = TakeNoteQuerySet.as_manager()

    class Meta:
        ordering = ["frame", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="note_has_words"),
            models.CheckConstraint(
                condition=Q(parent=None, frame__isnull=False)
                | Q(parent__isnull=False, frame=None, x=None, done_at=None),
                name="note_has_a_frame_and_a_reply_has_none",
            ),
            models.CheckConstraint(
                # A comparison with NULL is neither true nor false, and a check lets that pass.
                condition=Q(x=None, y=None, width=None, height=None)
                | Q(_WITHIN, width=None, height=None)
                | (
                    Q(_WITHIN, width__isnull=False, height__isnull=False)
                    & Q(width__gt=0, height__gt=0)
                    # Fractions of a picture are added up inexactly.
                    & Q(width__lte=1.000001 - F("x"), height__lte=1.000001 - F("y"))
                ),
                name="note_is_within_the_picture",
            ),
        ]
        indexes = [
            # The board and the review room count those that are open.
            models.Index(
                fields=["render"],
                condition=Q(done_at=None, parent=None),
                name="open_notes_by_take",
            ),
        ]

    def __str__(self) -> str:
        return f"Note {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.done_at is None

    @property
    def is_box(self) -> bool:
        return self.width is not None

    @property
    def seconds(self) -> float:
        """Where the frame begins."""
        return (self.frame or 0) / (self.render.fps or DEFAULT_FPS)

    @property
    def timecode(self) -> str:
        """Minutes, seconds and frames, as the players count them: 0:03.12."""
        return timecode_of(self.frame or 0, self.render.fps)


def timecode_of(frame: int, fps: float | None) -> str:
    """Where the frame stands, as minutes, seconds and frames: 0:03.12. A rate such as 23.976 counts
    as the nearest whole number of frames a second."""
    rate = max(1, round(fps or DEFAULT_FPS))
    seconds, rest = divmod(frame, rate)
    return f"{seconds // 60}:{seconds % 60:02}.{rest:02}"
