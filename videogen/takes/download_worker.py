"""Download the clips of renders and make takes of them: which process downloads which clip, and
what the row says afterwards. The bytes themselves are fetched by fetch.py.

A process takes a row by a conditional UPDATE with a lease that it renews while the download runs.
So a task that runs twice, never runs, or is killed does no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from storybook.media_store import MediaStoreError, media
from videogen.common.errors import DownloadError, VideoFileError
from videogen.common.processes import is_provably_gone, this_process
from videogen.common.shutdown import stop_requested
from videogen.lanes.pauses import served_lanes
from videogen.models import STALE_AFTER, Lane, VideoRender
from videogen.providers.gs_urls import is_gs
from videogen.providers.url_guard import is_of_api

from .fetch import (
    LONGEST_TOLD_SECONDS,
    LOST,
    MISSING,
    NOT_YET,
    NOTHING_THERE,
    fetch_clip_of,
    new_client,
)
from .storage import (
    Clip,
    check_storage,
    discard,
    remove_leftovers,
    set_aside,
    store_clip,
    storing_error,
    take_path,
)
from .take_numbers import file_fields, number_take, surprises
from .video_file import VideoFacts, inspect_video

logger = logging.getLogger(__name__)

State = VideoRender.State

PARALLEL = 4
# A downloader that has not renewed its lease for so long counts as gone, and its row as stale.
DOWNLOAD_LEASE = STALE_AFTER
RENEW_SECONDS = 5.0
TICK_SECONDS = 0.2
# Refusals that may pass while the clip is there: not ready yet (400), and rights that are late or
# that a person gives (401, 403).
_MAY_PASS = frozenset({"http_400", "http_401", "http_403"})
# After so long a task takes no new clip. A download that has begun ends, or is resumed later.
DOWNLOAD_SLICE_SECONDS = 60.0


class Downloads:
    """Downloads clips of these lanes, several at once.

    scope: only these renders; None: all renders of the lanes.
    """

    def __init__(self, lanes: Collection[Lane], *, scope: Collection[int] | None = None) -> None:
        self.lanes = lanes
        self.scope = None if scope is None else set(scope)
        self.owner = this_process()
        self._client: httpx.Client | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._running: dict[Future[Clip | VideoFacts], VideoRender] = {}
        self._renewed = time.monotonic()

    def tick(self, *, take_more: bool = True, seconds: float = TICK_SECONDS) -> bool:
        """Start downloads that are due, wait at most `seconds` for one to end, and write what came
        of it. Return False if none is running."""
        if take_more:
            for render in self._take(PARALLEL - len(self._running)):
                self._start(render)
        if not self._running:
            return False
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self._renew()
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            render = self._running.pop(future)
            self._finish(render, future)
        return True

    def close(self) -> None:
        """Give back the rows of running downloads, so that another process resumes them."""
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client:
            self._client.close()
        VideoRender.objects.filter(
            pk__in=[render.pk for render in self._running.values()], downloader=self.owner
        ).update(downloader="", download_lease_until=None)
        self._running.clear()

    def waiting(self) -> QuerySet[VideoRender]:
        """Return the renders whose clips are still to be downloaded."""
        renders = VideoRender.objects.open().filter(lane__in=self.lanes, state=State.DOWNLOADING)
        return renders if self.scope is None else renders.filter(pk__in=self.scope)

    def _due(self) -> QuerySet[VideoRender]:
        now = timezone.now()
        # No wait is so long, unless the clock was set back.
        is_lost = Q(not_before__gt=now + 2 * timedelta(seconds=LONGEST_TOLD_SECONDS))
        return self.waiting().filter(Q(not_before=None) | Q(not_before__lte=now) | is_lost)

    def _take(self, count: int) -> list[VideoRender]:
        """Take at most `count` due rows for this process and return them. The oldest clips come
        first, because they expire first on the server; a clip of unknown age counts as older."""
        if count <= 0:
            return []
        taken = []
        now = timezone.now()
        mine = {render.pk for render in self._running.values()}
        rows = self._due().exclude(pk__in=mine).select_related("shot__scenelet__story")
        for render in rows.order_by(F("rendered_at").asc(nulls_first=True), "pk"):
            holder = render.downloader
            leased = holder and render.download_lease_until and render.download_lease_until > now
            if leased and not is_provably_gone(holder):
                continue
            if VideoRender.objects.filter(
                pk=render.pk,
                state=State.DOWNLOADING,
                downloader=holder,
                download_lease_until=render.download_lease_until,
            ).update(
                downloader=self.owner,
                download_lease_until=now + DOWNLOAD_LEASE,
                download_attempts=F("download_attempts") + 1,
                beat_at=now,
            ):
                render.download_attempts += 1
                taken.append(render)
            if len(taken) == count:
                break
        return taken

    def _start(self, render: VideoRender) -> None:
        try:
            check_storage([pick["path"] for pick in render.references])
        except DownloadError as error:
            self._fail(render, error)
            return
        if self._client is None:
            try:
                self._client = new_client()
            except DownloadError as error:
                self._fail(render, error)
                return
        self._submit(render, _obtain, self._client, render)

    def _submit(
        self, render: VideoRender, step: Callable[..., Clip | VideoFacts], *given: Any
    ) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="download")
        self._running[self._threads.submit(step, *given)] = render

    def _renew(self) -> None:
        self._renewed = time.monotonic()
        now = timezone.now()
        VideoRender.objects.filter(
            pk__in=[render.pk for render in self._running.values()],
            state=State.DOWNLOADING,
            downloader=self.owner,
        ).update(download_lease_until=now + DOWNLOAD_LEASE, beat_at=now)
        # Those that wait are next: this process works on them. In a cluster the pump writes the
        # heartbeat.
        if self.scope is not None:
            self.waiting().update(beat_at=now)

    def _finish(self, render: VideoRender, future: Future[Clip | VideoFacts]) -> None:
        """Write what came of a step: a clip that was fetched is stored next, in a thread again; one
        that is stored becomes a take."""
        try:
            found = future.result()
            take = number_take(render)
            if isinstance(found, Clip):
                self._submit(render, _store, found, take_path(render, take))
                return
        except DownloadError as error:
            self._fail(render, error)
        except OSError as error:
            self._fail(render, storing_error(error))
        except Exception as error:
            logger.exception("%s: the download broke", render)
            self._fail(
                render,
                DownloadError(
                    f"Something unexpected broke on our side ({type(error).__name__}); the log "
                    "has more.",
                    code="internal",
                ),
            )
        else:
            self._complete(render, found, take)

    def _complete(self, render: VideoRender, facts: VideoFacts, take: int) -> None:
        path = take_path(render, take)
        if not render.move(
            State.DOWNLOADING,
            State.DONE,
            only={"downloader": self.owner},
            **file_fields(path, facts),
            downloaded_at=timezone.now(),
            downloader="",
            download_lease_until=None,
            error_code="",
            error_message="",
            warnings=[*render.warnings, *surprises(render, facts)],
        ):
            logger.warning("%s: another process was first", render)
            return
        discard(render)
        logger.info("%s: %s", render, path)

    def _fail(self, render: VideoRender, error: DownloadError) -> None:
        """Write that the download failed: it is tried again later, or a person decides."""
        now = timezone.now()
        error = _what_a_refusal_means(render, error)
        reason: dict[str, Any] = {"error_code": error.code, "error_message": error.sentence}
        if error.code == "busy":
            # This was no attempt: another process still has the file.
            render.download_attempts -= 1
            reason["download_attempts"] = render.download_attempts
        free = {"downloader": "", "download_lease_until": None}
        logger.warning("%s: %s", render, error.sentence)
        if not error.permanent and render.download_attempts < settings.VIDEO_DOWNLOAD_ATTEMPTS:
            wait_seconds = error.retry_after
            if wait_seconds is None:
                wait_seconds = min(60.0, 2.0 ** (render.download_attempts - 1))
            VideoRender.objects.filter(
                pk=render.pk, state=State.DOWNLOADING, downloader=self.owner
            ).update(
                not_before=now + timedelta(seconds=wait_seconds), beat_at=now, **reason, **free
            )
            return
        ends = State.FAILED if render.kind == VideoRender.Kind.LINK else State.NOT_DOWNLOADED
        won = render.move(
            State.DOWNLOADING, ends, only={"downloader": self.owner}, **reason, **free
        )
        if won and (error.permanent or ends == State.FAILED):
            # No later try goes on with what came so far.
            set_aside(render.pk, is_given=render.is_link_given)


def _what_a_refusal_means(render: VideoRender, error: DownloadError) -> DownloadError:
    """Return `error`, or if it is a refusal such as a 404 an error that says whether that is final.

    The API keeps a clip for two days. Before that, a refusal may mean that the server does not have
    the clip ready yet, or be a mistake, and the clip is paid for. So it is final only after these
    two days, or if a person gave the link.
    """
    if error.code in _MAY_PASS and not render.is_link_given and _is_kept(render):
        return DownloadError(
            f"{error.sentence} The clip is younger than two days, so it is tried again. The link "
            "is kept.",
            code=NOT_YET,
            retry_after=error.retry_after,
        )
    if error.code != MISSING:
        return error
    if render.is_link_given:
        sentence = "There is no video behind the given link (404)."
        return DownloadError(sentence, code=NOTHING_THERE, permanent=True)
    if is_gs(render.download_uri):
        return DownloadError(
            "The video is not in the bucket (404): check whether somebody has moved it, or whether "
            "a rule of the bucket removes old files. The link is kept.",
            code=MISSING,
            retry_after=error.retry_after,
        )
    if render.clip_time_left > timedelta(0):
        return DownloadError(
            "The server says that the video is not there (404), although the API keeps it for two "
            "days. The link is kept.",
            code=MISSING,
            retry_after=error.retry_after,
        )
    return DownloadError(
        "The video is no longer there (404). The API keeps a video for two days after it was made. "
        "They are over, and the video is lost.",
        code=LOST,
        permanent=True,
    )


def _is_kept(render: VideoRender) -> bool:
    """Whether the place that the link leads to has to have the clip: our bucket, or the API for two
    days."""
    if is_gs(render.download_uri):
        return True
    return is_of_api(render.download_uri) and render.clip_time_left > timedelta(0)


def run_slice() -> bool:
    """Task: download the clips that are due. Return whether some are still waiting."""
    lanes = served_lanes()
    if not lanes or _others_at_work(lanes) >= max(1, settings.VIDEO_WORKERS - 1):
        return False
    remove_leftovers()
    downloads = Downloads(lanes)
    end = time.monotonic() + DOWNLOAD_SLICE_SECONDS
    try:
        while downloads.tick(take_more=time.monotonic() < end) or _waits_soon(downloads, end):
            if stop_requested():
                break
    finally:
        downloads.close()
    return downloads.waiting().exists() and not stop_requested()


def _waits_soon(downloads: Downloads, end: float) -> bool:
    """Whether a clip is due again within this slice. If so, sleep a little first."""
    left = end - time.monotonic()
    if left <= 0:
        return False
    soon = timezone.now() + timedelta(seconds=min(left, 5))
    waiting = downloads.waiting().filter(downloader="", not_before__lte=soon)
    if not waiting.exists():
        return False
    time.sleep(TICK_SECONDS)
    return True


def _others_at_work(lanes: Collection[Lane]) -> int:
    """Return how many other processes are downloading: one worker must stay free for the pump."""
    return (
        VideoRender.objects.open()
        .filter(lane__in=lanes, state=State.DOWNLOADING, download_lease_until__gt=timezone.now())
        .exclude(downloader__in=["", this_process()])
        .values("downloader")
        .distinct()
        .count()
    )


def _obtain(client: httpx.Client, render: VideoRender) -> Clip | VideoFacts:
    """Return the clip of the render, or what it is if it is stored already. Makes no query."""
    return _stored_already(render) or fetch_clip_of(client, render)


def _store(clip: Clip, path: Path) -> VideoFacts:
    store_clip(clip, path)
    return clip.facts


def _stored_already(render: VideoRender) -> VideoFacts | None:
    """Return what the take's file is if a downloader was killed after it had stored the file but
    before it had written that to the row; None otherwise."""
    if not render.take:
        return None
    path = take_path(render, render.take)
    try:
        with media.local(path) as file:
            return inspect_video(file)
    except MediaStoreError:
        raise
    except (OSError, VideoFileError):
        return None
