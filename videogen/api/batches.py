"""Batches: made from a plan that was seen, watched, and cancelled."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Query, Router
from pydantic import Field

from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.states import OPEN
from videogen.planning.batch_actions import cancel_queued
from videogen.planning.drafts import confirm_batch, draft_batches, set_options, set_priority
from videogen.planning.modes import WORK

from .access import GENERATE, READ, SEE_BATCHES, SPEND, person_of, requester_of, rights
from .audit import note
from .fields import In, Key, Moment, Money, Name, Out, money
from .idempotency import IdempotencyKey, made, once
from .pages import Page, PageQuery, read_page
from .plans import Mode, PlanRequest, options_of, plan_of, shortage_out, targets_of
from .problems import ApiProblem, of_error

router = Router(tags=["batches"])

MOST_WAIT_SECONDS = 30
LOOK_SECONDS = 0.5
# So many requests of a process may wait at once. One more is answered at once, so that those who
# wait do not take all threads of the server.
MOST_WAITING = 8
_waiting = threading.BoundedSemaphore(MOST_WAITING)


class Priority(StrEnum):
    """The batch's place in the queue. The members have the names of the stored ones."""

    FIRST = "first"
    NORMAL = "normal"
    LATER = "later"


class BatchRequest(PlanRequest):
    fingerprint: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Of the plan that was seen. If the plan is another one now, nothing is queued.",
    )
    priority: Priority = Priority.NORMAL
    stops_when_approved: bool = Field(
        False, description="What is not sent of a shot is cancelled once a take is approved."
    )


class BatchQuery(PageQuery):
    story_id: Name | None = None
    mode: Mode | None = None


class WaitQuery(In):
    wait: int = Field(
        0,
        ge=0,
        le=MOST_WAIT_SECONDS,
        description="Seconds to wait for the batch to end before it is answered.",
    )


class BatchRowOut(Out):
    shot_id: int
    scenelet_id: str
    shot_index: int
    decision: str
    reason_code: str
    reason: str
    render_id: int | None


class BatchOut(Out):
    id: int = Field(description="For addresses.")
    number: int = Field(description="What the screens and messages call it.")
    story_id: str
    mode: str
    door: str = Field(description="Through which it was asked for: command, admin or api.")
    model: str | None = Field(description="Null, here and in the next four: as the story has it.")
    resolution: str | None
    aspect_ratio: str | None
    duration_seconds: int | None
    prompt_profile: PromptProfile | None
    priority: Priority
    over_budget: str
    takes_per_shot: int
    stops_when_approved: bool
    counts: dict[str, int] = Field(description="How many shots had which decision.")
    estimated_cost_usd: Money
    requested_by: str
    created_at: Moment
    is_ended: bool = Field(description="None of its renders is queued or in flight.")
    ended_at: Moment | None
    renders: dict[str, int] = Field(description="How many of its renders have which status.")


class BatchDetailOut(BatchOut):
    rows: list[BatchRowOut] = Field(description="The plan as it was queued.")


class BatchPage(Page):
    items: list[BatchOut]


class CancelledOut(Out):
    cancelled: int = Field(description="How many were not sent yet. What was sent goes on.")


@router.get("/batches", response=BatchPage, **rights(READ, SEE_BATCHES))
def list_batches(request: HttpRequest, query: Query[BatchQuery]) -> BatchPage:
    """List the batches, the newest first."""
    rows = _confirmed()
    if query.story_id is not None:
        rows = rows.filter(story__story_id=query.story_id)
    if query.mode is not None:
        rows = rows.filter(mode=query.mode)
    found, cursor = read_page(rows, query)
    return BatchPage(items=[_out(*each) for each in _with_renders(found)], next_cursor=cursor)


@router.get("/batches/{id}", response=BatchDetailOut, **rights(READ, SEE_BATCHES))
def get_batch(request: HttpRequest, id: Path[Key], query: Query[WaitQuery]) -> BatchDetailOut:
    """Tell where a batch stands. With `wait`, the answer comes when the batch has ended, or after
    so many seconds."""
    batch = _find(id)
    [(batch, renders)] = _with_renders([batch])
    if query.wait and _is_open(renders) and _waiting.acquire(blocking=False):
        try:
            renders = _wait(batch, renders, query.wait)
        finally:
            _waiting.release()
    return _detail(batch, renders)


@router.post("/batches", response={201: BatchDetailOut}, **rights(SPEND, GENERATE))
def create_batch(request: HttpRequest, body: BatchRequest, key: IdempotencyKey) -> HttpResponse:
    """Queue the plan that was seen. It may cost money: what the plan says, and never more. Where
    the budgets have no room for any of it, the answer says what it costs, what is left, and what
    would be cheaper."""

    def make() -> HttpResponse:
        batch = _queue(body, requester_of(request))
        note(request, batch, "Confirmed the plan.", is_new=True)
        [(batch, renders)] = _with_renders([batch])
        return made(201, _detail(batch, renders), f"/api/v1/batches/{batch.pk}")

    return once(request, key, make)


