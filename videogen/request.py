"""A render's row → the exact request that is sent: its prompt and the bytes of its references."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from storybook.pictures import PictureProblem, inspect_picture

from .errors import ReferencePictureError
from .models import VideoRender
from .veo import ReferenceImage, VideoRequest


def load_request(render: VideoRender) -> VideoRequest:
    """Reads the reference files, no queries. Raises ReferencePictureError where one is missing or
    no longer what it was when the render was queued."""
    return VideoRequest(
        model=render.model,
        prompt=render.prompt_text,
        references=tuple(_load_reference(pick) for pick in render.references),
        reference_type=render.reference_type,
        aspect_ratio=render.aspect_ratio,
        resolution=render.resolution,
        duration_seconds=render.duration_seconds,
    )


def _load_reference(pick: Mapping[str, Any]) -> ReferenceImage:
    words = f"The reference picture {pick['path']}"
    try:
        data = (Path(settings.MEDIA_ROOT) / pick["path"]).read_bytes()
        facts = inspect_picture(data)
    except OSError as error:
        raise ReferencePictureError(
            f"{words} cannot be read ({error.strerror}). Import the story again, then retry.",
            code="reference_missing",
        ) from error
    except PictureProblem as error:
        raise ReferencePictureError(
            f"{words} cannot be used any more: {error}", code="reference_broken"
        ) from error
    if facts.sha256 != pick["sha256"]:
        raise ReferencePictureError(
            f"{words} has changed since the render was queued: plan it again.",
            code="reference_changed",
        )
    return ReferenceImage(facts.mime_type, data)
