"""A video that a person uploads for a shot becomes a take like any other."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from storybook.media_store import MediaStoreError, media, partial_folder
from storybook.models import Shot, Story
from videogen.common.errors import RequestError, VideoFileError
from videogen.lanes.pauses import get_lane
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.models.routes import account_of, default_route

from .reviews import lock_shot, refuse_if_locked
from .storage import Clip, make_clip, store_clip, storing_error, take_path
from .take_numbers import NUMBER_TRIES, file_fields, next_take, no_number, surprises

logger = logging.getLogger(__name__)

State = VideoRender.State

# The largest number in the column of the requested duration; the real one is in video_seconds.
LONGEST_SECONDS = 32_767


def use_take(shot: Shot, take: VideoRender, requester: Requester) -> VideoRender:
    """Store a copy of another shot's take as the shot's next take, and return its render: nothing
    is sent or paid. What the simulator made stays the simulator's. Raises as `upload_take` does,
    and RequestError if the shot has the very video already: a second click makes no second copy."""
    name = f"take {take.take} of {take.shot.code} in {take.shot.scenelet.story}"
    try:
        with media.open(take.video_file) as file:
            return upload_take(
                shot,
                File(file, name),
                requester,
                name=name,
                is_simulated=take.is_simulated,
                is_once=True,
            )
    except FileNotFoundError as error:
        raise RequestError(f"The file of {name} is not there.", code="storage") from error
    except MediaStoreError as error:
        raise RequestError(f"{name} cannot be read: {error.strerror}.", code=error.code) from error


def upload_take(
    shot: Shot,
    file: File[bytes],
    requester: Requester,
    *,
    name: str = "",
    is_simulated: bool = False,
    is_once: bool = False,
) -> VideoRender:
    """Store the video as the shot's next take and return its render, which is done.

    name: what the file is called, by default by its own name. is_simulated: whether it is a video
    of the simulator's. is_once: refuse a video that the shot has already, unless it was rejected.
    Raises RequestError if the file is not a usable video or cannot be stored, and ReviewError if
    the shot is locked. Nothing is left behind then.
    """
    refuse_if_locked(shot.pk)
    name = name or Path(file.name or "").name
    what = f"The file {name}" if name else "The file"
    part = partial_folder() / f"upload-{uuid.uuid4().hex}.part"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _receive(file, part)
        clip = make_clip(part, is_paid=False)
        render = _store(
            shot,
            clip,
            name or "The file",
            requester,
            is_simulated=is_simulated,
            is_once=is_once,
        )
    except VideoFileError as error:
        raise RequestError(
            f"{what} is not a usable video. {error.sentence}", code=error.code
        ) from error
    except OSError as error:
        told = storing_error(error)
        raise RequestError(told.sentence, code=told.code) from error
    finally:
        for path in part.parent.glob(f"{part.stem}.*"):
            path.unlink(missing_ok=True)
    logger.info("%s: uploaded by %s", render, requester.name)
    return render


def _receive(file: File[bytes], part: Path) -> None:
    limit = settings.VIDEO_DOWNLOAD_MAX_BYTES
    size = 0
    with part.open("wb") as target:
        for chunk in file.chunks():
            size += len(chunk)
            if size > limit:
                raise VideoFileError(
                    f"It is larger than {limit // 1024**2} MB (VIDEO_DOWNLOAD_MAX_MEGABYTES).",
                    code="too_large",
                )
            target.write(chunk)


def _store(
    shot: Shot,
    clip: Clip,
    name: str,
    requester: Requester,
    *,
    is_simulated: bool,
    is_once: bool,
) -> VideoRender:
    # No lock may last as long as an object store takes, so what goes there is stored first, under a
    # name of its own.
    stored = _own_path(shot) if media.is_remote else None
    if stored:
        store_clip(clip, stored)
    try:
        return _insert(
            shot, clip, name, requester, stored, is_simulated=is_simulated, is_once=is_once
        )
    except BaseException:
        if stored:
            _remove(stored)
        raise


def _insert(
    shot: Shot,
    clip: Clip,
    name: str,
    requester: Requester,
    stored: Path | None,
    *,
    is_simulated: bool,
    is_once: bool,
) -> VideoRender:
    """stored: the name of the clip among the media, if it is there already."""
    with transaction.atomic():
        story = Story.objects.select_for_update(of=("self",), no_key=True).get(
            scenelets__shots=shot
        )
        lock_shot(shot.pk)
        # Once more, because receiving and checking the file took a while.
        refuse_if_locked(shot.pk)
        if is_once:
            _refuse_again(shot, clip)
        batch = RenderBatch.asked_by(
            requester,
            story=story,
            mode=RenderBatch.Mode.OVERRIDE,
            filters={"upload": name, "shots": [shot.pk]},
            counts={"upload": 1},
        )
        batch.save()
        render = _new_render(shot, batch, clip, is_simulated=is_simulated)
        path = _number(render, clip, stored)
        if stored is None:
            # The row gets the number before the file gets its name, so nobody else uses that name.
            try:
                store_clip(clip, path)
            except OSError:
                _remove(path)
                raise
    return render


def _own_path(shot: Shot) -> Path:
    render = VideoRender(shot=shot)
    return take_path(render, 0).with_name(f"upload-{uuid.uuid4().hex}.mp4")


def _refuse_again(shot: Shot, clip: Clip) -> None:
    """Raise RequestError if the shot has that very video. Call it in a transaction that holds the
    lock of the shot."""
    same = shot.renders.filter(
        kind=VideoRender.Kind.UPLOAD, state=State.DONE, sha256=clip.facts.sha256
    )
    if found := same.exclude(review=VideoRender.Review.REJECTED).first():
        raise RequestError(
            f"{shot.code} has that video already: it is take {found.take}.", code="has_it"
        )


def _new_render(shot: Shot, batch: RenderBatch, clip: Clip, *, is_simulated: bool) -> VideoRender:
    now = timezone.now()
    backend = account_of(default_route())
    render = VideoRender.of_batch(
        batch,
        shot,
        get_lane(backend),
        VideoRender.Kind.UPLOAD,
        state=State.DONE,
        state_since=now,
        # No API was asked for anything.
        backend=backend,
        model="",
        aspect_ratio="",
        resolution="",
        reference_type="",
        duration_seconds=min(round(clip.facts.seconds), LONGEST_SECONDS),
        is_simulated=is_simulated,
        queued_at=now,
        downloaded_at=now,
        ended_at=now,
    )
    render.warnings = surprises(render, clip.facts)
    return render


def _number(render: VideoRender, clip: Clip, stored: Path | None) -> Path:
    """Insert the row under the next free number. Return the path of its file."""
    for _ in range(NUMBER_TRIES):
        render.take = next_take(render, skips_files=stored is None)
        path = stored or take_path(render, render.take)
        for name, value in file_fields(path, clip.facts).items():
            setattr(render, name, value)
        try:
            with transaction.atomic():
                render.save(force_insert=True)
        except IntegrityError:
            render.pk = None
            continue
        return path
    raise RequestError(no_number().sentence, code="take_number")


def _remove(path: Path) -> None:
    # What stays because the store is away is named by no row.
    with suppress(MediaStoreError):
        for each in (path, path.with_suffix(".jpg")):
            media.delete(str(each))
