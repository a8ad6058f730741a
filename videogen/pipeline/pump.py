"""The pump: takes queued renders through submission and polling to a download link.

One pump works a lane at a time (lanes/leases.py). Its threads read the pictures of a request, talk
to the API and write the journal; they make no queries. The main thread does all database work. A
kill at any line leaves rows and journal files from which the next pump goes on: see orphans.py. The
clips are downloaded by takes/download_worker.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Q, prefetch_related_objects
from django.utils import timezone

from videogen.common.db_retry import persistently
from videogen.common.errors import (
    VeoError,
    VideogenError,
    broken_before,
    broken_here,
    claimed_too_long_ago,
)
from videogen.common.moments import over
from videogen.common.processes import this_process
from videogen.common.task_queue import wake_downloads
from videogen.lanes.leases import release_lease, take_lease
from videogen.lanes.pauses import LONGEST_TOLD, pause_lane
from videogen.lanes.quota import find_next_send_time
from videogen.models import Lane, VideoRender
from videogen.models.render_queries import RenderQuerySet
from videogen.prompts.payload import load_request, rehearse, webhook_with
from videogen.providers.client import POLLERS, SUBMITTERS, VideoClient
from videogen.providers.messages import Finished, PollAnswer
from videogen.providers.registry import open_client, sdk_version
from videogen.takes.download_worker import free_downloaders

from . import journal
from .claims import Claim, claim_renders, queued_renders
from .orphans import patience, reap
from .results import (
    apply_accepted,
    apply_all_accepted,
    apply_finished,
    apply_poll,
    apply_poll_error,
    apply_submit_error,
    due_for_a_poll,
    is_still_running,
    keep_polling,
)

logger = logging.getLogger(__name__)

State = VideoRender.State

TICK_SECONDS = 0.2
# How long the first answer waits for others, so that they are written in one transaction.
GATHER_SECONDS = 0.02
# How long the other submissions wait for the answer to the first one.
WARM_UP_SECONDS = 3.0
RENEW_SECONDS = 2.0
REAP_SECONDS = 5.0
# How often the downloaders of other hosts are woken while those of this host are at work.
WAKE_SECONDS = 1.0
# If there is no room for a submission, the pump looks again after this time at the latest: a person
# may have ended the wait, or another setting may have made room.
REST_SECONDS = 2.0
# How many polls are under way at once while requests are being submitted, which must not wait for
# them: a poll later finds the same. A request that has no answer after so many seconds counts no
# more: what it waits for is not this machine.
POLLS_BESIDE_SUBMITTING = 2
SUBMITTING_SECONDS = 1.0
# The columns that the usual answers need. An unusual one loads more.
_POLLED = (
    "shot",
    "lane",
    "route",
    "state",
    "operation_name",
    "download_uri",
    "is_link_given",
    "deadline_at",
    "next_poll_at",
    "poll_failures",
    "error_code",
    "take",
)

LinkListener = Callable[[VideoRender], None]


class Pump:
    """Submits and polls the renders of one lane.

    scope: only these renders, for a command that works its own batch and needs no lease; None: the
    whole lane. on_link: called with every render that has got its download link, as soon as the
    row has it. may_submit: whether queued renders are submitted, or running ones only polled.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        scope: Collection[int] | None = None,
        on_link: LinkListener | None = None,
        may_submit: bool = True,
    ) -> None:
        self.lane = lane
        self._may_submit = may_submit
        self.scope = None if scope is None else set(scope)
        self.owner = this_process()
        self._on_link = on_link or (lambda render: None)
        self._submits: dict[Future[str], Claim] = {}
        self._polls: dict[Future[PollAnswer], VideoRender] = {}
        self._submitters = Submitters()
        self._poll_clients: dict[str, VideoClient] = {}
        self._poll_seconds: list[float] = []
        self._is_leased = False
        self._is_warm = False
        self._renewed = self._reaped = self._sent = self._rests_until = self._woke = 0.0

    # -- clients and threads: made for the first call, because a rehearsal needs none

    def _poll_client(self, route: str) -> VideoClient:
        if route not in self._poll_clients:
            self._poll_clients[route] = open_client(route)
        return self._poll_clients[route]

    @cached_property
    def _submit_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(SUBMITTERS, thread_name_prefix="submit")

    @cached_property
    def _poll_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(POLLERS, thread_name_prefix="poll")

    # -- for the caller

    def acquire(self) -> bool:
        """Become the lane's pump. Return False while another one lives."""
        self._is_leased = take_lease(self.lane, self.owner)
        return self._is_leased

    def tick(self, seconds: float = TICK_SECONDS) -> bool:
        """Do what is due, then wait for an answer for at most `seconds`. Return False if the lease
        is lost."""
        now = time.monotonic()
        if now - self._renewed >= RENEW_SECONDS:
            self._renewed = now
            if self._is_leased and not take_lease(self.lane, self.owner):
                return False
            self._beat()
        if now - self._reaped >= REAP_SECONDS:
            self._reaped = now
            reap(self.lane, {claim.submission.token for claim in self._submits.values()})
        self._rehearse()
        if self._may_submit:
            self._submit()
        self._poll()
        self._collect(seconds)
        return True

    def close(self) -> None:
        """Wait for the answers to the submissions in flight, because they are worth money, and give
        the lane back. A submission that is never answered is settled by orphans.py. Nobody waits
        for polls, which are free."""
        end = time.monotonic() + patience().total_seconds()
        while self._submits and time.monotonic() < end:
            self._collect(TICK_SECONDS)
        for name in ("_submit_threads", "_poll_threads"):
            if name in self.__dict__:
                self.__dict__[name].shutdown(wait=False, cancel_futures=True)
        self._count_polls()
        if self._is_leased:
            release_lease(self.lane, self.owner)

    def has_work(self, *, within_seconds: float | None = None) -> bool:
        """Whether something can happen without a person, with `within_seconds` only so soon."""
        if self._renders(State.SUBMITTING, State.RUNNING).exists():
            return True
        queued = self._renders(State.QUEUED)
        lane = Lane.objects.get(pk=self.lane.pk)
        rehearsals = queued.filter(kind=VideoRender.Kind.REHEARSAL)
        if lane.paused_at:
            return rehearsals.exists()
        if within_seconds is not None:
            soon = timezone.now() + timedelta(seconds=within_seconds)
            send_time = find_next_send_time(lane)
            if send_time and send_time.at and send_time.at > soon:
                return rehearsals.exists()
            due = over("not_before", soon, longest=LONGEST_TOLD)
            queued = queued.filter(Q(not_before=None) | due)
        return queued.exists()

    # -- one step each

    def _renders(self, *states: str) -> RenderQuerySet:
        renders = VideoRender.objects.open().filter(lane=self.lane, state__in=states)
        return renders if self.scope is None else renders.filter(pk__in=self.scope)

    def _beat(self) -> None:
        """Write the heartbeat: somebody works on these renders. Rows that others are writing are
        skipped, because waiting for them in another order than theirs could be a deadlock. A lost
        heartbeat does no harm."""
        with suppress(OperationalError), transaction.atomic():
            rows = self._renders(State.RUNNING, State.DOWNLOADING).order_by("pk")
            if connection.features.has_select_for_update_skip_locked:
                ids = rows.select_for_update(skip_locked=True, no_key=True).values_list(
                    "pk", flat=True
                )
                rows = VideoRender.objects.filter(pk__in=list(ids))
            rows.order_by().update(beat_at=timezone.now())
        self._count_polls()

    def _count_polls(self) -> None:
        """Add the polls since the last time to the lane's row, from which ops/metrics.py reads
        them. What cannot be written is not counted."""
        took, self._poll_seconds = self._poll_seconds, []
        if took:
            with suppress(OperationalError):
                Lane.objects.filter(pk=self.lane.pk).update(
                    polls=F("polls") + len(took), poll_seconds=F("poll_seconds") + sum(took)
                )

    def _rehearse(self) -> None:
        rehearsals = self._renders(State.QUEUED).filter(kind=VideoRender.Kind.REHEARSAL)
        rehearse(rehearsals.order_by("pk")[:500])

    def _submit(self) -> None:
        idle = SUBMITTERS - len(self._submits)
        if not self._is_warm:
            # The first one goes alone, so that a wrong key or a used-up quota is met once and not
            # eight times.
            waits = self._submits and time.monotonic() - self._sent < WARM_UP_SECONDS
            idle = 0 if waits else 1 if not self._submits else idle
        rests = time.monotonic() < self._rests_until
        if idle <= 0 or rests:
            return
        waiting = queued_renders(self.lane, self.scope).order_by()
        routes = list(waiting.values_list("route", flat=True).distinct())
        if not routes:
            return
        try:
            # This comes before the claim: without a key there is no client, and without a sign-in
            # no token.
            if not self._submitters.are_ready(routes, self._submit_threads, TICK_SECONDS):
                return
        except VeoError as error:
            if error.stops_queue:
                pause_lane(self.lane, error)
            else:
                logger.warning("%s: %s", self.lane, error.sentence)
            self._rests_until = time.monotonic() + REST_SECONDS
            return
        claims = claim_renders(self.lane, owner=self.owner, limit=idle, scope=self.scope)
        for claim in claims:
            try:
                client = self._submitters.client(claim.render.route)
            except VeoError as error:
                apply_submit_error(claim.submission, error)
                continue
            future = self._submit_threads.submit(_send, client, claim)
            self._submits[future] = claim
            self._sent = time.monotonic()
        if not claims:
            self._rest()

    def _rest(self) -> None:
        """Do not look for renders to claim before there is room, if it is known when."""
        lane = Lane.objects.get(pk=self.lane.pk)
        send_time = find_next_send_time(lane)
        seconds = REST_SECONDS if lane.paused_at else 0.0
        if send_time and send_time.at and not lane.paused_at:
            seconds = (send_time.at - timezone.now()).total_seconds()
        self._rests_until = time.monotonic() + min(seconds, REST_SECONDS)

    def _poll(self) -> None:
        submits = self._submits and time.monotonic() - self._sent < SUBMITTING_SECONDS
        idle = (POLLS_BESIDE_SUBMITTING if submits else POLLERS) - len(self._polls)
        if idle <= 0:
            return
        due = (
            self._renders(State.RUNNING)
            .filter(due_for_a_poll())
            .exclude(pk__in=[render.pk for render in self._polls.values()])
            .only(*_POLLED)
            .order_by("next_poll_at")
        )
        for render in due[:idle]:
            try:
                client = self._poll_client(render.route)
            except VeoError as error:
                apply_poll_error(render, error)
                continue
            future = self._poll_threads.submit(self._timed_poll, client, render.operation_name)
            self._polls[future] = render

    def _timed_poll(self, client: VideoClient, operation_name: str) -> PollAnswer:
        began = time.monotonic()
        try:
            return client.poll(operation_name)
        finally:
            self._poll_seconds.append(time.monotonic() - began)

    def _collect(self, seconds: float) -> None:
        """Wait at most `seconds` for answers, then write what they mean."""
        futures: list[Future[Any]] = [*self._submits, *self._polls]
        if not futures:
            time.sleep(seconds)
            return
        done, _ = wait(futures, timeout=seconds, return_when=FIRST_COMPLETED)
        if done:
            done, _ = wait(futures, timeout=GATHER_SECONDS)
        if submitted := {future: self._submits[future] for future in done & self._submits.keys()}:
            persistently(lambda: self._settle(submitted))
            for future in submitted:
                del self._submits[future]
        answered = {future: self._polls.pop(future) for future in done & self._polls.keys()}
        if answered:
            persistently(lambda: self._apply_polls(answered))

    def _settle(self, submitted: dict[Future[str], Claim]) -> None:
        self._is_warm = all(future.exception() is None for future in submitted)
        accepted = {}
        for future, claim in submitted.items():
            try:
                accepted[claim.submission.token] = future.result()
            except VideogenError as error:
                apply_submit_error(claim.submission, error)
            except Exception as error:
                # A bug between claim and answer: nobody knows whether the call was sent.
                logger.exception("%s: submission broke", claim.render)
                apply_submit_error(claim.submission, broken_here(error))
        if not accepted:
            return
        try:
            apply_all_accepted(accepted, sdk_version=sdk_version())
        except OperationalError:
            raise
        except DatabaseError:
            # An answer that no row accepts must not stop the others. It is in the journal.
            for token, operation_name in accepted.items():
                try:
                    apply_accepted(token, operation_name)
                except OperationalError:
                    raise
                except DatabaseError:
                    logger.exception("The answer %s cannot be stored", token)

    def _apply_polls(self, answered: dict[Future[PollAnswer], VideoRender]) -> None:
        # By shot, like everybody who changes renders of several shots.
        answers = sorted(answered.items(), key=_shot_of)
        with transaction.atomic():
            VideoRender.objects.filter(pk__in=[render.pk for _, render in answers]).lock()
            written = _apply_usual(answered)
            for future, render in answers:
                if render in written:
                    continue
                try:
                    with transaction.atomic():
                        _apply_poll(future, render, may_submit=self._may_submit)
                except OperationalError:
                    raise
                except DatabaseError as error:
                    # An answer that no row accepts must not stop the others.
                    logger.exception("%s: the answer cannot be stored", render)
                    apply_poll_error(render, broken_here(error))
        links = [render for _, render in answers if render.state == State.DOWNLOADING]
        prefetch_related_objects(links, "shot__scenelet__story")
        if links and self.scope is None:
            self._wake_downloads(len(links))
        for render in links:
            logger.info("%s: download link %s", render, render.download_uri)
            self._on_link(render)

    def _wake_downloads(self, links: int) -> None:
        """Queue tasks for processes that may download. Call it after the commit. A process that
        downloads already needs no task: it looks for the next clip whenever one of its downloads
        ends. So tasks are for further processes of this host, and now and then for other hosts."""
        count = min(links, free_downloaders([self.lane]))
        if not count and time.monotonic() - self._woke < WAKE_SECONDS:
            return
        self._woke = time.monotonic()
        wake_downloads(max(1, count))


