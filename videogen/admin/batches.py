"""The record of a batch, and the addresses of its pages: the plan and the progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from storybook.ended_sessions import button_is_on
from storybook.models import Story
from videogen import views
from videogen.common.formats import moment, usd
from videogen.common.task_queue import broker_problem
from videogen.models import RenderBatch, VideoRender
from videogen.models.states import OPEN
from videogen.views.components import urls
from videogen.views.components.badges import badge_of_state

from .records import RecordAdmin, StoryOfRecordsFilter, as_json, stories_with_batches

Status = RenderBatch.Status


def _page_of_batch(address: Mapping[str, Any]) -> str:
    # The page of the plan leads on to that of the batch, once it is confirmed.
    return reverse("admin:videogen_renderbatch_plan", args=[address["pk"]])


for _name in (
    "plan_cancel",
    "plan_reference",
    "plan_use",
    "cancel",
    "stop",
    "priority",
    "retry",
    "resume_queue",
):
    button_is_on(f"videogen_renderbatch_{_name}", _page_of_batch)


class AtWorkFilter(admin.SimpleListFilter):
    """The queue: batches with renders that wait or run."""

    title = "running"
    parameter_name = "at_work"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("yes", "Running")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RenderBatch]
    ) -> QuerySet[RenderBatch]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(pk__in=VideoRender.objects.at_work().values("batch"))


class StoryOfBatchesFilter(StoryOfRecordsFilter):
    """Offer also the stories whose batches have no renders: those are plans."""

    def stories(self) -> QuerySet[Story]:
        return stories_with_batches(RenderBatch.objects.all())


@admin.register(RenderBatch)
class RenderBatchAdmin(RecordAdmin):
    change_form_template = "admin/videogen/batch/form.html"
    list_display = ["__str__", "look", "story", "decisions", "cost", "asked_by"]
    list_filter = [AtWorkFilter, "status", "mode", "door", ("story", StoryOfBatchesFilter)]
    list_select_related = ["story", "requested_by"]
    heavy_columns = ("plan", "filters")
    search_fields = ["story__title", "story__story_id", "requested_by_name"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "story",
                    "status",
                    "mode",
                    "model",
                    "prompt_profile",
                    "over_budget",
                    "decisions",
                    "cost",
                    "plan_and_renders",
                ]
            },
        ),
        (
            "Who asked for it",
            {
                "fields": [
                    "requested_by",
                    "requested_by_name",
                    "door",
                    "task",
                    "asked_for",
                    "worked_by",
                    "created_at",
                ]
            },
        ),
    ]
    readonly_fields = ["decisions", "cost", "plan_and_renders", "asked_for"]

    @admin.display(description="shots by decision")
    def decisions(self, batch: RenderBatch) -> str:
        words = [f"{number} {decision}" for decision, number in batch.counts.items()]
        return ", ".join(words) or self.get_empty_value_display()

    @admin.display(description="estimated cost", ordering="estimated_cost_usd")
    def cost(self, batch: RenderBatch) -> str:
        return usd(batch.estimated_cost_usd)

    @admin.display(description="asked for by", ordering="created_at")
    def asked_by(self, batch: RenderBatch) -> str:
        at = moment(batch.created_at)
        return format_html("<bdi>{}</bdi><br>{}", batch.requested_by_name or "–", at)

    @admin.display(description="page")
    def look(self, batch: RenderBatch) -> str:
        if batch.status == Status.DRAFT:
            return format_html('<a href="{}">Plan (draft)</a>', urls.plan_url(batch))
        return format_html('<a href="{}">Progress</a>', urls.progress_url(batch))

    @admin.display(description="asked for")
    def asked_for(self, batch: RenderBatch) -> str:
        return as_json(batch.filters) if batch.filters else "the whole story"

    @admin.display(description="plan and renders")
    def plan_and_renders(self, batch: RenderBatch) -> str:
        return render_to_string("admin/videogen/batch/shots.html", self._shots(batch))

    def _shots(self, batch: RenderBatch) -> dict[str, Any]:
        """Return the context of batch/shots.html: for each shot the decision and its render."""
        ids = {row["render"] for row in batch.plan if row.get("render")}
        found = VideoRender.objects.without_heavy_columns().in_bulk(ids)
        # The render of a link that somebody gave us is in no plan.
        others = batch.renders.exclude(pk__in=ids).without_heavy_columns()
        rows: list[dict[str, Any]] = [
            {**row, "render": found.get(row.get("render"))} for row in batch.plan
        ] + [
            {
                "shot": render.shot_id,
                "decision": render.get_kind_display(),
                "reason": "",
                "render": render,
            }
            for render in others
        ]
        shots = views.components.reasons.find_shots_of(rows)
        for row in rows:
            row["name"] = views.components.reasons.name_of_record(row, shots)
            row["why"] = views.components.reasons.reason_of_record(row, batch.mode, row["render"])
            row["badge"] = badge_of_state(row["render"].status) if row["render"] else None
        is_open = any(
            row["render"] and row["render"].batch_id == batch.pk and row["render"].state in OPEN
            for row in rows
        )
        return {
            "rows": rows,
            "is_open": is_open,
            "nobody_works": is_open
            and not batch.worked_by
            and views.components.queue_notice.is_nobody_working(),
            "broker_problem": broker_problem() if is_open and not batch.worked_by else "",
        }

    # -- the pages of a batch: the plan of a draft, and the progress of a confirmed batch

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.generate_video")

    def get_urls(self) -> list[URLPattern]:
        own = [
            self._own("plan/", self.plan_view, "plan"),
            self._own("plan/cancel/", self.plan_cancel_view, "plan_cancel"),
            self._own("plan/row/<int:shot_pk>/", self.plan_row_view, "plan_row"),
            self._own(
                "plan/row/<int:shot_pk>/references/", self.plan_reference_view, "plan_reference"
            ),
            self._own("plan/row/<int:shot_pk>/use/", self.plan_use_view, "plan_use"),
            self._own("progress/", self.progress_view, "progress"),
            self._own("progress/state/", self.progress_state_view, "progress_state"),
            self._own("cancel/", self.cancel_view, "cancel"),
            self._own("stop/", self.stop_view, "stop"),
            self._own("priority/", self.priority_view, "priority"),
            self._own("retry/", self.retry_view, "retry"),
            self._own("resume-queue/", self.resume_queue_view, "resume_queue"),
        ]
        return own + super().get_urls()

    def _own(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        return path(
            f"<int:pk>/{route}",
            self.admin_site.admin_view(view),
            name=f"videogen_renderbatch_{name}",
        )

    def plan_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self._batch(request, pk)
        if request.method == "POST":
            self._check_may_generate(request)
            return views.plan.page.confirm_plan(self, request, batch)
        if batch.status != Status.DRAFT:
            return HttpResponseRedirect(urls.progress_url(batch))
        return views.plan.page.show_plan(self, request, batch)

    def plan_row_view(self, request: HttpRequest, pk: int, shot_pk: int) -> HttpResponse:
        batch = self._batch(request, pk)
        if batch.status != Status.DRAFT:
            return HttpResponseRedirect(urls.progress_url(batch))
        return views.plan.page.show_row(self, request, batch, shot_pk)

    def plan_reference_view(self, request: HttpRequest, pk: int, shot_pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        batch = self._batch(request, pk)
        if not request.user.has_perms(views.plan.page.ARRANGE):
            raise PermissionDenied
        if batch.status != Status.DRAFT:
            return HttpResponseRedirect(urls.progress_url(batch))
        return views.plan.page.arrange_reference(self, request, batch, shot_pk)

    def plan_use_view(self, request: HttpRequest, pk: int, shot_pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        batch = self._batch(request, pk)
        self._check_may_generate(request)
        if batch.status != Status.DRAFT:
            return HttpResponseRedirect(urls.progress_url(batch))
        return views.plan.page.use_same_take(self, request, batch, shot_pk)

    def plan_cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, lambda batch: views.plan.page.cancel_plan(request, batch))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        batch = self._batch(request, pk)
        if batch.status == Status.DRAFT:
            return HttpResponseRedirect(urls.plan_url(batch))
        return views.batch.actions.show_batch(self, request, batch)

    def progress_state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return views.batch.actions.batch_state(request, self._batch(request, pk))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request, pk, lambda batch: views.batch.actions.cancel_rest(self, request, batch)
        )

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request, pk, lambda batch: views.batch.actions.stop_running(self, request, batch)
        )

    def priority_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request, pk, lambda batch: views.batch.actions.prioritise(self, request, batch)
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request, pk, lambda batch: views.batch.actions.retry_rest(self, request, batch)
        )

    def resume_queue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request, pk, lambda batch: views.batch.actions.resume_queue(self, request, batch)
        )

    def _act(
        self, request: HttpRequest, pk: int, act: Callable[[RenderBatch], HttpResponse]
    ) -> HttpResponse:
        """Run what a button of the page posts, after the checks that all buttons share."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        batch = self._batch(request, pk)
        self._check_may_generate(request)
        return act(batch)

    def _batch(self, request: HttpRequest, pk: int) -> RenderBatch:
        if not self.has_view_permission(request):
            raise PermissionDenied
        batch = self.get_queryset(request).select_related("story").filter(pk=pk).first()
        if batch is None:
            raise Http404("This batch does not exist, or no longer exists.")
        return batch

    def _check_may_generate(self, request: HttpRequest) -> None:
        if not self.has_generate_permission(request):
            raise PermissionDenied
