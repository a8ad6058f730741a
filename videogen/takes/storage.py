"""Clips and posters: the temporary files that they are made of, and their way into the media."""

from __future__ import annotations

import fcntl
import logging
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from storybook.media_store import MediaStoreError, media, partial_folder
from storybook.paths import safe_name
from videogen.common.errors import DownloadError, VideoFileError
from videogen.models import VideoRender

from .boxes import is_faststart
from .video_file import VideoFacts, inspect_video, is_other_kind, make_faststart

logger = logging.getLogger(__name__)

# The API keeps a video for two days; after three, no server can continue a download.
LEFTOVER_SECONDS = 3 * 24 * 3600
_OF_RENDER = re.compile(r"render-(\d+)\..+", re.ASCII)


@dataclass(frozen=True)
class Clip:
    """A checked video and its poster, both under temporary names."""

    video: Path
    poster: Path
    facts: VideoFacts


def check_storage(pictures: Collection[str]) -> None:
    """Raise DownloadError if MEDIA_ROOT has none of the render's pictures and nothing was ever
    downloaded to it: a disk is not mounted, and a file written now would be hidden once it is."""
    if media.is_remote or partial_folder().is_dir():
        return
    if pictures and not any(media.exists(name) for name in pictures):
        raise DownloadError(
            "The media storage is not there: MEDIA_ROOT has none of the files that it should "
            "have. Check whether its disk is mounted.",
            code="storage",
        )


def take_path(render: VideoRender, take: int) -> Path:
    """Return the name of the take's video among the media."""
    scenelet = render.shot.scenelet
    return (
        Path(safe_name(scenelet.story.story_id))
        / "shots"
        / safe_name(scenelet.scenelet_id)
        / f"shot-{render.shot.shot_index}"
        / f"take-{take}.mp4"
    )


def store_clip(clip: Clip, path: Path) -> None:
    """Give the clip its name among the media, the poster first. It is stored and verified when this
    returns. Raises OSError; the clip can be stored again then."""
    clip.video.stat()
    media.put(path.with_suffix(".jpg"), clip.poster)
    media.put(path, clip.video, sha256=clip.facts.sha256)


def storing_error(error: OSError) -> DownloadError:
    """Return the error of a video that cannot be stored, with its code."""
    if isinstance(error, MediaStoreError):
        return DownloadError(
            f"The video cannot be stored: {error.strerror}. It stays where it is until the object "
            "store (MEDIA_STORE_URL) takes it.",
            code=error.code,
        )
    return DownloadError(
        f"The video cannot be stored ({error.strerror}): check the disk and MEDIA_ROOT.",
        code="storage",
    )


def discard(render: VideoRender) -> None:
    """Remove what the downloads of the render left, because it has its video now. What was kept
    stays if a person gave the link: the video may be another one than the one that was paid for."""
    for path in partial_folder().glob(f"render-{render.pk}.*"):
        path.unlink(missing_ok=True)
    if not render.is_link_given:
        kept_file(f"render-{render.pk}").unlink(missing_ok=True)
        if media.is_remote:
            with suppress(MediaStoreError):
                media.delete(str(kept_path(f"render-{render.pk}")))


def set_aside(render_pk: int, *, is_given: bool = False) -> None:
    """Keep what the downloads of the render brought, if they cannot go on with it: it is paid for.
    Their other temporary files are removed. is_given: it came from a link that a person gave."""
    for suffix in (".part", ".mp4"):
        keep(partial_folder() / f"render-{render_pk}{suffix}", is_given=is_given)
    for suffix in (".etag", ".jpg"):
        with suppress(OSError):
            (partial_folder() / f"render-{render_pk}{suffix}").unlink(missing_ok=True)


def keep(file: Path, *, is_given: bool = False) -> bool:
    """Move a temporary file to where people get it as it came. Return whether it is kept; if there
    is nothing in it, or something that is plainly no video, it is removed. It stays where it is if
    the disk does not allow that.

    Of several, the largest one stays: it has the most of the video. But what a link brought that a
    person gave (`is_given`) replaces nothing: it may be another video than the one that was paid
    for."""
    kept = kept_file(file.stem)
    try:
        size = file.stat().st_size
        if size and not is_other_kind(file):
            if kept.exists() and is_given:
                file.unlink()
                return False
            if not kept.exists() or kept.stat().st_size <= size:
                kept.parent.mkdir(parents=True, exist_ok=True)
                file.replace(kept)
            file.unlink(missing_ok=True)
            return True
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        logger.error("%s is not moved to %s: %s", file.name, kept.parent, error.strerror)
    return False


