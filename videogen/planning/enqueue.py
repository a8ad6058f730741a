"""A plan becomes rows: one batch, one render per new attempt, and what is to be resumed goes on.

Every door comes here. Rows first; the pipeline takes them from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from storybook.models import Shot, Story
from videogen.billing.budgets import lock_budgets
from videogen.catalog.options import RequestSettings
from videogen.common.task_queue import wake_downloads, wake_pump
from videogen.lanes.pauses import lane_of, resume_after_refusal
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.prompts.fingerprints import hashes_of
from videogen.takes.reviews import approved_take_of, lock_shot

from .modes import Action, Decision, decide
from .plan import Plan, ShotPlan, with_situations_of_now, within_budgets
from .shot_status import Situation

State = VideoRender.State


@dataclass(frozen=True)
class QueuedBatch:
    """`rows`: the plan's rows, each with the render that stands for it now (or None); `plan`: as
    it was queued."""

    batch: RenderBatch
    rows: tuple[tuple[ShotPlan, int | None], ...]
    render_ids: frozenset[int] = field(default_factory=frozenset)
    plan: Plan | None = None


def queue_renders(
    plan: Plan,
    requester: Requester,
    *,
    task: str,
    filters: dict[str, Any] | None = None,
    worked_by: str = "",
    wake: bool = True,
    batch: RenderBatch | None = None,
    priority: int = RenderBatch.Priority.NORMAL,
) -> QueuedBatch:
    """Store the plan as a batch and queue what it decides, all or nothing.

    The shots' situations are read once more under the story's lock: of two people who queue the
    same shot at the same moment, the second one's row becomes "already running". The budgets are
    read once more too, under their lock: here is where money is reserved.
    worked_by: the process that will work the batch itself; wake: whether a cluster is told;
    batch: the row to be filled, a draft that was just confirmed; None: a new one, of that priority.
    """
    with transaction.atomic():
        Story.objects.select_for_update().get(pk=plan.story.pk)
        lock_budgets()
        plan = within_budgets(with_situations_of_now(plan), requester.person)
        batch = _store_batch(batch, plan, requester, task, filters, worked_by, priority)
        lane = lane_of(plan.request.backend)
        created = _create_renders(plan, batch, lane, requester)
        asks_again = plan.count(Action.GENERATE) or any(
            row.situation == Situation.IN_FLIGHT for row in plan.rows
        )
        if asks_again and plan.mode != RenderBatch.Mode.DRY_RUN:
            resume_after_refusal(lane)
        resumed = {
            row.shot.pk: row.cause.pk
            for row in plan.rows
            if row.decision.action in (Action.RESUME, Action.DOWNLOAD) and _resume(row)
        }
        rows = tuple(
            (row, created.get(row.shot.pk) or resumed.get(row.shot.pk) or _cause_pk(row))
            for row in plan.rows
        )
        # What a take was made with is asked when the story has changed: see outdated.py.
        made_with = {"uses_key_frames": settings.VIDEO_USE_KEY_FRAMES}
        batch.plan = [
            plan_record(row, render_id) | (made_with if row.is_new else {})
            for row, render_id in rows
        ]
        batch.save(update_fields=["plan"])
        if worked_by and resumed:
            # Whoever asked first is gone: this process works on them now.
            RenderBatch.objects.filter(renders__in=resumed.values()).update(worked_by=worked_by)
        if wake and (created or resumed or asks_again):
            wake_pump()
            wake_downloads(plan.count(Action.DOWNLOAD))
    return QueuedBatch(batch, rows, frozenset({*created.values(), *resumed.values()}), plan)


def queue_link(
    plan: Plan, link: str, requester: Requester, *, task: str, worked_by: str = ""
) -> QueuedBatch:
    """A render that only downloads what lies behind `link`, for the plan's only shot: nothing is
    submitted or paid. A locked shot gets no new take: its row is skipped, nothing is queued."""
    story = plan.story
    [row] = plan.rows
    with transaction.atomic():
        Story.objects.select_for_update().get(pk=story.pk)
        lock_shot(row.shot.pk)
        if approved := approved_take_of(row.shot.pk):
            decision = decide(Situation.APPROVED, plan.mode)
            row = replace(row, cause=approved, decision=decision)
        else:
            row = replace(row, decision=_LINK_DECISION)
        batch = RenderBatch.objects.create(
            story=story,
            task=task,
            mode=plan.mode,
            door=requester.door,
            filters={"video_download_link": link},
            counts={row.decision.action.value: 1},
            requested_by=requester.user,
            requested_by_name=requester.name,
            worked_by=worked_by,
        )
        if not approved:
            row = replace(row, cause=_create_link_render(plan, row.shot, batch, link, requester))
            if not worked_by:
                wake_downloads(1)
        render_id = row.cause.pk
        batch.plan = [plan_record(row, render_id)]
        batch.save(update_fields=["plan"])
    return QueuedBatch(
        batch, ((row, render_id),), frozenset() if approved else frozenset({render_id})
    )


def _create_link_render(
    plan: Plan, shot: Shot, batch: RenderBatch, link: str, requester: Requester
) -> VideoRender:
    return VideoRender.objects.create(
        shot=shot,
        batch=batch,
        lane=lane_of(plan.request.backend),
        kind=VideoRender.Kind.LINK,
        mode=plan.mode,
        requested_by=requester.user,
        requested_by_name=requester.name,
        state=State.DOWNLOADING,
        download_uri=link,
        is_link_given=True,
        rendered_at=timezone.now(),
        **request_fields(plan.request)
        | {"price_estimate_usd": Decimal(0), "price_source": "free: nothing is submitted"},
    )


_LINK_DECISION = Decision(Action.DOWNLOAD, "download link given")


def _store_batch(
    batch: RenderBatch | None,
    plan: Plan,
    requester: Requester,
    task: str,
    filters: dict[str, Any] | None,
    worked_by: str,
    priority: int,
) -> RenderBatch:
    values = {
        "story": plan.story,
        "task": task,
        "mode": plan.mode,
        "door": requester.door,
        "filters": filters or {},
        "counts": plan.counts,
        "estimated_cost_usd": plan.cost_usd,
        "model": plan.request.chosen_model,
        "over_budget": plan.over_budget,
        "requested_by": requester.user,
        "requested_by_name": requester.name,
        "worked_by": worked_by,
        # A draft is asked for when it is confirmed.
        "created_at": timezone.now(),
    }
    if batch is None:
        return RenderBatch.objects.create(**values, priority=priority)
    for name, value in values.items():
        setattr(batch, name, value)
    batch.save(update_fields=values)
    return batch


def _create_renders(
    plan: Plan, batch: RenderBatch, lane: Lane, requester: Requester
) -> dict[int, int]:
    """By shot: the render that was queued for it."""
    shared = request_fields(plan.request)
    renders = [
        VideoRender(
            shot=row.shot,
            batch=batch,
            lane=lane,
            kind=(
                VideoRender.Kind.REHEARSAL
                if row.decision.action == Action.REHEARSE
                else VideoRender.Kind.GENERATION
            ),
            mode=plan.mode,
            requested_by=requester.user,
            requested_by_name=requester.name,
            prompt_text=row.prompt.text,
            prompt_tokens=row.prompt.tokens,
            references=[pick.as_dict() for pick in row.selection.picks],
            dropped_references=[dropped.as_dict() for dropped in row.selection.dropped],
            warnings=list(row.warnings),
            **shared,
        )
        for row in plan.rows
        if row.is_new
    ]
    for render in renders:
        vars(render).update(hashes_of(render))
    VideoRender.objects.bulk_create(renders)
    return {render.shot_id: render.pk for render in renders}


def request_fields(request: RequestSettings) -> dict[str, Any]:
    """Of a render: what it is to be sent with, and the price under which it is queued."""
    return {
        **request.sent,
        "backend": request.backend,
        "route": request.route,
        "price_estimate_usd": request.price_usd or Decimal(0),
        "price_source": request.price.source if request.price else "",
        "is_simulated": request.is_simulated,
    }


def _resume(row: ShotPlan) -> bool:
    """Bring the row's render back into the pipeline: polling or downloading, never submitting."""
    render = row.cause
    is_live = render.is_stale
    if row.decision.action == Action.RESUME:
        won = render.resume_polling(State.RUNNING if is_live else State.INTERRUPTED)
    else:
        won = render.restart_download(State.DOWNLOADING if is_live else State.NOT_DOWNLOADED)
    if is_live and not won:
        # A worker has come back to it meanwhile: it goes on all the same.
        return VideoRender.objects.filter(pk=render.pk, state=render.state).exists()
    return won


def _cause_pk(row: ShotPlan) -> int | None:
    """A skipped row is described by the render that causes the skip."""
    return row.cause.pk if row.cause and row.decision.action == Action.SKIP else None


def plan_record(row: ShotPlan, render_id: int | None) -> dict[str, Any]:
    return {
        "shot": row.shot.pk,
        "scenelet_id": row.shot.scenelet.scenelet_id,
        "shot_index": row.shot.shot_index,
        "decision": row.decision.action.value,
        "reason": row.decision.reason,
        "render": render_id,
    }


def renders_of(ids: Iterable[int]) -> dict[int, VideoRender]:
    return VideoRender.objects.select_related("shot__scenelet", "lane").in_bulk(ids)
