"""The task CREATE_SHOT_VIDEO: plan the shots, queue the plan, wait for the renders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from videogen.billing.budgets import NO_BUDGET
from videogen.common.errors import RequestError
from videogen.common.processes import this_process
from videogen.common.task_queue import broker_problem, is_cluster_running
from videogen.models import RenderBatch, VideoRender
from videogen.models.batches import CREATE_SHOT_VIDEO
from videogen.models.states import OPEN
from videogen.planning.enqueue import QueuedBatch, find_renders, queue_link, queue_renders
from videogen.planning.plan import Plan, check_not_archived, plan_shots
from videogen.planning.targets import check_model, find_shots, find_story
from videogen.prompts.payload import rehearse

from .report import (
    NOT_AS_ASKED,
    RunCost,
    describe_row,
    next_commands,
    outcomes_in_words,
    summarise,
)
from .workflow import TaskRequest, TaskResult

State = VideoRender.State


def create_shot_videos(request: TaskRequest) -> TaskResult:
    """Run the task. Raises RequestError, with nothing queued, if the request cannot be met."""
    plan = _plan(request)
    _ask(request, plan)
    if request.video_download_link is None:
        queued = _queue(request, plan)
    else:
        queued = _queue_link(request, plan, request.video_download_link)
    if request.listener:
        # Only a command that waits needs the pipeline, which takes long to load.
        from .wait import wait_for

        wait_for(
            queued.render_ids,
            request.listener,
            works_here=bool(queued.batch.worked_by),
        )
    return _report(request, queued, queued.plan or plan)


def _ask(request: TaskRequest, plan: Plan) -> None:
    """Warn that no budget limits the plan, and ask whether it is to be paid. RequestError where
    the answer is no."""
    if request.video_download_link is not None or not plan.cost_usd:
        return
    if plan.has_no_budget and request.warn:
        request.warn(f"{NO_BUDGET} Set VIDEO_BUDGET_USD, or add a budget in the admin.")
    if request.confirm and not request.confirm(plan):
        raise RequestError("Nothing was queued.", code="declined")


def _plan(request: TaskRequest) -> Plan:
    story = find_story(request.story_id)
    check_not_archived(story)
    check_model(story, request.model)
    if request.mode != RenderBatch.Mode.DRY_RUN and not is_cluster_running():
        from .wait import release_orphans

        release_orphans()
    shots = find_shots(story, scenelet_id=request.scenelet_id, shot_index=request.shot_index)
    # Duplicates are skipped only under --no-repeat. Otherwise they are rendered as the mode says,
    # with a warning.
    return plan_shots(
        story,
        shots,
        request.mode,
        model=request.model,
        prompt_profile=request.prompt_profile,
        person=request.requester.person,
        over_budget=request.over_budget,
        skip_repeats=request.repeat is False,
        are_named=request.scenelet_id is not None and request.shot_index is not None,
        takes_per_shot=request.takes_per_shot,
    )


def _queue(request: TaskRequest, plan: Plan) -> QueuedBatch:
    is_rehearsal = plan.mode == RenderBatch.Mode.DRY_RUN
    works_here = is_rehearsal or _works_here(request)
    queued = queue_renders(
        plan,
        request.requester,
        task=CREATE_SHOT_VIDEO,
        filters={
            key: value
            for key in ("scenelet_id", "shot_index")
            if (value := getattr(request, key)) is not None
        },
        worked_by=this_process() if works_here else "",
        wake=not works_here,
        priority=request.priority,
    )
    if request.repeat:
        queued.batch.repeats_confirmed = True
        queued.batch.save(update_fields=["repeats_confirmed"])
    if is_rehearsal:
        # A dry run is free and quick, so it needs no cluster.
        rehearse(queued.batch.renders.all())
    return queued


def _queue_link(request: TaskRequest, plan: Plan, given: str) -> QueuedBatch:
    from videogen.providers.url_guard import given_link

    link = given_link(given)
    if plan.mode == RenderBatch.Mode.DRY_RUN:
        raise RequestError(
            "A dry run downloads nothing: leave out --video-download-link or --mode dry-run.",
            code="usage",
        )
    if request.takes_per_shot > 1:
        raise RequestError(
            "A download link is one take: leave out --video-download-link or --takes-per-shot.",
            code="usage",
        )
    if len(plan.rows) != 1:
        raise RequestError(
            f"A download link belongs to one shot, but these filters match {len(plan.rows)}: "
            "give --scenelet-id and --shot-index.",
            code="usage",
        )
    return queue_link(
        plan,
        link,
        request.requester,
        task=CREATE_SHOT_VIDEO,
        worked_by=this_process() if _works_here(request) else "",
    )


def _works_here(request: TaskRequest) -> bool:
    if request.listener is None or is_cluster_running():
        return False
    problem = broker_problem() or "No cluster is running (manage.py work)."
    request.listener.on_note(f"{problem} This command works on the batch by itself.")
    return True


def _report(request: TaskRequest, queued: QueuedBatch, plan: Plan) -> TaskResult:
    renders = find_renders(pk for _, pk in queued.rows if pk)
    rows = [describe_row(row, renders.get(pk) if pk else None) for row, pk in queued.rows]
    as_queued = replace(plan, rows=tuple(row for row, _ in queued.rows))
    of_this_run = [renders[pk] for pk in queued.render_ids]
    worked = [(row, renders[pk]) for row, pk in queued.rows if pk in queued.render_ids]
    cost = RunCost.of(as_queued.cost_if_sent_usd, worked)
    summary = summarise(rows, cost)
    missed = any(render.status in NOT_AS_ASKED for render in of_this_run)
    still_open = sum(render.state in OPEN for render in of_this_run)
    # Renders that are still open after the wait: a daily quota or a paused queue holds them.
    left = request.listener is not None and still_open
    # A download link costs nothing, so no budget can be short.
    shortage = queued.plan.shortage if queued.plan else None
    note = shortage.sentence if shortage else ""
    # Somebody has cancelled it while the command waited: not done as asked, though nothing failed.
    cancelled = any(render.state == State.CANCELLED for render in of_this_run)
    is_as_asked = not (summary["blocked"] or missed or left or cancelled)
    price = as_queued.price_in_words
    return TaskResult(
        rows,
        summary,
        still_open,
        outcomes=outcomes_in_words(rows),
        cost=f"Cost: {price}." if price else cost.sentence,
        next_commands=tuple(_next_commands(request, rows)),
        is_as_asked=is_as_asked,
        note=note,
    )


def _next_commands(request: TaskRequest, rows: list[dict[str, Any]]) -> list[str]:
    # Without the link, the same command would pay for a video.
    if request.video_download_link is not None:
        return []
    return next_commands(rows, request.mode, request.command)
