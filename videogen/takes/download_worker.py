"""Download the clips of renders and make takes of them: which process downloads which clip, and
what the row says afterwards. The bytes themselves are fetched by fetch.py.

A process takes a row by a conditional UPDATE with a lease that it renews while the download runs.
So a task that runs twice, never runs, or is killed does no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import httpx
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from storybook.media_store import MediaStoreError, media
from videogen.common.errors import DownloadError, VideoFileError
from videogen.common.moments import over
from videogen.common.processes import is_of_this_host, is_provably_gone, this_process
from videogen.common.shutdown import stop_requested
from videogen.common.task_queue import wake_checks
from videogen.lanes.pauses import served_lanes
from videogen.models import STALE_AFTER, Lane, VideoRender
from videogen.models.render_queries import RenderQuerySet
from videogen.providers.gs_urls import is_gs
from videogen.providers.url_guard import is_of_api

from .check_worker import waiting as checks_waiting
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
from .take_numbers import (
    file_fields,
    free_take,
    last_takes,
    number_take,
    surprises,
    try_numbers,
)
from .video_file import VideoFacts, inspect_video

logger = logging.getLogger(__name__)

State = VideoRender.State

Result = TypeVar("Result")

# A downloader that has not renewed its lease for so long counts as gone, and its row as stale.
DOWNLOAD_LEASE = STALE_AFTER
RENEW_SECONDS = 5.0
TICK_SECONDS = 0.2
# How long the first step that has ended waits for others, so that they are written in one
# transaction.
GATHER_SECONDS = 0.05
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
        self._places = settings.VIDEO_DOWNLOADS_AT_ONCE
        self._client: httpx.Client | None = None
        self._fetchers = ThreadPoolExecutor(self._places, thread_name_prefix="download")
        self._storers = ThreadPoolExecutor(self._places, thread_name_prefix="store")
        self._running: dict[Future[Clip | VideoFacts], VideoRender] = {}
        # Those of them that store a clip.
        self._storing: set[Future[Clip | VideoFacts]] = set()
        self._renewed = time.monotonic()

    def tick(self, *, take_more: bool = True, seconds: float = TICK_SECONDS) -> bool:
        """Start downloads that are due, wait at most `seconds` for one to end, and write what came
        of it. Return False if none is running."""
        if take_more:
            self._start_due()
        if not self._running:
            return False
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self._renew()
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        if done:
            done, _ = wait(self._running, timeout=GATHER_SECONDS)
            if take_more:
                # The next clips come while these are written down: an object store is asked then.
                self._start_due()
            self._finish({future: self._running[future] for future in done})
            for future in done:
                del self._running[future]
            self._storing -= done
        return True

    def close(self) -> None:
        """Give back the rows of running downloads, so that another process resumes them."""
        for threads in (self._fetchers, self._storers):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._client:
            self._client.close()
        VideoRender.objects.filter(
            pk__in=[render.pk for render in self._running.values()], downloader=self.owner
        ).update(downloader="", download_lease_until=None)
        self._running.clear()
        self._storing.clear()

    def waiting(self) -> RenderQuerySet:
        """Return the renders whose clips are still to be downloaded."""
        renders = VideoRender.objects.open().filter(lane__in=self.lanes, state=State.DOWNLOADING)
        return renders if self.scope is None else renders.filter(pk__in=self.scope)

    def _due(self) -> RenderQuerySet:
        longest = 2 * timedelta(seconds=LONGEST_TOLD_SECONDS)
        due = over("not_before", timezone.now(), longest=longest)
        return self.waiting().filter(Q(not_before=None) | due)

    def _take(self, count: int) -> list[VideoRender]:
        """Take at most `count` due rows for this process and return them. The oldest clips come
        first, because they expire first on the server; a clip of unknown age counts as older."""
        if count <= 0:
            return []
        now = timezone.now()
        due = self._due().exclude(pk__in=[render.pk for render in self._running.values()])
        is_free = Q(downloader="") | Q(download_lease_until=None) | Q(download_lease_until__lte=now)
        rows = due.filter(is_free)
        oldest = _oldest(rows, count)
        if len(oldest) < count:
            held = due.exclude(downloader="").filter(download_lease_until__gt=now)
            holders = held.values_list("downloader", flat=True).distinct()
            if gone := [each for each in holders if is_provably_gone(each)]:
                rows = due.filter(is_free | Q(downloader__in=gone))
                oldest = _oldest(rows, count)
        if not oldest:
            return []
        with transaction.atomic():
            # Another process may have been faster with some of them.
            taken = set(rows.filter(pk__in=[render.pk for render in oldest]).lock())
            VideoRender.objects.filter(pk__in=taken).update(
                downloader=self.owner,
                download_lease_until=now + DOWNLOAD_LEASE,
                download_attempts=F("download_attempts") + 1,
                beat_at=now,
            )
        mine = [render for render in oldest if render.pk in taken]
        for render in mine:
            render.download_attempts += 1
        return mine

    def _start_due(self) -> None:
        for render in self._take(self._room()):
            self._start(render)

    def _room(self) -> int:
        """Return how many more clips may be fetched now. One that is being stored takes no place of
        theirs, so that the network is not idle meanwhile. All together are at most twice as many as
        there are places, because each lies on the disk of this host."""
        fetching = sum(not each.done() for each in self._running.keys() - self._storing)
        return min(self._places - fetching, 2 * self._places - len(self._running))

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
        self._running[self._fetchers.submit(_obtain, self._client, render)] = render

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

    def _finish(self, ended: Mapping[Future[Clip | VideoFacts], VideoRender]) -> None:
        """Write what came of these steps: a clip that was fetched is stored next, in a thread
        again; one that is stored becomes a take."""
        last = last_takes({render.shot_id for render in ended.values()})
        found = {
            render: _safely(render, partial(_outcome, render, future, last.get(render.shot_id, 0)))
            for future, render in ended.items()
        }
        after: dict[VideoRender, Callable[[], None]] = {}
        numbers: dict[VideoRender, int] = {}
        made: list[VideoRender] = []
        with transaction.atomic():
            VideoRender.objects.filter(pk__in=[render.pk for render in found]).lock()
            # By shot, like everybody who changes renders of several shots.
            for render in sorted(found, key=attrgetter("shot_id", "pk")):
                outcome = found[render]
                if isinstance(outcome, DownloadError):
                    after[render] = partial(self._fail, render, outcome)
                    continue
                result, take = outcome
                if isinstance(result, Clip):
                    numbers[render] = take
                    after[render] = partial(self._store, render, result)
                    continue
                is_mine = _safely(render, partial(self._describe, render, result, take))
                if isinstance(is_mine, DownloadError):
                    after[render] = partial(self._fail, render, is_mine)
                elif is_mine:
                    made.append(render)
                    after[render] = partial(discard, render)
            try_numbers(numbers)
            _complete(made)
        for render, work in after.items():
            if error := _safely(render, work):
                self._fail(render, error)

    def _store(self, render: VideoRender, clip: Clip) -> None:
        # Its number is written, or another process was faster and it gets the next one now.
        path = take_path(render, number_take(render))
        storing: Future[Clip | VideoFacts] = self._storers.submit(_store, clip, path)
        self._running[storing] = render
        self._storing.add(storing)

    def _describe(self, render: VideoRender, facts: VideoFacts, take: int) -> bool:
        """Write what the stored file is. Return whether the row is this process's still."""
        path = take_path(render, take)
        rows = VideoRender.objects.filter(
            pk=render.pk, state=State.DOWNLOADING, downloader=self.owner
        )
        with transaction.atomic():
            is_mine = rows.update(
                **file_fields(path, facts),
                warnings=[*render.warnings, *surprises(render, facts)],
            )
        logger.info("%s: %s", render, path if is_mine else "another process was first")
        return bool(is_mine)

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


