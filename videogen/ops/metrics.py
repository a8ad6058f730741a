"""What /metrics tells, in the text form of Prometheus.

All of it is counted from the rows when it is asked for, so every web process of every host tells
the same. The number of queries does not depend on what the tables hold, and nothing names a story
or a person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from videogen.billing.budget_use import budget_use
from videogen.common.task_queue import running_clusters
from videogen.models import KeptCharge, Lane, Submission, VideoRender
from videogen.models.routes import is_simulating
from videogen.models.states import State, SubmissionOutcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
IN_FLIGHT = (State.SUBMITTING, State.RUNNING)


def metrics() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Rows())
    return generate_latest(registry)


class _Rows:
    """A collector, as prometheus-client calls them."""

    def describe(self) -> list[Metric]:
        """Describe nothing, so that registering the collector counts no rows."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _of_renders()
        yield from _of_lanes()
        yield from _of_submissions()
        yield from _of_money()
        clusters = GaugeMetricFamily("videogen_clusters", "Clusters that report themselves.")
        clusters.add_metric([], len(running_clusters()))
        yield clusters


def _of_renders() -> Iterator[Metric]:
    rows = VideoRender.objects.order_by().values("state", "lane__name")
    counted = list(
        rows.annotate(
            renders=Count("pk"),
            bytes=Sum("byte_size", default=0, filter=~Q(kind=VideoRender.Kind.UPLOAD)),
            oldest=Min("queued_at", filter=Q(state=State.QUEUED)),
        )
    )
    states = GaugeMetricFamily("videogen_renders", "Renders by state.", labels=["state"])
    for state in State.values:
        states.add_metric([state], sum(row["renders"] for row in counted if row["state"] == state))
    yield states
    flying = GaugeMetricFamily(
        "videogen_in_flight", "Operations that are sent and have not ended.", labels=["lane"]
    )
    for lane in sorted({row["lane__name"] for row in counted if row["lane__name"]}):
        of_lane = [row for row in counted if row["lane__name"] == lane]
        flying.add_metric([lane], sum(r["renders"] for r in of_lane if r["state"] in IN_FLIGHT))
    yield flying
    age = GaugeMetricFamily(
        "videogen_queue_age_seconds", "For how long the oldest queued render has been waiting."
    )
    oldest = min((row["oldest"] for row in counted if row["oldest"]), default=None)
    age.add_metric([], (timezone.now() - oldest).total_seconds() if oldest else 0)
    yield age
    received = CounterMetricFamily("videogen_download_bytes", "Bytes of the clips downloaded.")
    received.add_metric([], sum(row["bytes"] for row in counted))
    yield received


def _of_lanes() -> Iterator[Metric]:
    now = timezone.now()
    paused = GaugeMetricFamily(
        "videogen_lane_paused", "1 while a person has to act before it goes on.", labels=["lane"]
    )
    waits = GaugeMetricFamily(
        "videogen_lane_wait_seconds", "For how long the API asked us to wait.", labels=["lane"]
    )
    beat = GaugeMetricFamily(
        "videogen_lane_beat_age_seconds", "Since when no pump has written.", labels=["lane"]
    )
    polls = SummaryMetricFamily(
        "videogen_poll_seconds", "Polls and how long they took.", labels=["lane"]
    )
    for lane in Lane.objects.order_by("name"):
        paused.add_metric([lane.name], bool(lane.paused_at))
        left = (lane.not_before - now).total_seconds() if lane.not_before else 0.0
        waits.add_metric([lane.name], max(0.0, left))
        if lane.beat_at:
            beat.add_metric([lane.name], max(0.0, (now - lane.beat_at).total_seconds()))
        polls.add_metric([lane.name], lane.polls, lane.poll_seconds)
    yield from (paused, waits, beat, polls)


def _of_submissions() -> Iterator[Metric]:
    took = ExpressionWrapper(F("answered_at") - F("claimed_at"), DurationField())
    rows: dict[str, Counter[Any]] = defaultdict(Counter)
    for charges in (
        Submission.objects.filter(render__is_simulated=is_simulating()),
        # Of stories that were wiped since.
        KeptCharge.objects.filter(is_simulated=is_simulating()),
    ):
        for row in (
            charges.order_by()
            .values("outcome")
            .annotate(
                number=Count("pk"),
                usd=Sum("price_usd", default=0),
                answered=Count("answered_at"),
                took=Sum(took),
            )
        ):
            seconds = row["took"].total_seconds() if row["took"] else 0
            numbers = {name: row[name] for name in ("number", "answered")}
            rows[row["outcome"]].update({**numbers, "took": seconds, "usd": float(row["usd"])})
    number = GaugeMetricFamily("videogen_submissions", "Submissions.", labels=["outcome"])
    dollars = GaugeMetricFamily(
        "videogen_submissions_usd", "What they cost, or would have.", labels=["outcome"]
    )
    for outcome in SubmissionOutcome.values:
        number.add_metric([outcome], rows[outcome]["number"])
        dollars.add_metric([outcome], rows[outcome]["usd"])
    answers = SummaryMetricFamily(
        "videogen_submit_seconds", "Answers to submissions and how long they took."
    )
    seconds = sum(row["took"] for row in rows.values())
    answers.add_metric([], sum(row["answered"] for row in rows.values()), seconds)
    yield from (number, dollars, answers)


def _of_money() -> Iterator[Metric]:
    use = budget_use()
    spent = GaugeMetricFamily("videogen_spent_usd", "Charged, or possibly charged.")
    spent.add_metric([], float(use.spent_usd))
    reserved = GaugeMetricFamily("videogen_reserved_usd", "What is queued will cost this.")
    reserved.add_metric([], float(use.reserved_usd))
    yield from (spent, reserved)
    if use.budget_usd is not None:
        left = GaugeMetricFamily("videogen_budget_left_usd", "Left of the budget for everything.")
        left.add_metric([], max(float(use.budget_usd - use.used_usd), 0.0))
        yield left
