"""Clips and posters as files below MEDIA_ROOT. They are written under a temporary name first and
then moved to their own."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from storybook.paths import safe_name
from videogen.common.errors import DownloadError, VideoFileError
from videogen.models import VideoRender

from .video_file import VideoFacts, inspect_video, is_faststart, make_faststart, make_poster

# The API keeps a video for two days; after three, no server can continue a download.
LEFTOVER_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True)
class Clip:
    """A checked video and its poster, both under temporary names."""

    video: Path
    poster: Path
    facts: VideoFacts


def check_storage(pictures: Collection[str]) -> None:
    """Raise DownloadError if MEDIA_ROOT has none of the render's pictures and nothing was ever
    downloaded to it: a disk is not mounted, and a file written now would be hidden once it is."""
    if partial_folder().is_dir():
        return
    root = Path(settings.MEDIA_ROOT)
    if pictures and not any((root / name).exists() for name in pictures):
        raise DownloadError(
            "The media storage is not there: MEDIA_ROOT has none of the files that it should "
            "have. Check whether its disk is mounted.",
            code="storage",
        )


def take_path(render: VideoRender, take: int) -> Path:
    """Return the path of the take's video, relative to MEDIA_ROOT."""
    scenelet = render.shot.scenelet
    return (
        Path(safe_name(scenelet.story.story_id))
        / "shots"
        / safe_name(scenelet.scenelet_id)
        / f"shot-{render.shot.shot_index}"
        / f"take-{take}.mp4"
    )


def store_clip(clip: Clip, relative: Path) -> None:
    """Give the clip its final name, atomically and the poster first. It is on disk when this
    returns. Raises OSError."""
    final = Path(settings.MEDIA_ROOT) / relative
    # Fails if the storage has gone since: no folders are made in its place then.
    clip.video.stat()
    final.parent.mkdir(parents=True, exist_ok=True)
    clip.poster.replace(final.with_suffix(".jpg"))
    with clip.video.open("rb") as file:
        os.fsync(file.fileno())
    clip.video.replace(final)
    descriptor = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(render_pk: int) -> None:
    """Remove the temporary files of the render's downloads."""
    for path in partial_folder().glob(f"render-{render_pk}.*"):
        path.unlink(missing_ok=True)


def remove_leftovers() -> None:
    """Remove temporary files of downloads and uploads that were killed, once no server has the
    videos any more."""
    expired = time.time() - LEFTOVER_SECONDS
    for pattern in ("render-*", "upload-*", "candidate-*"):
        for path in partial_folder().glob(pattern):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < expired:
                    path.unlink()


def partial_folder() -> Path:
    """Return the folder of temporary files. It is below MEDIA_ROOT, because the final move must
    stay on one file system."""
    return Path(settings.MEDIA_ROOT) / ".partial"


@contextmanager
def exclusive(part: Path) -> Iterator[BinaryIO]:
    """Open the temporary file for this process alone. Raises DownloadError ("busy") if another one
    has it: a lease may have been taken over from a downloader that is only slow."""
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DownloadError(
                "Another process is still downloading this video.", code="busy", retry_after=5
            ) from error
        yield file


def make_clip(part: Path) -> Clip:
    """Check the complete file `part`, move its index to the front and make its poster. Raises
    VideoFileError if it is not a usable video; all its files are removed then."""
    video = part.with_suffix(".mp4")
    poster = part.with_suffix(".jpg")
    try:
        facts = inspect_video(part)
        if is_faststart(part):
            part.replace(video)
        else:
            _move_index(part, video)
            facts = inspect_video(video)
            part.unlink()
        make_poster(video, poster)
    except VideoFileError:
        for path in (part, video, poster):
            path.unlink(missing_ok=True)
        raise
    return Clip(video, poster, facts)


def _move_index(part: Path, video: Path) -> None:
    try:
        make_faststart(part, video)
    except ValueError as error:
        # Formats of studios, such as ProRes in QuickTime.
        raise VideoFileError(f"It does not fit into an MP4 file: {error}.", code="remux") from error