def _complete(renders: Collection[VideoRender]) -> None:
    """Make takes of these renders, whose files are stored and described. Call it within the
    transaction that has described them."""
    if renders:
        VideoRender.objects.filter(pk__in=[render.pk for render in renders]).transition(
            state=State.DONE,
            downloaded_at=timezone.now(),
            downloader="",
            download_lease_until=None,
            error_code="",
            error_message="",
        )


def _outcome(
    render: VideoRender, future: Future[Clip | VideoFacts], last: int
) -> tuple[Clip | VideoFacts, int]:
    """Return what a step found, and the number that the take has or may get after `last`. An object
    store is asked for it, so this must not be within a transaction."""
    return future.result(), render.take or free_take(render, last + 1)


def _oldest(rows: RenderQuerySet, count: int) -> list[VideoRender]:
    return list(
        rows.select_related("shot__scenelet__story")
        .without_heavy_columns(keep=("references", "warnings"))
        .defer("shot__storyboard_payload")
        .order_by(F("rendered_at").asc(nulls_first=True), "pk")[:count]
    )


def _safely(render: VideoRender, work: Callable[[], Result]) -> Result | DownloadError:
    """Return what `work` returns, or the DownloadError that it raised: the others go on. Raises
    OperationalError, because the database is away from all of them."""
    try:
        return work()
    except OperationalError:
        raise
    except DownloadError as error:
        return error
    except OSError as error:
        return storing_error(error)
    except Exception as error:
        logger.exception("%s: the download broke", render)
        return DownloadError(
            f"Something unexpected broke on our side ({type(error).__name__}); the log has more.",
            code="internal",
        )


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
    """Task: download the clips that are due, and wake a worker for the checks of the takes. Return
    whether clips are still waiting; False at once if enough processes download already, which will
    do the same."""
    lanes = served_lanes()
    if not lanes or not free_downloaders(lanes):
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
    if checks_waiting().exists():
        wake_checks()
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


def free_downloaders(lanes: Collection[Lane]) -> int:
    """Return how many more processes of this host may download than do so now, this one not
    counted. One worker must stay free for the pump."""
    holders = (
        VideoRender.objects.open()
        .filter(lane__in=lanes, state=State.DOWNLOADING, download_lease_until__gt=timezone.now())
        .exclude(downloader__in=["", this_process()])
        .values_list("downloader", flat=True)
        .distinct()
    )
    at_work = sum(is_of_this_host(each) and not is_provably_gone(each) for each in holders)
    return max(0, max(1, settings.VIDEO_WORKERS - 1) - at_work)


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
