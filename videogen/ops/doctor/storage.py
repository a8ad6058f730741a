"""The folders: can files be written to them as the product does, and is there room?"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import ngettext

from storybook.media_store import MediaStoreError, media, place_of
from videogen.common.formats import unended
from videogen.models import VideoRender
from videogen.pipeline import journal
from videogen.story_archives.leftovers import find_leftovers, kept_of_nobody

from .check import Examination, TooSlow
from .findings import Finding, Topic, words_of

MEDIA = Topic("media", "Media folder")
STATE = Topic("state", "State folder")
DISK = Topic("disk", "Disk")
CLIPS = Topic("clips", "Clips")
LEFTOVERS = Topic("leftovers", "Wiped stories")
STORE = Topic("store", "Object store")
PRIVACY = Topic("privacy", "Privacy")

_STORE_ADVICE = (
    "Look at MEDIA_STORE_URL, AWS_ENDPOINT_URL_S3 and the credentials. Clips wait on this host and "
    "at the API until the store takes them."
)
# A clip has about 10 to 30 MB, and twice that while it is prepared.
LOW_BYTES = 5 * 10**9
LEAST_BYTES = 500 * 10**6


def check_media(exam: Examination) -> Iterator[Finding]:
    yield _written(
        MEDIA, "MEDIA_ROOT", Path(settings.MEDIA_ROOT), "clips that were paid for cannot be stored"
    )


def check_state(exam: Examination) -> Iterator[Finding]:
    yield _written(
        STATE,
        "VIDEO_STATE_DIR",
        journal.folder(),
        "nothing is sent, because the answer could not be kept",
    )


def check_clips(exam: Examination) -> Iterator[Finding]:
    """Look for the newest clip: a disk that is not mounted looks like an empty, writable folder."""
    takes = VideoRender.objects.filter(state=VideoRender.State.DONE).order_by("-pk")
    name = takes.values_list("video_file", flat=True).first() or ""
    try:
        is_missing = bool(name) and not media.exists(name)
    except MediaStoreError as error:
        yield CLIPS.fail(f"The newest clip cannot be looked at: {error.strerror}.", _STORE_ADVICE)
        return
    if is_missing and media.is_remote:
        yield CLIPS.fail(
            f"The newest clip is not in its place: {name} in {settings.MEDIA_STORE_URL}",
            "Is MEDIA_STORE_URL right? manage.py move_media takes the files there.",
        )
    elif is_missing:
        yield CLIPS.fail(
            f"The newest clip is not in its place: {name} in {settings.MEDIA_ROOT}",
            "Is the disk of MEDIA_ROOT mounted, and is MEDIA_ROOT right?",
        )
    else:
        yield CLIPS.ok("The newest clip is in its place." if name else "There are none yet.")


def check_leftovers(exam: Examination) -> Iterator[Finding]:
    """Look for files of wiped stories that nobody knows any more."""
    try:
        found, kept = find_leftovers(), kept_of_nobody()
    except OSError as error:
        yield LEFTOVERS.warn(f"The media cannot be listed: {error.strerror}.", _STORE_ADVICE)
        return
    for each in found:
        left = ngettext("%d file is", "%d files are", each.files) % each.files
        yield LEFTOVERS.warn(
            f"{left} still in {place_of(each.folder)}, although the story {each.wiped.story_id} "
            "was wiped: the wipe was interrupted, or they came later.",
            f"Restore {each.wiped.archive_name}, then archive and wipe the story again, to another "
            "file. Or remove the folder, if you are sure that this archive is safe.",
        )
    if kept:
        number = ngettext("%d download is", "%d downloads are", len(kept)) % len(kept)
        yield LEFTOVERS.warn(
            f"{number} kept of renders that are not here any more: {', '.join(kept[:5])}"
            f"{', …' if len(kept) > 5 else ''}",
            "They were paid for: save them for their story, then remove them from the media.",
        )
    if not found and not kept:
        yield LEFTOVERS.ok("Nothing is left of stories that were wiped.")


def check_store(exam: Examination) -> Iterator[Finding]:
    """Ask the object store whether it has our bucket."""
    if exam.store is None:
        yield STORE.ok("There is none: the media are in MEDIA_ROOT.")
        return
    try:
        exam.store.result()
    except (OSError, TooSlow) as error:
        words = getattr(error, "strerror", None) or words_of(error)
        yield STORE.fail(f"The object store cannot be used: {unended(words)}.", _STORE_ADVICE)
    else:
        yield STORE.ok(f"The object store answers: {settings.MEDIA_STORE_URL}")


def check_disk(exam: Examination) -> Iterator[Finding]:
    seen = set()
    for name, folder in (
        ("MEDIA_ROOT", settings.MEDIA_ROOT),
        ("VIDEO_STATE_DIR", settings.STATE_DIR),
    ):
        place = _existing(Path(folder))
        disk = place.stat().st_dev
        if disk not in seen:
            seen.add(disk)
            yield _room(name, place)


def check_privacy(exam: Examination) -> Iterator[Finding]:
    """Look whether everybody on this machine can read what is private. The product makes its files
    private, but older ones and those of other programs may not be."""
    database = settings.DATABASES["default"]
    places = [
        ("The file of the settings", settings.BASE_DIR / ".env"),
        ("MEDIA_ROOT", Path(settings.MEDIA_ROOT)),
        ("VIDEO_STATE_DIR", Path(settings.STATE_DIR)),
    ]
    if database["ENGINE"].endswith("sqlite3"):
        places.append(("The database", Path(str(database["NAME"]))))
    open_places = [(name, path) for name, path in places if _is_open_to_others(path)]
    for name, path in open_places:
        yield PRIVACY.warn(
            f"{name} can be read by everybody on this machine: {path}",
            f"chmod -R o-rwx {shlex.quote(str(path))}",
        )
    if not open_places:
        yield PRIVACY.ok("Database, clips and journal are closed to others on this machine.")


def _is_open_to_others(path: Path) -> bool:
    """Whether others may read it: they also have to get through every folder above it."""
    try:
        path = path.resolve()
        mode = path.stat().st_mode
        ways = [folder.stat().st_mode for folder in path.parents]
    except OSError:
        return False
    return bool(mode & stat.S_IROTH) and all(way & stat.S_IXOTH for way in ways)


def _room(name: str, place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    words = f"{_size(free)} are free for {name}"
    why = "A clip has about 10 to 30 MB, and what is paid for must be stored."
    if free < LEAST_BYTES:
        return DISK.fail(f"{words}. {why}", f"Make room on the disk of {name}.")
    files = os.statvfs(place)
    if files.f_files and not files.f_favail:
        return DISK.fail(
            f"The disk of {name} takes no more files, although there is room.",
            f"Remove files from the disk of {name}.",
        )
    if free < LOW_BYTES:
        return DISK.warn(
            f"{words}. {why}", f"Make room on the disk of {name} before a large batch."
        )
    return DISK.ok(f"{words}.")


def _written(topic: Topic, name: str, folder: Path, loss: str) -> Finding:
    try:
        journal.probe(folder)
    except OSError as error:
        return topic.fail(
            f"{folder} cannot be written to ({error.strerror or words_of(error)}): {loss}.",
            f"Fix its permissions or its disk, or name another folder in {name}.",
        )
    return topic.ok(f"{folder} can be written to.")


def _existing(place: Path) -> Path:
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return place


def _size(number: int) -> str:
    return f"{number / 10**9:.1f} GB" if number >= 10**9 else f"{number / 10**6:.0f} MB"
