"""Leases of lost hosts that end too late.

A lease ends at a moment. If the clocks were set back since it was written, or if the clock of its
holder was ahead, that moment may be hours away, and everybody would wait that long for a host that
is lost. So the watchdog also counts by a clock that cannot be set. Whoever lives renews its lease:
one that stays as it is for its whole length is given back.

A holder whose clock is ahead is not robbed of its lease that way. Two hosts whose clocks differ
would otherwise take everything from each other, for ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from videogen.common.task_queue import wake_downloads, wake_films, wake_pump, wake_sender
from videogen.films.film_worker import FILM_LEASE
from videogen.lanes.leases import PUMP_LEASE
from videogen.models import Film, Lane, Notice, OutgoingEvent, Submission, VideoRender
from videogen.notifications.deliver import BROKE_OFF
from videogen.notifications.deliver import LEASE as MESSAGE_LEASE
from videogen.pipeline.orphans import patience, settle
from videogen.takes.download_worker import DOWNLOAD_LEASE

logger = logging.getLogger(__name__)

# A model and a primary key.
Row = tuple[type[models.Model], Any]


@dataclass(frozen=True)
class _Lease:
    """One kind of lease. held: which rows have one. until: the column of the moment at which it
    ends. free: the columns of a row whose lease was given back."""

    model: type[models.Model]
    held: Q
    until: str
    length: timedelta
    free: dict[str, Any]
    wake: Callable[[], None]


def _leases(now: datetime) -> Iterator[_Lease]:
    of_lane = {"lease_owner": "", "lease_expires_at": None}
    yield _Lease(Lane, ~Q(lease_owner=""), "lease_expires_at", PUMP_LEASE, of_lane, wake_pump)
    yield _Lease(
        VideoRender,
        Q(ended_at=None, state=VideoRender.State.DOWNLOADING) & ~Q(downloader=""),
        "download_lease_until",
        DOWNLOAD_LEASE,
        {"downloader": "", "download_lease_until": None},
        lambda: wake_downloads(1),
    )
    yield _Lease(
        Film,
        Q(status=Film.Status.RENDERING) & ~Q(worker=""),
        "lease_until",
        FILM_LEASE,
        {"worker": "", "lease_until": None},
        wake_films,
    )
    for model in (Notice, OutgoingEvent):
        yield _Lease(
            model,
            Q(last_error=BROKE_OFF),
            "next_attempt_at",
            MESSAGE_LEASE,
            {"next_attempt_at": now},
            wake_sender,
        )


class LostLeases:
    """Remembers the leases that end later than any that is written now, and gives back those that
    nobody renews. clock: seconds of a clock that is never set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By row: when its lease ends, and since when it has been seen so. Before this look, and in
        # it: what is over is forgotten.
        self._before: dict[Row, tuple[datetime, float]] = {}
        self._seen: dict[Row, tuple[datetime, float]] = {}

    def give_back(self) -> None:
        """Look at all leases; call it every few seconds."""
        self._before, self._seen = self._seen, {}
        now = timezone.now()
        for lease in _leases(now):
            every: models.QuerySet[Any] = models.QuerySet(lease.model)
            rows = every.filter(lease.held)
            late = rows.filter(**{f"{lease.until}__gt": now + lease.length})
            for pk, until in late.values_list("pk", lease.until):
                if not self._stays((lease.model, pk), until, lease.length):
                    continue
                if rows.filter(pk=pk, **{lease.until: until}).update(**lease.free):
                    logger.warning(
                        "The lease of %s %s would end at %s, and nobody renews it: given back.",
                        lease.model._meta.verbose_name,
                        pk,
                        until,
                    )
                    lease.wake()
        self._settle_claims(now)

    def _settle_claims(self, now: datetime) -> None:
        """A claim has no lease. It is lost if its call must have been answered by now."""
        claims = Submission.objects.filter(
            outcome=Submission.Outcome.CLAIMED, claimed_at__gt=now
        ).select_related("render__shot__scenelet__story", "lane")
        lost = [
            each
            for each in claims
            if self._stays((Submission, each.pk), each.claimed_at, patience())
        ]
        if lost:
            settle(lost)

    def _stays(self, row: Row, until: datetime, length: timedelta) -> bool:
        """Whether the row has been as it is now for so long."""
        was, since = self._before.get(row, (None, 0.0))
        if was != until:
            since = self._clock()
        self._seen[row] = until, since
        return self._clock() - since >= length.total_seconds()