def kept_file(name: str) -> Path:
    """Return where the download of this name ("render-7", "candidate-7") is kept if it cannot
    become a take. It may not exist. Where an object store has the media, the next sweep takes it
    there: see remove_leftovers."""
    return Path(settings.MEDIA_ROOT) / kept_path(name)


def kept_path(name: str) -> Path:
    """Return the same as a name among the media."""
    return Path("kept") / f"{name}.mp4"


def kept_renders() -> set[int]:
    """Return the primary keys of the renders of whose downloads something is kept. Raises
    OSError."""
    names = {Path(each.name).name for each in media.files("kept")}
    names.update(each.name for each in kept_file("any").parent.glob("*.mp4"))
    return {int(found[1]) for each in names if (found := _OF_RENDER.fullmatch(each))}


def remove_leftovers() -> None:
    """Remove temporary files of downloads and uploads that were killed, once no server has the
    videos any more. What was downloaded for a render that has no video is kept for people."""
    if media.is_remote:
        _hand_over_kept()
    expired = time.time() - LEFTOVER_SECONDS
    renders: set[int] = set()
    for pattern in ("render-*", "upload-*", "candidate-*", "media-*"):
        for path in partial_folder().glob(pattern):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime >= expired:
                    continue
                if number := _OF_RENDER.fullmatch(path.name):
                    renders.add(int(number[1]))
                else:
                    path.unlink()
    found = VideoRender.objects.filter(pk__in=renders).only("pk", "is_link_given", "state")
    known = {render.pk: render for render in found}
    for pk in renders:
        render = known.get(pk)
        if render and render.state == VideoRender.State.DONE:
            discard(render)
            continue
        # Somebody may have taken the download up again just now.
        with suppress(DownloadError), exclusive(partial_folder() / f"render-{pk}.part"):
            set_aside(pk, is_given=render is not None and render.is_link_given)


def _hand_over_kept() -> None:
    """Take what is kept here to the object store, where people get it from every host. What is
    there already stays, and so does what is here: nobody can tell which of them was paid for."""
    for path in kept_file("any").parent.glob("*.mp4"):
        name = kept_path(path.stem)
        try:
            if not media.exists(str(name)):
                media.put(name, path)
        except FileNotFoundError:
            continue  # another process has taken it
        except OSError as error:
            logger.error("%s is not moved to the object store: %s", path.name, error.strerror)
            return


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


def waiting_clip(part: Path) -> Clip | None:
    """Return the clip that was made of this temporary file before, and could not be stored: it is
    not fetched again. None if there is none; a process may have ended while it was made."""
    video = part.with_suffix(".mp4")
    if part.stat().st_size or not video.exists():
        return None
    try:
        facts = inspect_video(video, poster=part.with_suffix(".jpg"))
    except VideoFileError:
        return None
    return Clip(video, part.with_suffix(".jpg"), facts)


def make_clip(part: Path, *, is_paid: bool) -> Clip:
    """Check the complete file `part`, move its index to the front and make its poster.

    is_paid: whatever keeps the file from being rewritten, it is taken with its index where it is.
    Raises VideoFileError if it is not a usable video; of its files only `part` is there then."""
    video = part.with_suffix(".mp4")
    poster = part.with_suffix(".jpg")
    try:
        facts = inspect_video(part, poster=poster)
        is_rewritten = False
        if not is_faststart(part):
            try:
                make_faststart(part, video)
                facts = inspect_video(video)
                is_rewritten = True
            except VideoFileError as error:
                if not is_paid and error.code != "unknown_track":
                    raise
                logger.warning("%s stays as it came: %s", part.name, error.sentence)
    except (VideoFileError, OSError):
        for path in (video, poster):
            path.unlink(missing_ok=True)
        raise
    if is_rewritten:
        part.unlink()
    else:
        part.replace(video)
    return Clip(video, poster, facts)