def _shot_of(answered: tuple[Future[PollAnswer], VideoRender]) -> tuple[int, int]:
    _, render = answered
    return render.shot_id, render.pk


def _apply_usual(answered: dict[Future[PollAnswer], VideoRender]) -> set[VideoRender]:
    """Write the usual answers together: still running, or made. Return the renders for which that
    was done; if one of them accepts its answer only by itself, it is done for none."""
    running: list[VideoRender] = []
    made: dict[VideoRender, str] = {}
    for future, render in answered.items():
        answer = None if future.exception() else future.result()
        if isinstance(answer, Finished):
            made[render] = answer.uri
        elif answer is not None and is_still_running(render, answer):
            running.append(render)
    try:
        with transaction.atomic():
            if running:
                keep_polling(running)
            if made:
                apply_finished(made)
    except OperationalError:
        raise
    except DatabaseError:
        return set()
    return {*running, *made}


def _apply_poll(future: Future[PollAnswer], render: VideoRender, *, may_submit: bool) -> None:
    try:
        answer = future.result()
    except VeoError as error:
        apply_poll_error(render, error)
    except Exception as error:
        logger.exception("%s: polling broke", render)
        apply_poll_error(render, broken_here(error))
    else:
        apply_poll(render, answer, may_submit=may_submit)


