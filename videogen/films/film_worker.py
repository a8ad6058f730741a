"""Makes the films that are queued: a part at a time, so that whatever ends the process ends at most
the encoding of one part.

A process takes a film's row by a conditional UPDATE with a lease, as downloads do. Segments and
films appear under their names only when they are complete.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from storybook.media_store import MediaStoreError, media, partial_folder
from storybook.paths import safe_name
from videogen.common.errors import VideoFileError
from videogen.common.processes import is_provably_gone, this_process
from videogen.common.shutdown import stop_requested
from videogen.models import Film, GuestLink
from videogen.models.films import FILM_LEASE
from videogen.takes.video_file import sha256_of

from .film_file import join
from .parts import Manifest, Part
from .segments import encode_segment
from .stills import lacking

logger = logging.getLogger(__name__)

Status = Film.Status

# After so long a task begins no other part. Its time limit is that of a download.
SLICE_SECONDS = 60.0
RENEW_SECONDS = 5.0
# What no film needs is kept for a day: somebody may be watching it.
KEPT_SECONDS = 24 * 3600
SWEEP_SECONDS = 3600


class FilmLost(Exception):
    """The film is no longer this process's: somebody asked anew, cancelled it, or took it over."""


def waiting(scope: Collection[int] | None = None) -> QuerySet[Film]:
    """Return the films that are still to be made. scope: only these."""
    films = Film.objects.filter(status__in=Film.OPEN).order_by("queued_at", "pk")
    return films if scope is None else films.filter(pk__in=scope)