@router.post("/batches/{id}/cancel", response=CancelledOut, **rights(SPEND, GENERATE))
def cancel_batch(request: HttpRequest, id: Path[Key]) -> CancelledOut:
    """Cancel the renders of a batch that were not sent yet. They cost nothing."""
    batch = _find(id)
    with transaction.atomic():
        cancelled = cancel_queued(batch, person_of(request))
        note(request, batch, f"Cancelled {cancelled} queued renders.")
    return CancelledOut(cancelled=cancelled)


def _queue(body: BatchRequest, requester: Requester) -> RenderBatch:
    """Make a draft and confirm it, as a person does on the plan's page."""
    story, shots = targets_of(body)
    try:
        with transaction.atomic():
            [draft] = draft_batches(shots, body.mode.value, requester)
            set_options(
                draft,
                **options_of(body, story),
                over_budget=body.over_budget.value,
                skips_repeats=body.skip_repeats,
                takes_per_shot=body.takes_per_shot,
                stops_when_approved=body.stops_when_approved,
            )
            set_priority(draft, RenderBatch.Priority[body.priority.name].value)
            return confirm_batch(draft, requester, seen=body.fingerprint).batch
    except RequestError as error:
        raise _refusal(error, body, requester) from error


def _refusal(error: RequestError, body: BatchRequest, requester: Requester) -> ApiProblem:
    if error.code != "over_budget":
        return of_error(error)
    shortage = shortage_out(plan_of(body, requester).shortage)
    return of_error(error, shortage=shortage.model_dump() if shortage else None)


# -- what is told ----------------------------------------------------------------------------------


def _confirmed() -> QuerySet[RenderBatch]:
    rows = RenderBatch.objects.filter(status=RenderBatch.Status.CONFIRMED)
    return rows.select_related("story")


def _find(pk: int) -> RenderBatch:
    batch = _confirmed().filter(pk=pk).first()
    if batch is None:
        raise Http404
    return batch


Renders = list[VideoRender]


def _with_renders(batches: Collection[RenderBatch]) -> list[tuple[RenderBatch, Renders]]:
    """Return each batch with the renders that it made or resumed. Makes one query."""
    worked = {batch.pk: set(_worked(batch)) for batch in batches}
    everywhere = {pk for pks in worked.values() for pk in pks}
    found: dict[int, Renders] = defaultdict(list)
    for render in _told(Q(batch__in=batches) | Q(pk__in=everywhere)):
        for batch in batches:
            if render.batch_id == batch.pk or render.pk in worked[batch.pk]:
                found[batch.pk].append(render)
    return [(batch, found[batch.pk]) for batch in batches]


def _worked(batch: RenderBatch) -> Iterable[int]:
    return (
        record["render"]
        for record in batch.plan
        if record.get("render") and record.get("decision") in WORK
    )


def _told(condition: Q) -> QuerySet[VideoRender]:
    return VideoRender.objects.filter(condition).only(
        "batch", "state", "state_since", "beat_at", "ended_at"
    )


def _is_open(renders: Renders) -> bool:
    return any(each.state in OPEN for each in renders)


def _wait(batch: RenderBatch, renders: Renders, seconds: int) -> Renders:
    end = time.monotonic() + seconds
    keys = [each.pk for each in renders]
    while _is_open(renders) and (left := end - time.monotonic()) > 0:
        # Others may want the connection of a pool meanwhile.
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(LOOK_SECONDS, left))
        renders = list(_told(Q(pk__in=keys)))
    return renders


def _out(batch: RenderBatch, renders: Renders) -> BatchOut:
    return BatchOut(**_members(batch, renders))


def _detail(batch: RenderBatch, renders: Renders) -> BatchDetailOut:
    rows = [
        BatchRowOut(
            shot_id=record["shot"],
            scenelet_id=record["scenelet_id"],
            shot_index=record["shot_index"],
            decision=record["decision"],
            # Rows that were queued before there were codes have none.
            reason_code=record.get("code", ""),
            reason=record["reason"],
            render_id=record.get("render"),
        )
        for record in batch.plan
    ]
    return BatchDetailOut(**_members(batch, renders), rows=rows)


def _members(batch: RenderBatch, renders: Renders) -> dict[str, Any]:
    is_ended = not _is_open(renders)
    ends = [each.ended_at for each in renders if each.ended_at]
    return {
        "id": batch.pk,
        "number": batch.number,
        "story_id": batch.story.story_id,
        "mode": batch.mode,
        "door": batch.door,
        "model": batch.model or None,
        "resolution": batch.resolution or None,
        "aspect_ratio": batch.aspect_ratio or None,
        "duration_seconds": batch.duration_seconds,
        "prompt_profile": batch.prompt_profile or None,
        "priority": Priority[RenderBatch.Priority(batch.priority).name],
        "over_budget": batch.over_budget,
        "takes_per_shot": batch.takes_per_shot,
        "stops_when_approved": batch.stops_when_approved,
        "counts": batch.counts,
        "estimated_cost_usd": money(batch.estimated_cost_usd),
        "requested_by": batch.requested_by_name,
        "created_at": batch.created_at,
        "is_ended": is_ended,
        "ended_at": max(ends) if is_ended and ends else None,
        "renders": dict(sorted(Counter(str(each.status) for each in renders).items())),
    }