def _send(client: VideoClient, claim: Claim) -> str:
    """Make the paid call and write its answer to disk before anything else. Runs in a thread."""
    token = claim.submission.token
    age = timezone.now() - claim.submission.claimed_at
    if age > timedelta(seconds=settings.VIDEO_SUBMIT_TIMEOUT_SECONDS):
        # This process stood still, or its machine did. Another host may have given the claim up.
        raise claimed_too_long_ago()
    try:
        webhook = webhook_with(token)
        request = load_request(claim.render, token)
        journal.reserve(token)
    except VideogenError:
        raise
    except Exception as error:
        logger.exception("%s: the request could not be made", claim.render)
        raise broken_before(error) from error
    try:
        operation_name = client.submit(request, webhook)
    except BaseException:
        journal.give_up(token)
        raise
    try:
        journal.write_answer(token, operation_name)
    except OSError as error:
        # The answer is not lost yet: the row may still take it.
        logger.error("%s: no journal (%s), operation %s", claim.render, error, operation_name)
    return operation_name


class Submitters:
    """The clients that submit, one for each route."""

    def __init__(self) -> None:
        self._clients: dict[str, VideoClient] = {}
        self._preparing: Future[None] | None = None

    def client(self, route: str) -> VideoClient:
        """Return the route's client. Raises VeoError if its key or project is not set."""
        if route not in self._clients:
            self._clients[route] = open_client(route, submits=True)
        return self._clients[route]

    def are_ready(
        self, routes: Collection[str], threads: ThreadPoolExecutor, seconds: float
    ) -> bool:
        """Sign the clients in. Return False if that still goes on after `seconds`: ask again.
        Raises VeoError if a client cannot send.

        This is done before the claim, because after it a sign-in that hangs would look like a
        submission that hangs.
        """
        clients = [self.client(route) for route in routes]
        if self._preparing is None:
            self._preparing = threads.submit(_prepare, clients)
        if not wait([self._preparing], timeout=seconds).done:
            return False
        prepared, self._preparing = self._preparing, None
        try:
            prepared.result()
        except VeoError:
            # Only a new client notices that somebody has signed in again.
            self._clients.clear()
            raise
        return True


def _prepare(clients: Collection[VideoClient]) -> None:
    for client in clients:
        client.prepare()
