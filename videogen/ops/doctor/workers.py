"""The queue: which workers run, what waits, and what for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import ngettext

from videogen.common.formats import moment
from videogen.common.task_queue import oldest_waiting_task, running_clusters
from videogen.lanes.pauses import BY_PERSON, served_lanes
from videogen.lanes.quota import find_next_send_time
from videogen.models import Lane, VideoRender
from videogen.ops.watchdog import overdue_work

from .check import Examination
from .findings import Finding, Topic

WORKERS = Topic("workers", "Workers")
QUEUE = Topic("queue", "Queue")
REDIS = Topic("redis", "Redis")

START = "Start them: manage.py work."
# A schedule picks up waiting work every minute, even if a wake-up was lost.
TOO_LONG = timedelta(minutes=3)


def check_redis(exam: Examination) -> Iterator[Finding]:
    if exam.redis is None:
        return
    if problem := exam.redis_problem():
        yield REDIS.fail(
            f"VIDEO_QUEUE_REDIS_URL names a Redis that does not answer: {problem}. Workers are not "
            "woken, and cannot report that they run.",
            "Start it, or unset VIDEO_QUEUE_REDIS_URL: the database can do its work.",
        )
    else:
        yield REDIS.ok("It answers.")


def check_workers(exam: Examination) -> Iterator[Finding]:
    if exam.redis_problem():
        yield WORKERS.warn(
            "Workers report through Redis, so it is not known whether any run.", "Fix Redis first."
        )
        return
    waiting = VideoRender.objects.open().filter(batch__worked_by="").count()
    clusters = running_clusters()
    if not clusters:
        if waiting:
            yield WORKERS.fail(f"No worker runs, and {_renders(waiting)} for one.", START)
        else:
            yield WORKERS.warn("No worker runs. Nothing waits for one now.", START)
        return
    if reason := overdue_work(since=min(each.since for each in clusters)):
        yield WORKERS.fail(
            f"They run, but make no progress: {reason}.",
            "Restart them. manage.py work notices this by itself and exits with code 70.",
        )
        return
    since = oldest_waiting_task()
    if since and timezone.now() - since > TOO_LONG:
        minutes = (timezone.now() - since).total_seconds() / 60
        yield WORKERS.warn(
            f"A task has waited for {minutes:.0f} minutes: all workers are busy.",
            "Set VIDEO_WORKERS higher if that is often so.",
        )
        return
    told = [f"{each.workers} on {each.host} ({each.status.lower()})" for each in clusters]
    yield WORKERS.ok(f"{', '.join(told)}.")


def check_queue(exam: Examination) -> Iterator[Finding]:
    lanes = served_lanes()
    for lane in lanes:
        yield _state_of(lane, f"{lane.name}: " if len(lanes) > 1 else "")
    if not lanes:
        yield QUEUE.ok("Nothing was sent yet.")


def _state_of(lane: Lane, name: str) -> Finding:
    waiting = VideoRender.objects.queued_in(lane).count()
    told = f"{_renders(waiting)}." if waiting else "Nothing waits."
    if lane.paused_at and lane.pause_code == BY_PERSON:
        return QUEUE.warn(
            f"{name}It is paused. {lane.pause_reason} {told}",
            "Resume it: admin, Lanes, Resume the queue.",
        )
    if lane.paused_at:
        return QUEUE.fail(
            f"{name}The API stopped it. {lane.pause_reason} {told}",
            "Fix that, then resume the queue: admin, Lanes, Resume the queue.",
        )
    send_time = find_next_send_time(lane)
    if send_time and send_time.at and send_time.code and send_time.at > timezone.now():
        return QUEUE.warn(
            f"{name}It waits for quota until {moment(send_time.at)}. {send_time.reason} {told}",
            "Nothing to do: it continues by itself.",
        )
    return QUEUE.ok(f"{name}It is open. {told}")


def ping_redis(seconds: float) -> object:
    """Ask Redis for a sign of life. Raises redis.RedisError and ValueError."""
    from redis import Redis

    url = settings.Q_CLUSTER["redis"]
    with Redis.from_url(url, socket_connect_timeout=seconds, socket_timeout=seconds) as client:
        return client.ping()


def _renders(number: int) -> str:
    return ngettext("%d render waits", "%d renders wait", number) % number
