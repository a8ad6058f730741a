"""Turn a plan into rows: one batch, one render for each new attempt, and renders that are resumed.

The command line, the admin and the API all come here. The pipeline works the rows afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from storybook.models import Shot, Story
from videogen.catalog.options import RequestSettings
from videogen.common.db_retry import again_after_deadlock
from videogen.common.task_queue import wake_downloads, wake_pump
from videogen.lanes.pauses import get_lane, resume_after_refusal
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.prompts.fingerprints import hashes_of
from videogen.takes.reviews import find_approved_take, lock_shot

from .modes import Action, Decision, Reason, decide
from .plan import Plan, ShotPlan, check_price, plan_as_of_now, request_of
from .shot_status import Situation

State = VideoRender.State


@dataclass(frozen=True)
class QueuedBatch:
    batch: RenderBatch
    # The plan's rows, each with the primary key of the render that stands for it now, if any.
    rows: tuple[tuple[ShotPlan, int | None], ...]
    # The renders that are new or resumed.
    render_ids: frozenset[int] = field(default_factory=frozenset)
    # The plan as it was queued.
    plan: Plan | None = None


@again_after_deadlock
def queue_renders(
    plan: Plan,
    requester: Requester,
    *,
    task: str,
    filters: dict[str, Any] | None = None,
    worked_by: str = "",
    wake: bool = True,
    priority: int = RenderBatch.Priority.NORMAL,
) -> QueuedBatch:
    """Store the plan, as of now, as a batch and queue what it decides: all of it or nothing.
    RequestError, and nothing is queued, where the price of the plan was deleted since.

    worked_by: the process that will work the batch itself; wake: whether a cluster is told.
    """
    with transaction.atomic():
        plan = plan_as_of_now(plan, requester.person)
        batch = RenderBatch.asked_by(requester, task=task, filters=filters or {}, priority=priority)
        return queue_locked_plan(plan, batch, requester, worked_by=worked_by, wake=wake)


def queue_locked_plan(
    plan: Plan,
    batch: RenderBatch,
    requester: Requester,
    *,
    worked_by: str = "",
    wake: bool = True,
) -> QueuedBatch:
    """Fill the batch, a new one or a draft that was just confirmed, and queue what the plan
    decides. Call it in a transaction that holds the locks of `lock_planning`, under which the plan
    was made. RequestError where the price of the plan was deleted."""
    if any(row.is_new for row in plan.rows):
        check_price(plan.request)
    _fill_batch(batch, plan, requester, worked_by)
    lane = get_lane(plan.request.backend)
    created = _create_renders(plan, batch, lane)
    asks_again = _asks_again(plan)
    if asks_again:
        # Before the renders that are resumed are locked: whoever pauses the lane holds it and may
        # wait for one of those.
        resume_after_refusal(lane)
    resumed = _resume_renders(plan)
    rows = tuple((row, created.get(_key(row)) or _cause_pk(row)) for row in plan.rows)
    batch.plan = [plan_record(row, render_id) for row, render_id in rows]
    batch.save(update_fields=["plan"])
    if worked_by and resumed:
        # Whoever asked first is gone: this process works on them now.
        RenderBatch.objects.filter(renders__in=resumed).update(worked_by=worked_by)
    if wake and (created or resumed or asks_again):
        wake_pump()
        wake_downloads(plan.count(Action.DOWNLOAD))
    return QueuedBatch(batch, rows, frozenset({*created.values(), *resumed}), plan)


def _key(row: ShotPlan) -> tuple[int, int]:
    return row.shot.pk, row.slot


def _resume_renders(plan: Plan) -> list[int]:
    """Resume what the plan resumes or downloads. Returns the renders that were won."""
    return [
        row.cause.pk
        for row in plan.rows
        if row.decision.action in (Action.RESUME, Action.DOWNLOAD)
        and row.cause
        and _resume(row, row.cause)
    ]


def _asks_again(plan: Plan) -> bool:
    """Whether the plan asks for a video, if only for one that is on its way already. Whoever asks
    wants the queue to go on if a refusal has paused it."""
    if plan.mode == RenderBatch.Mode.DRY_RUN:
        return False
    return bool(plan.count(Action.GENERATE)) or any(
        row.situation == Situation.IN_FLIGHT for row in plan.rows
    )


@again_after_deadlock
def queue_link(
    plan: Plan, link: str, requester: Requester, *, task: str, worked_by: str = ""
) -> QueuedBatch:
    """Queue a render that only downloads the video behind `link`, for the plan's only shot. Nothing
    is submitted or paid. A locked shot gets no new take: its row is skipped."""
    story = plan.story
    [row] = plan.rows
    with transaction.atomic():
        Story.objects.select_for_update(no_key=True).get(pk=story.pk)
        lock_shot(row.shot.pk)
        if approved := find_approved_take(row.shot.pk):
            decision = decide(Situation.APPROVED, plan.mode)
            row = replace(row, cause=approved, decision=decision)
        else:
            row = replace(row, decision=_LINK_DECISION)
        batch = RenderBatch.asked_by(
            requester,
            story=story,
            task=task,
            mode=plan.mode,
            filters={"video_download_link": link},
            counts={row.decision.action.value: 1},
            worked_by=worked_by,
        )
        batch.save()
        if not approved:
            render = _new_link_render(plan, row.shot, batch, link)
            render.save(force_insert=True)
            row = replace(row, cause=render)
            if not worked_by:
                wake_downloads(1)
        render_id = approved.pk if approved else render.pk
        batch.plan = [plan_record(row, render_id)]
        batch.save(update_fields=["plan"])
    return QueuedBatch(
        batch, ((row, render_id),), frozenset() if approved else frozenset({render_id})
    )


def _new_link_render(plan: Plan, shot: Shot, batch: RenderBatch, link: str) -> VideoRender:
    return new_request(
        batch,
        shot,
        get_lane(plan.request.backend),
        plan.request,
        kind=VideoRender.Kind.LINK,
        state=State.DOWNLOADING,
        download_uri=link,
        is_link_given=True,
        rendered_at=timezone.now(),
        price_estimate_usd=Decimal(0),
        price_source="free: nothing is submitted",
        price_id=None,
    )


_LINK_DECISION = Decision(Action.DOWNLOAD, Reason.LINK_GIVEN)


def _fill_batch(batch: RenderBatch, plan: Plan, requester: Requester, worked_by: str) -> None:
    values = {
        "story": plan.story,
        "mode": plan.mode,
        **RenderBatch.requester_columns(requester),
        "counts": plan.counts,
        "estimated_cost_usd": plan.cost_usd,
        "model": plan.request.chosen_model,
        "prompt_profile": plan.request.chosen_profile,
        **plan.request.chosen_format.columns,
        "over_budget": plan.over_budget,
        "worked_by": worked_by,
        "uses_key_frames": plan.uses_key_frames,
        "takes_per_shot": plan.takes_per_shot,
        # A draft is asked for when it is confirmed.
        "created_at": timezone.now(),
    }
    for name, value in values.items():
        setattr(batch, name, value)
    # Somebody may change the place of a draft in the queue at this moment: that is left alone.
    batch.save(update_fields=list(values) if batch.pk else None)


def _create_renders(plan: Plan, batch: RenderBatch, lane: Lane) -> dict[tuple[int, int], int]:
    """Insert the new renders: the first take of every shot, then the second ones, because they are
    claimed in this order. By shot and slot: the primary key."""
    new = sorted((row for row in plan.rows if row.is_new), key=lambda row: row.slot)
    renders = [_new_render(row, batch, lane, plan.request) for row in new]
    VideoRender.objects.bulk_create(renders)
    return {(render.shot_id, render.slot): render.pk for render in renders}


def _new_render(
    row: ShotPlan, batch: RenderBatch, lane: Lane, request: RequestSettings
) -> VideoRender:
    if row.prompt is None:
        raise ValueError(f"{row.shot.code} has no prompt, so nothing new can be sent for it.")
    is_rehearsal = row.decision.action == Action.REHEARSE
    return new_request(
        batch,
        row.shot,
        lane,
        request_of(row, request),
        slot=row.slot,
        copy_of=row.copy_of,
        kind=VideoRender.Kind.REHEARSAL if is_rehearsal else VideoRender.Kind.GENERATION,
        prompt_text=row.prompt.text,
        prompt_tokens=row.prompt.tokens,
        prompt_limit=row.prompt.limit,
        prompt_left_out=[each.as_dict() for each in row.prompt.left_out],
        references=[pick.as_dict() for pick in row.selection.picks],
        dropped_references=[dropped.as_dict() for dropped in row.selection.dropped],
        warnings=list(row.warnings),
    )


def new_request(
    batch: RenderBatch,
    shot: Shot,
    lane: Lane,
    request: RequestSettings,
    *,
    kind: str = VideoRender.Kind.GENERATION,
    **values: Any,
) -> VideoRender:
    """A render of that request, with its hashes, that is not stored yet. values: the other columns,
    and those of the request that are not as the settings say."""
    columns = request_fields(request) | values
    render = VideoRender.of_batch(batch, shot, lane, kind, **columns)
    for name, value in hashes_of(render).items():
        setattr(render, name, value)
    return render


def request_fields(request: RequestSettings) -> dict[str, Any]:
    """The columns of a render that say what is sent, and the price under which it is queued."""
    return {
        **request.sent,
        "backend": request.backend,
        "route": request.route,
        "price_estimate_usd": request.price_usd or Decimal(0),
        "price_source": request.price.source if request.price else "",
        "price_id": request.price.price_id if request.price else None,
        "is_simulated": request.is_simulated,
    }


def _resume(row: ShotPlan, render: VideoRender) -> bool:
    """Bring the row's render back into the pipeline: polling or downloading, never submitting."""
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
    """The render that stands for a row that makes none: the one that is resumed, or that causes
    the skip."""
    tells = (Action.RESUME, Action.DOWNLOAD, Action.SKIP)
    return row.cause.pk if row.cause and row.decision.action in tells else None


def plan_record(row: ShotPlan, render_id: int | None) -> dict[str, Any]:
    """A row of RenderBatch.plan. The codes are for programs, the words of the reason for people who
    read the database."""
    return {
        "shot": row.shot.pk,
        "scenelet_id": row.shot.scenelet.scenelet_id,
        "shot_index": row.shot.shot_index,
        "decision": row.decision.action.value,
        "reason": row.decision.reason,
        "code": row.decision.code.value,
        "params": dict(row.decision.params),
        "situation": row.situation.value,
        "render": render_id,
    }


def find_renders(ids: Iterable[int]) -> dict[int, VideoRender]:
    """The renders as they are now. Their shots stand in the plan already."""
    return VideoRender.objects.prefetch_related("lane").in_bulk(ids)
