"""Notes on takes as the pages show them: the room, the takes of a shot, the cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest

from videogen.models import TakeNote, VideoRender

from .access import DIRECT

ADD = "videogen.add_takenote"
SETTLE = "videogen.change_takenote"

# What a picture measures whose file does not say it.
_SIZE = (1600, 900)


def with_notes() -> Prefetch[Any]:
    """For a queryset of renders: their notes with the replies, two more queries."""
    notes = TakeNote.objects.notes().select_related("direction").prefetch_related("replies")
    return Prefetch("notes", notes, to_attr="shown_notes")


def note_rights(request: HttpRequest) -> dict[str, bool]:
    """What the person may do with notes, for a template."""
    user = request.user
    return {
        "may_note": user.has_perm(ADD),
        "may_settle": user.has_perm(SETTLE),
        "may_direct": user.has_perms([SETTLE, *DIRECT]),
    }


@dataclass(frozen=True)
class ShownNote:
    """A note of `with_notes()`, and where it is in the picture, in the picture's pixels."""

    note: TakeNote

    @property
    def size(self) -> tuple[int, int]:
        render = self.note.render
        return (render.width, render.height) if render.width and render.height else _SIZE

    @property
    def x(self) -> float:
        return round((self.note.x or 0) * self.size[0], 1)

    @property
    def y(self) -> float:
        return round((self.note.y or 0) * self.size[1], 1)

    @property
    def width(self) -> float:
        return round((self.note.width or 0) * self.size[0], 1)

    @property
    def height(self) -> float:
        return round((self.note.height or 0) * self.size[1], 1)

    @property
    def radius(self) -> float:
        """The radius of the mark of a point."""
        return max(self.size) / 40

    @property
    def has_area(self) -> bool:
        return self.note.x is not None

    def as_dict(self) -> dict[str, Any]:
        """For the script that draws it."""
        note = self.note
        return {
            "frame": note.frame,
            "isOpen": note.is_open,
            "x": note.x,
            "y": note.y,
            "width": note.width,
            "height": note.height,
        }


def shown_notes(render: VideoRender) -> list[ShownNote]:
    """The notes of a render of `with_notes()`, in the order of the clip; none of another one."""
    return [ShownNote(note) for note in getattr(render, "shown_notes", [])]
