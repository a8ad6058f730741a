"""What would be sent for a shot, beside the form in which its storyboard is written.

The form may not be saved: `preview_of` reads it as a save would, and writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string

from storybook.document_editor import Group
from storybook.document_forms import read_text
from storybook.documents import parse_json
from storybook.models import Shot
from storybook.thumbnails import thumbnail_url
from videogen.planning.plan import ShotPlan, plan_unsaved_shot
from videogen.prompts.references import KIND_WORDS
from videogen.prompts.room import PromptRoom, prompt_room

FIELD = "storyboard_payload"


@dataclass(frozen=True)
class PreviewedPicture:
    """A reference. `place` counts what is sent from 1; what is dropped has a reason instead."""

    kind: str
    id: str
    url: str
    place: int = 0
    reason: str = ""

    @property
    def words(self) -> str:
        return KIND_WORDS.get(self.kind, self.kind)


@dataclass(frozen=True)
class ShotPreview:
    row: ShotPlan | None = None
    # Why the form makes no sense.
    mistake: str = ""

    @property
    def text(self) -> str:
        return self.row.prompt.text if self.row and self.row.prompt else ""

    @cached_property
    def room(self) -> PromptRoom | None:
        return prompt_room(self.row.prompt) if self.row and self.row.prompt else None

    @property
    def obstacles(self) -> Sequence[str]:
        """Why nothing could be sent."""
        if self.mistake:
            return (self.mistake,)
        return tuple(each.sentence for each in self.row.impossible) if self.row else ()

    @property
    def sent(self) -> list[PreviewedPicture]:
        picks = self.row.selection.picks if self.row else ()
        return [
            PreviewedPicture(pick.kind, pick.id, thumbnail_url(pick.path), place)
            for place, pick in enumerate(picks, start=1)
        ]

    @property
    def dropped(self) -> list[PreviewedPicture]:
        dropped = self.row.selection.dropped if self.row else ()
        return [
            PreviewedPicture(each.kind, each.id, thumbnail_url(each.path), reason=each.reason)
            for each in dropped
        ]


def preview_of(request: HttpRequest, shot: Shot, layout: Group | None) -> ShotPreview:
    """The preview of the posted form, or else of what is saved."""
    payload: Any = shot.storyboard_payload
    if request.method == "POST" and FIELD in request.POST:
        text = read_text(layout, request.POST[FIELD], request.POST) or ""
        try:
            payload = parse_json(text) if text.strip() else None
        except ValueError as error:
            return ShotPreview(mistake=f"The JSON has a mistake: {error}.")
    if payload is not None and not isinstance(payload, dict):
        return ShotPreview(mistake="The storyboard has to be a JSON object: {…}.")
    # A copy: the row of the form stays as it was read.
    unsaved = Shot(
        pk=shot.pk,
        scenelet=shot.scenelet,
        shot_index=shot.shot_index,
        storyboard_payload=payload,
    )
    return ShotPreview(plan_unsaved_shot(unsaved))


def answer_preview(request: HttpRequest, shot: Shot, layout: Group | None) -> HttpResponse:
    """Send the preview alone; 304 where the page shows this one already."""
    preview = preview_of(request, shot, layout)
    html = render_to_string("admin/videogen/shot/preview.html", {"preview": preview})
    etag = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(html, headers={"ETag": etag, "Cache-Control": "no-store"})
