"""Notes on takes: what the team says about a frame, the replies, and what is settled.

A note is never edited or deleted. It changes no take and enters no prompt by itself: somebody may
make a direction of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isfinite
from unicodedata import category

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from videogen.common.errors import RequestError
from videogen.models import Direction, TakeNote, VideoRender
from videogen.models.take_notes import DEFAULT_FPS, MOST_CHARACTERS
from videogen.prompts.directions import DirectionPlace, add_direction

# Minutes and seconds, with frames after the point: 0:03.12. Or seconds alone: 3.5.
_TIMECODE = re.compile(r"(\d{1,3}):([0-5]?\d)(?:\.(\d{1,3}))?", re.ASCII)
_SECONDS = re.compile(r"(\d{1,5}(?:[.,]\d{1,6})?)\s*s?", re.ASCII)
# Two decimals of a percent: nobody draws more exactly.
_DIGITS = 4


@dataclass(frozen=True)
class Area:
    """A point of the picture, or a box with a width and a height, in fractions of the picture."""

    x: float
    y: float
    width: float | None = None
    height: float | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Area | None:
        """The area of a form's fields; None where they are empty. RequestError where they make no
        sense."""
        words = [given.get(name, "").strip() for name in ("x", "y", "width", "height")]
        if not any(words):
            return None
        try:
            x, y, width, height = (float(each) if each else 0.0 for each in words)
        except ValueError:
            raise _no_area() from None
        numbers = (x, y, width, height)
        if not (
            words[0] and words[1] and all(isfinite(each) and 0 <= each <= 1 for each in numbers)
        ):
            raise _no_area()
        x, y = round(x, _DIGITS), round(y, _DIGITS)
        # A box that is drawn over the edge ends there.
        width, height = (
            round(min(size, 1 - at), _DIGITS) for size, at in ((width, x), (height, y))
        )
        return cls(x, y, width, height) if width > 0 and height > 0 else cls(x, y)


def _no_area() -> RequestError:
    return RequestError(
        "The note was not kept: its place is not within the picture.", code="note_area"
    )


def frame_of(time: str, render: VideoRender) -> int:
    """The frame of a time that somebody typed, at the take's rate. RequestError where it is no time
    of the take."""
    fps = render.fps or DEFAULT_FPS
    time = time.strip()
    if found := _TIMECODE.fullmatch(time):
        minutes, seconds, frames = (int(each or 0) for each in found.groups())
        rate = max(1, round(fps))
        frame = (60 * minutes + seconds) * rate + frames
        is_time = frames < rate
    elif found := _SECONDS.fullmatch(time):
        # The frame that is on the screen at that moment.
        frame, is_time = int(float(found[1].replace(",", ".")) * fps + 0.001), True
    else:
        frame, is_time = 0, False
    if not is_time:
        raise RequestError(
            "The note was not kept: a time is written as 0:03.12 (minutes, seconds and frames), or "
            "as 3.5 (seconds).",
            code="note_time",
        )
    return frame


def add_note(
    render: VideoRender, author: User, text: str, *, frame: int, area: Area | None = None
) -> TakeNote:
    """Keep a note. RequestError where the take has no such frame, or where the words cannot be
    kept."""
    words = checked_note(text)
    if render.state != VideoRender.State.DONE:
        raise RequestError("The note was not kept: there is no take yet.", code="note_no_take")
    seconds = render.video_seconds or float(render.duration_seconds or 0)
    frames = ceil(seconds * (render.fps or DEFAULT_FPS) - 0.001)
    if frame < 0 or (frames and frame >= frames):
        raise RequestError(
            f"The note was not kept: the take ends after {round(seconds, 2):g} seconds.",
            code="note_time",
        )
    columns = {} if area is None else vars(area)
    return TakeNote.objects.create(
        render=render, frame=frame, text=words, **_written_by(author), **columns
    )


def reply_to(note: TakeNote, author: User, text: str) -> TakeNote:
    """Keep a reply to the note."""
    return TakeNote.objects.create(
        render_id=note.render_id,
        parent_id=note.parent_id or note.pk,
        text=checked_note(text),
        **_written_by(author),
    )


def settle(note: TakeNote, person: User) -> bool:
    """Say that the note is done. False where somebody has said so."""
    changes = {"done_at": timezone.now(), "done_by_name": person.get_username()}
    return bool(TakeNote.objects.open().filter(pk=note.pk).update(**changes))


def reopen(note: TakeNote) -> bool:
    """Say that the note is not done. False where it is open."""
    done = TakeNote.objects.notes().filter(pk=note.pk, done_at__isnull=False)
    return bool(done.update(done_at=None, done_by_name=""))


def make_direction(note: TakeNote, author: User) -> Direction:
    """Make the note's words a direction of its shot, so that the next prompts have them. The
    scenelet and the story of its render's shot are loaded. RequestError where somebody has, or
    where no prompt can have the words."""
    with transaction.atomic():
        locked = TakeNote.objects.select_for_update(of=("self",), no_key=True).get(pk=note.pk)
        if locked.direction_id:
            raise RequestError(
                "Nothing was added: the note was made a direction before.", code="note_is_direction"
            )
        direction = add_direction(DirectionPlace.of_shot(note.render.shot), locked.text, author)
        TakeNote.objects.filter(pk=note.pk).update(direction=direction)
    return direction


def checked_note(text: str) -> str:
    """The words, as they are kept. RequestError where there are none, too many, or some that no
    database can keep."""
    words = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
    if not words:
        raise RequestError("A note needs words.", code="note_empty")
    if len(words) > MOST_CHARACTERS:
        raise RequestError(
            f"A note has at most {MOST_CHARACTERS:,} characters; this one has {len(words):,}.",
            code="note_long",
        )
    if any(category(each) in ("Cc", "Cs") and each not in "\n\t" for each in words):
        raise RequestError(
            "The note has characters that cannot be seen. Write it again without them.",
            code="note_unprintable",
        )
    return words


def _written_by(author: User) -> dict[str, object]:
    return {"author": author, "author_name": author.get_username()}
