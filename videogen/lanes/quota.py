"""The limits of an account: requests in a minute and in a day, US dollars in a rolling window, and
renders at once.

All of them are counted from rows that every worker on every host writes, so a claim, which holds
the lane's lock, can trust the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from videogen.common import pacific_time
from videogen.common.errors import NOT_SENT
from videogen.common.moments import CLOCKS_DIFFER
from videogen.models import KeptCharge, Lane, Submission, VideoRender
from videogen.models.problems import Problem, ProblemCode
from videogen.models.routes import spend_window_usd

from .pauses import is_waiting

State = VideoRender.State
Outcome = Submission.Outcome

MINUTE = timedelta(seconds=60)
# An answer that comes later than this after its claim says nothing about the windows any more.
LATEST_ANSWER = timedelta(days=1)


@dataclass(frozen=True)
class SendTime:
    """When the lane has room for a submission, and what it waits for until then.

    at: a moment that is not after now if there is room already; None if nobody can tell, because
    only the end of a render in flight, or another setting, makes room.
    reason: a sentence for people. code: quota_minute, quota_day, quota_spend, in_flight or a code
    of the API's; "" if there is room.
    """

    at: datetime | None
    reason: str = ""
    code: str = ""

    @property
    def is_tomorrow(self) -> bool:
        """Whether nothing more is sent on this day, as the API counts days."""
        return self.code == "quota_day"


@dataclass(frozen=True)
class RateLimitHeadroom:
    """What a claim may take at this moment: at most `renders` renders, which together cost at most
    `usd`; None if there is no such limit."""

    renders: int
    usd: Decimal | None


def rate_limit_headroom(lane: Lane, now: datetime) -> RateLimitHeadroom:
    """Return what the account has room for now. Exact only under the lane's lock. Makes at most
    five queries."""
    sent = _Sent(lane, now)
    limits = [settings.VIDEO_MAX_IN_FLIGHT - _in_flight(lane)]
    if settings.VIDEO_SUBMISSIONS_PER_MINUTE is not None:
        limits.append(settings.VIDEO_SUBMISSIONS_PER_MINUTE - len(sent.since(MINUTE)))
    if settings.VIDEO_SUBMISSIONS_PER_DAY is not None:
        limits.append(settings.VIDEO_SUBMISSIONS_PER_DAY - _sent_today(lane, now))
    window = spend_window_usd(lane.name)
    usd = None if window is None else window - sum(sent.costs().values())
    return RateLimitHeadroom(min(limits), usd)


def find_send_time(lane: Lane, price: Decimal) -> SendTime:
    """Return when a render of that price may be submitted, as things are now and if no other render
    is faster. Whether the lane is paused is not considered. Makes at most five queries.

    `lane` is taken as it is: refresh it from the database if that matters.
    """
    now = timezone.now()
    times = [SendTime(now)]
    if lane.not_before and is_waiting(lane, now):
        times.append(SendTime(lane.not_before, lane.wait_reason, lane.wait_code))
    sent = _Sent(lane, now)
    times += [
        each for each in (_minute_full_until(sent), _window_full_until(lane, sent, price)) if each
    ]
    per_day = settings.VIDEO_SUBMISSIONS_PER_DAY
    if per_day is not None and _sent_today(lane, now) >= per_day:
        reason = f"At most {per_day} a day are sent; the day ends at midnight Pacific time."
        times.append(SendTime(pacific_time.day_ends(now), reason, "quota_day"))
    latest, latest_at = times[0], now
    for each in times:
        if each.at is None:
            return each
        if each.at > latest_at:
            latest, latest_at = each, each.at
    if latest_at <= now and _in_flight(lane) >= settings.VIDEO_MAX_IN_FLIGHT:
        reason = f"At most {settings.VIDEO_MAX_IN_FLIGHT} are in flight at once."
        return SendTime(None, reason, "in_flight")
    return latest


def find_next_send_time(lane: Lane) -> SendTime | None:
    """Return when the next queued render may be sent, or None if nothing is queued. Makes at most
    six queries."""
    queued = VideoRender.objects.queued_in(lane).in_claim_order()
    price = queued.values_list("price_estimate_usd", flat=True).first()
    return None if price is None else find_send_time(lane, price)


def window_problem(backend: str, price: Decimal, *, model: str = "") -> Problem | None:
    """Return why a render of that price would wait for ever, or None. model: is named in the
    sentence."""
    window = spend_window_usd(backend)
    if window is None or price <= window:
        return None
    return Problem(
        ProblemCode.OVER_SPEND_WINDOW,
        {
            "model": model,
            "price": f"{price:.2f}",
            "window": f"{window:.2f}",
            "span": span_in_words(),
        },
    )


def span_in_words() -> str:
    """Return the length of the spend window in words."""
    seconds = settings.VIDEO_SPEND_WINDOW_SECONDS
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


class _Sent:
    """The lane's submissions that may be in one of the API's windows now, sorted by the latest
    moment at which they can have arrived. Makes two queries, or none if there is no window."""

    def __init__(self, lane: Lane, now: datetime) -> None:
        self.now = now
        self._rows: Sequence[tuple[datetime, Decimal, str]] = []
        if spans := _spans(lane):
            self._rows = sorted(
                (answered or min(now, claimed + _time_out()), price, outcome)
                for rows in _arrived_since(lane, now - max(spans))
                for claimed, answered, price, outcome in rows.values_list(
                    "claimed_at", "answered_at", "price_usd", "outcome"
                )
                # Nobody knows when it was sent if the clock was set back since. Should it be in
                # the window, the API says so, which costs nothing.
                if claimed <= now + CLOCKS_DIFFER
            )

    def since(self, span: timedelta) -> list[datetime]:
        """Return when the requests of the last `span` arrived. A refused request counts too."""
        return [at for at, _, _ in self._rows if at > self.now - span]

    def costs(self) -> dict[int, Decimal]:
        """Return the prices in the spend window by the number of the row. A submission that was
        certainly not accepted spends nothing."""
        window = self.now - timedelta(seconds=settings.VIDEO_SPEND_WINDOW_SECONDS)
        return {
            number: price
            for number, (at, price, outcome) in enumerate(self._rows)
            if at > window and outcome != Outcome.REJECTED
        }

    def moment(self, number: int) -> datetime:
        """Return when the submission of that row arrived at the latest."""
        return self._rows[number][0]


def _spans(lane: Lane) -> list[timedelta]:
    spans = []
    if settings.VIDEO_SUBMISSIONS_PER_MINUTE is not None:
        spans.append(MINUTE)
    if spend_window_usd(lane.name) is not None:
        spans.append(timedelta(seconds=settings.VIDEO_SPEND_WINDOW_SECONDS))
    return spans


def _arrived_since(
    lane: Lane, start: datetime
) -> tuple[QuerySet[Submission], QuerySet[KeptCharge]]:
    """The submissions, and those of stories that were wiped since."""
    # The API counts arrivals, and a request arrives at some time between claim and answer. So it
    # may be in the API's window until the window's length after its answer, or, without an answer,
    # after its time-out.
    unanswered = Q(answered_at=None, claimed_at__gt=start - _time_out())
    arrived = Q(answered_at__gt=start) | unanswered
    arrived &= Q(lane=lane, claimed_at__gt=start - LATEST_ANSWER)
    sent = Submission.objects.filter(arrived).exclude(error_code=NOT_SENT)
    return sent, KeptCharge.objects.filter(arrived)


def _time_out() -> timedelta:
    return timedelta(seconds=settings.VIDEO_SUBMIT_TIMEOUT_SECONDS)


def _sent_today(lane: Lane, now: datetime) -> int:
    # Other than in the minute, refused requests are not counted: a wrong count would cost a whole
    # day, and if the API counts them, its own answer says so.
    sent = _arrived_since(lane, pacific_time.day_began(now))
    return sum(rows.exclude(outcome=Outcome.REJECTED).count() for rows in sent)


def _in_flight(lane: Lane) -> int:
    under_way = [State.SUBMITTING, State.RUNNING]
    return VideoRender.objects.open().filter(lane=lane, state__in=under_way).count()


def _minute_full_until(sent: _Sent) -> SendTime | None:
    limit = settings.VIDEO_SUBMISSIONS_PER_MINUTE
    if limit is None:
        return None
    moments = sent.since(MINUTE)
    if len(moments) < limit:
        return None
    at = moments[-limit] + MINUTE if limit else None
    return SendTime(at, f"At most {limit} a minute are sent.", "quota_minute")


def _window_full_until(lane: Lane, sent: _Sent, price: Decimal) -> SendTime | None:
    window = spend_window_usd(lane.name)
    if window is None or not price or price > window:
        return None
    costs = sent.costs()
    spent = sum(costs.values())
    at = None
    for number, cost in costs.items():
        if spent + price <= window:
            break
        spent -= cost
        at = sent.moment(number) + timedelta(seconds=settings.VIDEO_SPEND_WINDOW_SECONDS)
    reason = f"The account lets ${window:.2f} through in {span_in_words()}."
    return SendTime(at, reason, "quota_spend") if at else None
