"""The progress of a batch: the page, its updates, and its buttons.

The page and its updates are made of the same parts. live.js replaces the parts that changed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext

from videogen.common.errors import RequestError
from videogen.lanes.pauses import resume_at_once
from videogen.models import Lane, RenderBatch, VideoRender
from videogen.pipeline.cancel import ask_to_stop
from videogen.planning.batch_actions import (
    cancel_queued,
    find_sent,
    resume_interrupted,
    retry_failed,
)
from videogen.planning.drafts import set_priority
from videogen.views.components.access import requester_of, signed_in
from videogen.views.components.urls import plan_url, progress_url

from .page import BatchPage


def show_batch(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    page = BatchPage(batch, may_act=_may_act(request), user=signed_in(request))
    state = request.GET.get("state", "")
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/batch/page.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": page.title,
            "subtitle": None,
            "opts": model_admin.opts,
            "page": page,
            "batch": batch,
            "state": state,
            "rows": [row for row in page.rows if state in ("", row.status)],
        },
    )


def batch_state(request: HttpRequest, batch: RenderBatch) -> JsonResponse:
    """Send the parts of the page; with ?since=, only the rows that may have changed since then."""
    asked_at = timezone.now()
    page = BatchPage(batch, may_act=_may_act(request), user=signed_in(request))
    since = _moment(request.GET.get("since", ""))
    context = {"page": page, "batch": batch, "state": request.GET.get("state", "")}
    parts = {
        key: render_to_string(f"admin/videogen/batch/{key}.html", context, request=request)
        for key in ("summary", "chips", "notices", "actions", "failures", "time_left")
    }
    for row in page.rows:
        if row.may_have_changed(since):
            parts[row.key] = render_to_string(
                "admin/videogen/batch/row.html", {"row": row}, request=request
            )
    return JsonResponse(
        {
            "active": page.is_active,
            "title": page.title,
            "parts": parts,
            "since": asked_at.isoformat(),
        }
    )


def cancel_rest(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    with transaction.atomic():
        cancelled = cancel_queued(batch, signed_in(request))
        if cancelled:
            entry = ngettext(
                "Cancelled %d queued render.", "Cancelled %d queued renders.", cancelled
            )
            model_admin.log_change(request, batch, entry % cancelled)
    # Looked up after the change, so that what was sent meanwhile is included.
    sent = find_sent(VideoRender.objects.filter(batch=batch).without_heavy_columns())
    rest = f" {sent.words}." if sent.words else ""
    if cancelled:
        sentence = ngettext(
            "Cancelled %d queued render, which was neither sent nor paid for.",
            "Cancelled %d queued renders, which were neither sent nor paid for.",
            cancelled,
        )
        messages.success(request, f"{sentence % cancelled}{rest}")
    else:
        messages.info(request, f"Nothing was left to cancel.{rest}")
    return HttpResponseRedirect(progress_url(batch))


def stop_running(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    with transaction.atomic():
        asked = ask_to_stop(batch)
        if asked:
            renders = ngettext("%d running render", "%d running renders", asked) % asked
            model_admin.log_change(request, batch, f"Asked Google to stop {renders}.")
    if asked:
        messages.warning(
            request,
            f"Google is asked to stop {renders}. It is not known whether a stopped render is "
            "charged, so each waits for your decision.",
        )
    else:
        messages.info(request, "No render is running that Google could be asked to stop.")
    return HttpResponseRedirect(progress_url(batch))


def retry_rest(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    """Draft a batch of what failed, with `cause` only of what failed for that, or with what=resume
    of what was interrupted; show its plan."""
    requester = requester_of(request)
    cause = request.POST.get("cause", "")
    try:
        if request.POST.get("what") == "resume":
            draft = resume_interrupted(batch, requester)
        else:
            only = BatchPage(batch).shots_of_cause(cause) if cause else None
            draft = retry_failed(batch, requester, only)
    except RequestError as error:
        messages.info(request, error.sentence)
        return HttpResponseRedirect(progress_url(batch))
    return HttpResponseRedirect(plan_url(draft))


def prioritise(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    try:
        changed = set_priority(batch, request.POST.get("priority", ""))
    except RequestError as error:
        messages.warning(request, error.sentence)
        return HttpResponseRedirect(progress_url(batch))
    if changed:
        words = f"Place in the queue: {batch.get_priority_display()}."
        model_admin.log_change(request, batch, words)
        messages.success(request, f"{words} Renders that were already sent are not affected.")
    return HttpResponseRedirect(progress_url(batch))


def resume_queue(
    model_admin: ModelAdmin[Any], request: HttpRequest, batch: RenderBatch
) -> HttpResponse:
    """Resume all paused lanes of the batch. The person has fixed what they were stopped for."""
    lanes = list(Lane.objects.filter(renders__batch=batch, paused_at__isnull=False).distinct())
    with transaction.atomic():
        for lane in lanes:
            resume_at_once(lane)
            model_admin.log_change(request, lane, "Resumed the queue.")
    if lanes:
        messages.success(request, "The queue continues: waiting renders are sent now.")
    return HttpResponseRedirect(progress_url(batch))


def _may_act(request: HttpRequest) -> bool:
    return request.user.has_perm("videogen.generate_video")


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None
