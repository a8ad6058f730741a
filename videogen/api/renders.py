"""Renders: every attempt at a shot's video, with its exact request."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router
from pydantic import Field

from videogen.catalog.options import extras_of
from videogen.models import STALE_AFTER, VideoRender, states
from videogen.prompts.references import Dropped

from .access import READ, SEE_RENDERS, rights
from .fields import Key, Moment, Money, Name, Out, money, money_or_none
from .pages import Page, PageQuery, read_page
from .plans import CodedOut, ReferenceOut, RequestOut, coded, dropped_out

router = Router(tags=["renders"])

State = VideoRender.State


class RenderQuery(PageQuery):
    story_id: Name | None = None
    shot_id: Key | None = None
    batch_id: Key | None = None
    status: states.State | None = None
    kind: states.Kind | None = None


class RenderOut(Out):
    id: int
    story_id: str
    scenelet_id: str
    shot_id: int
    shot_index: int
    code: str = Field(description="Of the shot, as people say it: S03-02.")
    batch_id: int
    kind: str
    mode: str
    slot: int
    status: str
    take: int | None
    review: str
    model: str
    aspect_ratio: str
    resolution: str
    duration_seconds: int
    is_simulated: bool
    estimated_cost_usd: Money
    actual_cost_usd: Money | None = Field(description="Null while that is open, or unknown.")
    error: CodedOut | None
    requested_by: str
    queued_at: Moment
    submitted_at: Moment | None
    rendered_at: Moment | None
    downloaded_at: Moment | None
    ended_at: Moment | None


class RenderDetailOut(RenderOut):
    operation_name: str | None
    waits_for: str | None = Field(description="Why a queued render is not sent yet.")
    warnings: list[CodedOut]
    request: RequestOut


class RenderPage(Page):
    items: list[RenderOut]


@router.get("/renders", response=RenderPage, **rights(READ, SEE_RENDERS))
def list_renders(request: HttpRequest, query: Query[RenderQuery]) -> RenderPage:
    """List the renders, the newest first."""
    rows = told_renders()
    if query.story_id is not None:
        rows = rows.filter(shot__scenelet__story__story_id=query.story_id)
    if query.shot_id is not None:
        rows = rows.filter(shot=query.shot_id)
    if query.batch_id is not None:
        rows = rows.filter(batch=query.batch_id)
    if query.kind is not None:
        rows = rows.filter(kind=query.kind)
    if query.status is not None:
        rows = rows.filter(_with_status(query.status))
    found, cursor = read_page(rows, query)
    return RenderPage(items=[RenderOut(**members(each)) for each in found], next_cursor=cursor)


@router.get("/renders/{id}", response=RenderDetailOut, **rights(READ, SEE_RENDERS))
def get_render(request: HttpRequest, id: Path[Key]) -> RenderDetailOut:
    """Show a render with its exact request."""
    render = with_shots(VideoRender.objects.select_related("lane")).filter(pk=id).first()
    if render is None:
        raise Http404
    lane = render.lane
    waits = (lane.pause_reason or lane.wait_reason) if render.state == State.QUEUED else ""
    return RenderDetailOut(
        **members(render),
        operation_name=render.operation_name or None,
        waits_for=waits or None,
        warnings=list(map(coded, render.warnings)),
        request=RequestOut(
            model=render.model,
            aspect_ratio=render.aspect_ratio,
            resolution=render.resolution,
            duration_seconds=render.duration_seconds,
            options=extras_of(render),
            prompt_text=render.prompt_text,
            prompt_tokens=render.prompt_tokens,
            references=[ReferenceOut(**each) for each in render.references],
            dropped_references=[dropped_out(Dropped.read(x)) for x in render.dropped_references],
        ),
    )


def with_shots(renders: QuerySet[VideoRender]) -> QuerySet[VideoRender]:
    return renders.select_related("shot__scenelet__story").defer("shot__storyboard_payload")


def told_renders() -> QuerySet[VideoRender]:
    """Renders for lists."""
    return with_shots(VideoRender.objects.without_heavy_columns())


def members(render: VideoRender) -> dict[str, Any]:
    shot = render.shot
    error = None
    if render.error_message:
        error = CodedOut(code=render.error_code, message=render.error_message)
    return {
        "id": render.pk,
        "story_id": shot.scenelet.story.story_id,
        "scenelet_id": shot.scenelet.scenelet_id,
        "shot_id": shot.pk,
        "shot_index": shot.shot_index,
        "code": shot.code,
        "batch_id": render.batch_id,
        "kind": render.kind,
        "mode": render.mode,
        "slot": render.slot,
        "status": str(render.status),
        "take": render.take,
        "review": render.review,
        "model": render.model,
        "aspect_ratio": render.aspect_ratio,
        "resolution": render.resolution,
        "duration_seconds": render.duration_seconds,
        "is_simulated": render.is_simulated,
        "estimated_cost_usd": money(render.price_estimate_usd),
        "actual_cost_usd": money_or_none(render.actual_cost_usd),
        "error": error,
        "requested_by": render.requested_by_name,
        "queued_at": render.queued_at,
        "submitted_at": render.submitted_at,
        "rendered_at": render.rendered_at,
        "downloaded_at": render.downloaded_at,
        "ended_at": render.ended_at,
    }


def _with_status(status: str) -> Q:
    """As `VideoRender.status` says it: what nobody works on any more is interrupted, or not
    downloaded."""
    old = timezone.now() - STALE_AFTER
    is_stale = Q(state_since__lt=old) & (Q(beat_at=None) | Q(beat_at__lt=old))
    told = {
        State.RUNNING: Q(state=State.RUNNING) & ~is_stale,
        State.DOWNLOADING: Q(state=State.DOWNLOADING) & ~is_stale,
        State.INTERRUPTED: Q(state=State.INTERRUPTED) | Q(state=State.RUNNING) & is_stale,
        State.NOT_DOWNLOADED: Q(state=State.NOT_DOWNLOADED) | Q(state=State.DOWNLOADING) & is_stale,
    }
    return told.get(State(status), Q(state=status))
