"""The exact request that is sent for a render: its prompt and the bytes of its references.

A dry run does all of this, and stops before the call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from storybook.media_store import MediaStoreError, media
from videogen.common.errors import ReferencePictureError, VeoError, VideogenError
from videogen.models import VideoRender

if TYPE_CHECKING:
    from videogen.providers.messages import ReferenceImage, VideoRequest, Webhook


def load_request(render: VideoRender, token: UUID | None = None) -> VideoRequest:
    """The request of the render. It reads the reference files and makes no queries. Raises
    ReferencePictureError where a file is missing or has changed since the render was queued, and
    VeoError if the object store that has it is away."""
    # A dry run sends none of the messages.
    from videogen.providers.messages import VideoRequest

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
    """Where the API shall report that the video is made. It carries the submission's token. None
    where VIDEO_SUBMIT_WEBHOOK_URI is empty."""
    from videogen.providers.messages import Webhook

    address = settings.VIDEO_SUBMIT_WEBHOOK_URI
    return Webhook(address, str(token)) if address else None


def load_reference(pick: Mapping[str, Any]) -> ReferenceImage:
    """A stored reference as it is sent. Raises as `read_reference`."""
    from videogen.providers.messages import ReferenceImage

    data = read_reference(pick)
    return ReferenceImage(pick["mime_type"], data)


def read_reference(pick: Mapping[str, Any]) -> bytes:
    """The bytes of a stored reference. The hash proves that they are the bytes that were decoded
    and found usable when the picture was imported. Raises ReferencePictureError, or VeoError if the
    object store that has it is away."""
    words = f"The reference picture {pick['path']}"
    try:
        with media.open(pick["path"]) as file:
            data: bytes = file.read()
    except MediaStoreError as error:
        # Nothing is sent, and nothing is wrong with the request: it is tried again.
        raise VeoError(
            f"{words} cannot be read: {error.strerror}.",
            code=error.code,
            permanent=False,
            retry_after=60,
        ) from error
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
    return data


State = VideoRender.State


def rehearse(renders: QuerySet[VideoRender]) -> None:
    """Check that the pictures of these queued requests are still there and unchanged. It is the
    last check before the paid call, which a rehearsal does not make. Each picture is read once,
    however many shots use it."""
    broken: dict[tuple[str, str], VideogenError | None] = {}
    rehearsed: list[int] = []
    failed: dict[int, VideogenError] = {}
    for pk, picks in renders.values_list("pk", "references"):
        keys = [(pick["path"], pick["sha256"]) for pick in picks]
        for key, pick in zip(keys, picks, strict=True):
            if key not in broken:
                broken[key] = _reference_error(pick)
        error = next((broken[key] for key in keys if broken[key]), None)
        if error is None:
            rehearsed.append(pk)
        else:
            failed[pk] = error
    for pk, render in VideoRender.objects.in_bulk(failed).items():
        code, words = failed[pk].code, failed[pk].sentence
        render.move(State.QUEUED, State.FAILED, error_code=code, error_message=words)
    if rehearsed:
        queued = VideoRender.objects.filter(pk__in=rehearsed, state=State.QUEUED)
        queued.transition(state=State.REHEARSED)


def _reference_error(pick: Mapping[str, Any]) -> VideogenError | None:
    try:
        read_reference(pick)
    except VideogenError as error:
        return error
    return None