def run_slice(scope: Collection[int] | None = None, seconds: float = SLICE_SECONDS) -> bool:
    """Make films until the time is over. Return whether some are left that nobody works on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop_requested():
        film = _take(scope)
        if film is None:
            break
        _Making(film).run(end)
    return _take_next(scope) is not None and not stop_requested()


def _take_next(scope: Collection[int] | None) -> Film | None:
    now = timezone.now()
    for film in waiting(scope):
        is_held = film.worker and film.lease_until and film.lease_until > now
        if not is_held or is_provably_gone(film.worker):
            return film
    return None


def _take(scope: Collection[int] | None) -> Film | None:
    while film := _take_next(scope):
        won = Film.objects.filter(
            pk=film.pk, status=film.status, worker=film.worker, lease_until=film.lease_until
        ).update(
            status=Status.RENDERING,
            worker=this_process(),
            lease_until=timezone.now() + FILM_LEASE,
        )
        if won:
            return Film.objects.select_related("ending__story").get(pk=film.pk)
    return None


class _Making:
    """The making of one film by this process."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._renewed = time.monotonic()
        self._folder = Path(safe_name(film.ending.story.story_id)) / "films"

    def run(self, end: float) -> None:
        film = self._film
        try:
            manifest = Manifest.from_json(film.manifest)
            if not manifest.parts:
                raise VideoFileError("No scenelet of this path has a shot.", code="no_shots")
            segments = []
            for number, part in enumerate(manifest.parts):
                segments.append(self._segment(part))
                self._write(parts_done=number + 1)
                if time.monotonic() > end or stop_requested():
                    self._write(worker="", lease_until=None)
                    return
            self._join(manifest, segments)
        except FilmLost:
            logger.info("%s: somebody else goes on with it, or it was cancelled", film)
        except VideoFileError as error:
            self._fail(error.code, error.sentence)
        except MediaStoreError as error:
            self._fail(
                error.code,
                f"The film or a part of it cannot be had or stored: {error.strerror} "
                "(MEDIA_STORE_URL). Its parts are kept: ask for it again later.",
            )
        except OSError as error:
            self._fail("storage", f"The film cannot be stored ({error.strerror}): check the disk.")
        except Exception as error:
            logger.exception("%s: making it failed", film)
            self._fail("internal", f"Something unexpected failed ({type(error).__name__}).")

    def _segment(self, part: Part) -> Path:
        # Segments stay on this host: an object store is not asked to keep what can be made again.
        path = Path(settings.MEDIA_ROOT) / self._folder / "segments" / f"{part.key[:32]}.mov"
        if path.exists():
            path.touch()
        else:
            encode_segment(part, path, self._beat)
            self._film.segments_encoded += 1
        return path

    def _join(self, manifest: Manifest, segments: list[Path]) -> None:
        film = self._film
        partial_folder().mkdir(parents=True, exist_ok=True)
        # A process that was stopped for a while may still write when another has taken over, so
        # each has a file of its own. What those before left is of no use to anybody.
        for left in partial_folder().glob(f"film-{film.pk}-*"):
            left.unlink(missing_ok=True)
        temporary = partial_folder() / f"film-{film.pk}-{secrets.token_hex(4)}.mp4"
        name = f"{safe_name(film.ending.scenelet_id)}-{manifest.sha256[:12]}.mp4"
        try:
            seconds = join(manifest, segments, temporary, self._beat)
            made: dict[str, Any] = {
                "byte_size": temporary.stat().st_size,
                "sha256": sha256_of(temporary),
            }
            self._beat(at_once=True)
            self._put(self._folder / name, temporary, made["sha256"])
        finally:
            temporary.unlink(missing_ok=True)
        self._write(
            status=Status.DONE,
            **made,
            file=str(self._folder / name),
            manifest_sha256=manifest.sha256,
            seconds=round(seconds, 3),
            shots=manifest.count("take") + manifest.count("still"),
            stills=manifest.count("still"),
            cards_shown=manifest.count("card"),
            warnings=_warnings(manifest),
            made_at=timezone.now(),
            ended_at=timezone.now(),
            worker="",
            lease_until=None,
        )
        logger.info("%s: %s", film, name)

    def _put(self, name: Path, file: Path, sha256: str) -> None:
        """Store the film, and keep the lease for as long as that takes."""
        with ThreadPoolExecutor(1, thread_name_prefix="film") as threads:
            putting = threads.submit(media.put, name, file, sha256=sha256)
            while not wait([putting], timeout=1).done:
                self._beat()
            putting.result()

    def _beat(self, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._renewed >= RENEW_SECONDS:
            self._write()

    def _fail(self, code: str, sentence: str) -> None:
        logger.warning("%s: %s", self._film, sentence)
        with suppress(FilmLost):
            self._write(
                status=Status.FAILED,
                error_code=code,
                error_message=sentence,
                ended_at=timezone.now(),
                worker="",
                lease_until=None,
            )

    def _write(self, **changes: Any) -> None:
        self._renewed = time.monotonic()
        changes = {"lease_until": timezone.now() + FILM_LEASE, **changes}
        if "parts_done" in changes:
            # A process that goes on with a film finds the segments of the one before: only what
            # none has encoded for this film was there already.
            encoded = self._film.segments_encoded
            changes["segments_encoded"] = encoded
            changes["segments_reused"] = max(0, changes["parts_done"] - encoded)
        won = Film.objects.filter(
            pk=self._film.pk,
            status=Status.RENDERING,
            worker=this_process(),
            wanted_sha256=self._film.wanted_sha256,
        ).update(**changes)
        if not won:
            raise FilmLost


def _warnings(manifest: Manifest) -> list[dict[str, Any]]:
    found = []
    for part in manifest.parts:
        if part.kind != "take" and (chars := lacking(part.title + part.text)):
            found.append({"code": "not_lettered", "shot": part.shot, "characters": chars[:20]})
    return found


def remove_unused_hourly() -> None:
    """Call remove_unused if that was an hour ago."""
    if cache.add("films-swept", True, SWEEP_SECONDS):
        remove_unused()


def remove_unused() -> None:
    """Remove films and segments that no row needs, and what killed processes left of them, a day
    after they were last used. Takes are never touched: nothing outside the folders of films is
    looked at."""
    used: set[str] = set()
    for film in Film.objects.only("file", "manifest").iterator(chunk_size=50):
        used.add(Path(film.file).name)
        if film.manifest:
            parts = Manifest.from_json(film.manifest).parts
            used |= {f"{part.key[:32]}.mov" for part in parts}
    # Who was given a link to the film of a certain day keeps it until the link ends.
    links = GuestLink.objects.open().exclude(frozen_file="")
    used |= {Path(file).name for file in links.values_list("frozen_file", flat=True)}
    old = time.time() - timedelta(seconds=KEPT_SECONDS).total_seconds()
    root = Path(settings.MEDIA_ROOT)
    for pattern in ("*/films/segments/*.mov", "*/films/segments/.*", ".partial/film-*"):
        for path in root.glob(pattern):
            if path.name not in used and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)
    for folder in media.folders():
        for each in media.files(f"{folder}/films"):
            path = Path(each.name)
            is_film = path.parent.name == "films" and path.suffix == ".mp4"
            if is_film and path.name not in used and each.modified < old:
                media.delete(each.name)
