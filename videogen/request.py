"""A render's row → the exact request that is sent: its prompt and the bytes of its references."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from .errors import ReferencePictureError
from .models import VideoRender
from .veo import ReferenceImage, VideoRequest, Webhook


def load_request(render: VideoRender, token: UUID | None = None) -> VideoRequest:
    """Reads the reference files, no queries. Raises ReferencePictureError where one is missing or
    no longer what it was when the render was queued."""
    return VideoRequest(
        model=render.model,
        prompt=render.prompt_text,
        references=tuple(load_reference(pick) for pick in render.references),
        reference_type=render.reference_type,
        aspect_ratio=render.aspect_ratio,
        resolution=render.resolution,
        duration_seconds=render.duration_seconds,
        token=str(token or ""),
        seed=render.seed,
        negative_prompt=render.negative_prompt,
        person_generation=render.person_generation,
    )


def webhook_with(token: UUID) -> Webhook | None:
    """Where the API is to tell that the video is made, with the submission's token; None where
    nobody named an address."""
    address = settings.VIDEO_SUBMIT_WEBHOOK_URI
    return Webhook(address, str(token)) if address else None


def load_reference(pick: Mapping[str, Any]) -> ReferenceImage:
    """The picked file's bytes. The hash tells that they are the bytes that were decoded and found
    usable when the picture was imported."""
    words = f"The reference picture {pick['path']}"
    try:
        data = (Path(settings.MEDIA_ROOT) / pick["path"]).read_bytes()
    except OSError as error:
        raise ReferencePictureError(
            f"{words} cannot be read ({error.strerror}). Import the story again, then retry.",
            code="reference_missing",
        ) from error
    if hashlib.sha256(data).hexdigest() != pick["sha256"]:
        raise ReferencePictureError(
            f"{words} has changed since the render was queued: plan it again.",
            code="reference_changed",
        )
    return ReferenceImage(pick["mime_type"], data)
