"""The last step of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from .errors import ReferencePictureError
from .models import VideoRender
from .request import load_reference

State = VideoRender.State


def rehearse(renders: list[VideoRender]) -> None:
    """The last check before the paid call that a rehearsal does not make: are the pictures of the
    stored request still there, and the same? Each is looked at once, however many shots use it."""
    broken: dict[tuple[str, str], ReferencePictureError | None] = {}
    rehearsed, now = [], timezone.now()
    for render in renders:
        for pick in render.references:
            key = (pick["path"], pick["sha256"])
            if key not in broken:
                broken[key] = _reference_error(pick)
        keys = [(pick["path"], pick["sha256"]) for pick in render.references]
        error = next((broken[key] for key in keys if broken[key]), None)
        if error is None:
            rehearsed.append(render.pk)
        else:
            render.move(
                State.QUEUED, State.FAILED, error_code=error.code, error_message=error.sentence
            )
    if rehearsed:
        VideoRender.objects.filter(pk__in=rehearsed, state=State.QUEUED).update(
            state=State.REHEARSED, state_since=now, ended_at=now
        )


def _reference_error(pick: Mapping[str, Any]) -> ReferencePictureError | None:
    try:
        load_reference(pick)
    except ReferencePictureError as error:
        return error
    return None
