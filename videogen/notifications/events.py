"""Finds out what other programs are told, and writes it down once; deliver.py sends it.

As with notices, the rows show what happened. This looks at them after detect.py has, so a batch
that has ended has its notice already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from videogen.models import Film, Notice, OutgoingEvent, VideoRender

Type = OutgoingEvent.Type
Review = VideoRender.Review

# Of each kind, at one look. The next look finds the rest.
MOST_AT_ONCE = 200


def write_events(since: datetime) -> int:
    """Write an event of everything that happened `since` and has none. Return how many were
    written."""
    now = timezone.now() if settings.VIDEO_NOTICE_WEBHOOK_URL else None
    events = [
        *_ended_batches(since),
        *_made_takes(since),
        *_reviewed_takes(since),
        *_made_films(since),
    ]
    written = 0
    for event in events:
        event.next_attempt_at = now
        fields = {
            name: getattr(event, name) for name in ("type", "story_id", "data", "next_attempt_at")
        }
        written += OutgoingEvent.objects.get_or_create(key=event.key, defaults=fields)[1]
    return written


def _told(kind: Type, *rest: Any) -> Exists:
    """Whether the row has its event: the key is the type and these columns."""
    parts = [part for each in rest for part in (Value(":"), Cast(each, CharField()))]
    key = Concat(Value(kind.value), *parts, output_field=CharField())
    return Exists(OutgoingEvent.objects.filter(key=key))


def _event(kind: Type, story: int, data: dict[str, Any], *rest: Any) -> OutgoingEvent:
    key = ":".join([kind.value, *map(str, rest)])
    return OutgoingEvent(type=kind, key=key, story_id=story, data=data)


def _ended_batches(since: datetime) -> Iterator[OutgoingEvent]:
    notices = Notice.objects.filter(
        ~_told(Type.BATCH_ENDED, OuterRef("batch_id")),
        kind=Notice.Kind.BATCH_FINISHED,
        batch__isnull=False,
        created_at__gt=since,
    )
    found = list(
        notices.select_related("batch__story").defer("batch__plan").order_by("pk")[:MOST_AT_ONCE]
    )
    states: dict[int, Counter[str]] = {}
    ids = [each.batch_id for each in found]
    rows = VideoRender.objects.filter(batch__in=ids).order_by()
    for pk, state in rows.values_list("batch", "state") if ids else ():
        states.setdefault(pk, Counter())[state] += 1
    for notice in found:
        batch = notice.batch
        if batch is None:
            continue
        data = {
            "batch_id": batch.pk,
            "story_id": batch.story.story_id,
            "mode": batch.mode,
            "renders": dict(sorted(states.get(batch.pk, Counter()).items())),
            "estimated_cost_usd": f"{batch.estimated_cost_usd:.2f}",
            "requested_by": batch.requested_by_name,
        }
        yield _event(Type.BATCH_ENDED, batch.story_id, data, batch.pk)


def _made_takes(since: datetime) -> Iterator[OutgoingEvent]:
    takes = _takes().filter(~_told(Type.TAKE_MADE, OuterRef("pk")), ended_at__gt=since)
    for take in takes.order_by("ended_at", "pk")[:MOST_AT_ONCE]:
        yield _event(Type.TAKE_MADE, take.shot.scenelet.story_id, take_facts(take), take.pk)


def _reviewed_takes(since: datetime) -> Iterator[OutgoingEvent]:
    takes = _takes().filter(reviewed_at__gt=since)
    found = {}
    for take in takes.filter(review__in=[Review.APPROVED, Review.REJECTED]).order_by(
        "-reviewed_at"
    )[:MOST_AT_ONCE]:
        approved = take.review == Review.APPROVED
        data = take_facts(take) | {"reviewed_by": take.reviewed_by_name}
        if not approved:
            data |= {
                "reasons": [each.value for each in take.rejected_for],
                "words": take.review_reason,
            }
        kind = Type.TAKE_APPROVED if approved else Type.TAKE_REJECTED
        when = take.reviewed_at.isoformat() if take.reviewed_at else ""
        event = _event(kind, take.shot.scenelet.story_id, data, take.pk, when)
        found[event.key] = event
    yield from _untold(found)


def _made_films(since: datetime) -> Iterator[OutgoingEvent]:
    films = Film.objects.filter(made_at__gt=since, status=Film.Status.DONE).exclude(file="")
    films = films.filter(manifest_sha256=F("wanted_sha256"))
    rows = films.select_related("story", "ending").defer("manifest").order_by("-made_at")
    found = {}
    for film in rows[:MOST_AT_ONCE]:
        data = {
            "film_id": film.pk,
            "story_id": film.story.story_id,
            "ending": film.ending.scenelet_id,
            "seconds": film.seconds,
            "bytes": film.byte_size,
            "sha256": film.sha256,
        }
        event = _event(Type.FILM_MADE, film.story_id, data, film.pk, film.sha256)
        found[event.key] = event
    yield from _untold(found)


def _untold(found: dict[str, OutgoingEvent]) -> Iterator[OutgoingEvent]:
    told = set()
    if found:
        told = set(OutgoingEvent.objects.filter(key__in=found).values_list("key", flat=True))
    # The oldest first.
    yield from (event for key, event in reversed(found.items()) if key not in told)


def _takes() -> QuerySet[VideoRender]:
    rows = VideoRender.objects.filter(state=VideoRender.State.DONE)
    rows = rows.exclude(kind=VideoRender.Kind.REHEARSAL).without_heavy_columns()
    return rows.select_related("shot__scenelet__story").defer("shot__storyboard_payload")


def take_facts(take: VideoRender) -> dict[str, Any]:
    shot = take.shot
    return {
        "render_id": take.pk,
        "take": take.take,
        "kind": take.kind,
        "batch_id": take.batch_id,
        "story_id": shot.scenelet.story.story_id,
        "scenelet_id": shot.scenelet.scenelet_id,
        "shot_id": shot.pk,
        "shot_index": shot.shot_index,
        "code": shot.code,
        "is_simulated": take.is_simulated,
    }
