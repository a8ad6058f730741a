"""The ledger: every submission with its outcome, its estimated and its actual cost."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from storybook.code_search import CodeSearchMixin
from storybook.models import shot_code
from videogen import views
from videogen.common.formats import usd
from videogen.models import Submission, VideoRender
from videogen.models.outcomes import Outcome, cost_of_entry, entries, having_entry
from videogen.models.render_queries import HEAVY_COLUMNS
from videogen.views.components.badges import badge_of_outcome

from .records import (
    NEWEST_BATCHES,
    KeyPaginator,
    RecordAdmin,
    is_list,
    offered_stories,
    stories_with_renders,
)

# The outcomes that a submission can have. A rehearsal, and what was never sent, has no submission.
OF_SUBMISSIONS = [each for each in Outcome if each not in (Outcome.REHEARSED, Outcome.NOT_SENT)]

# The days that the filter offers.
DAYS = 7

# The header of each column of the CSV file, and the field that it has.
COLUMNS = {
    "claimed at": "claimed_at",
    "answered at": "answered_at",
    "outcome": "entry",
    "estimate USD": "price_usd",
    "actual USD": "actual_usd",
    "person": "render__requested_by_name",
    "story": "render__shot__scenelet__story__title",
    "story id": "render__shot__scenelet__story__story_id",
    "scenelet id": "render__shot__scenelet__scenelet_id",
    "shot": "render__shot__shot_index",
    # The place of the scenelet. `export_view` makes the code of the shot from it and the index.
    "code": "render__shot__scenelet__place",
    "render": "render_id",
    "batch": "render__batch__number",
    "take": "render__take",
    "backend": "render__backend",
    "model": "render__model",
    "resolution": "render__resolution",
    "seconds": "render__duration_seconds",
    "operation": "operation_name",
    "download link": "render__download_uri",
    "token": "token",
    "error": "error_message",
}


class EntryFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Submission]
    ) -> list[tuple[str, str]]:
        return [(each.value, each.label) for each in OF_SUBMISSIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return having_entry(queryset, value) if value in Outcome.values else queryset.none()


class SubmissionStoryFilter(admin.SimpleListFilter):
    title = "story"
    parameter_name = "story"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Submission]
    ) -> list[tuple[str, str]]:
        stories = stories_with_renders(claimed_at__isnull=False)
        offered = offered_stories(stories, self.value() or "", NEWEST_BATCHES)
        self.title = offered.title
        return offered.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Submission]
    ) -> QuerySet[Submission]:
        value = self.value() or ""
        if not value.isdecimal():
            return queryset
        return queryset.filter(render__shot__scenelet__story=int(value))


class PersonFilter(admin.SimpleListFilter):
    title = "person"
    parameter_name = "person"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Submission]
    ) -> list[tuple[str, str]]:
        sent = VideoRender.objects.filter(claimed_at__isnull=False)
        names = sent.order_by("requested_by_name").values_list("requested_by_name", flat=True)
        return [(each, each) for each in names.distinct() if each]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Submission]
    ) -> QuerySet[Submission]:
        return queryset.filter(render__requested_by_name=self.value()) if self.value() else queryset


class DayFilter(admin.SimpleListFilter):
    """Offer the last seven days. The address of the page may name any day."""

    title = "day"
    parameter_name = "day"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Submission]
    ) -> list[tuple[str, str]]:
        today = timezone.localdate()
        days = [today - timedelta(days=ago) for ago in range(DAYS)]
        return [(day.isoformat(), f"{day:%a} {day.day} {day:%b}") for day in days]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Submission]
    ) -> QuerySet[Submission]:
        value = self.value()
        if not value:
            return queryset
        try:
            start = datetime.combine(date.fromisoformat(value), time.min)
            end = timezone.make_aware(start + timedelta(days=1))
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        return queryset.filter(claimed_at__gte=timezone.make_aware(start), claimed_at__lt=end)


class LedgerPaginator(KeyPaginator):
    """Counts the submissions and adds up what they cost in one query."""

    @cached_property
    def count(self) -> int:
        return self._sums["number"]

    @property
    def totals(self) -> dict[str, Any]:
        """For the line below the list: of all pages."""
        costs = {name: self._sums[name] or Decimal(0) for name in ("estimate", "actual", "open")}
        return {"number": self.count, **{name: usd(cost) for name, cost in costs.items()}}

    def keys_of(self, shown: Any) -> Any:
        # In the same query. It has few enough joins that PostgreSQL still begins with the keys:
        # with more than its join_collapse_limit, it would load every submission first.
        return shown.values("pk")

    @cached_property
    def _sums(self) -> dict[str, Any]:
        # A queryset, which the stubs take for any sequence.
        submissions: Any = self.object_list
        return (
            submissions.order_by()
            .annotate(actual_usd=cost_of_entry(Submission))
            .aggregate(
                number=Count("*"),
                estimate=Sum("price_usd"),
                actual=Sum("actual_usd"),
                open=Sum("price_usd", filter=Q(actual_usd=None)),
            )
        )


@admin.register(Submission)
class SubmissionAdmin(CodeSearchMixin, RecordAdmin):
    list_display = [
        "entry",
        "shot",
        "estimate",
        "actual",
        "person",
        "claimed_at",
        "takes",
        "batch",
    ]
    list_filter = [EntryFilter, SubmissionStoryFilter, PersonFilter, DayFilter, "lane"]
    list_select_related = ["render__shot__scenelet__story", "render__batch"]
    heavy_columns = (
        *(f"render__{each}" for each in HEAVY_COLUMNS),
        "render__shot__storyboard_payload",
        "render__shot__scenelet__description",
        "render__batch__plan",
        "render__batch__filters",
    )
    code_path = "render__shot__"
    search_fields = ["operation_name", "render__shot__scenelet__scenelet_id", "error_message"]
    fields = [
        "render",
        "entry",
        "outcome",
        "estimate",
        "actual",
        "operation_name",
        "error_code",
        "error_message",
        "lane",
        "owner",
        "token",
        "claimed_at",
        "answered_at",
    ]
    readonly_fields = ["entry", "estimate", "actual", "token"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        rows = super().get_queryset(request)
        return rows if is_list(request) else entries(rows)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        found = super().get_changelist_instance(request)
        # The outcomes are computed for the rows that are shown alone: counting, filtering and
        # sorting do without them.
        found.result_list = entries(found.result_list)
        return found

    # -- columns

    @admin.display(description="outcome")
    def entry(self, submission: Any) -> str:
        return badge_of_outcome(Outcome(submission.entry)).__html__()

    @admin.display(ordering="render__shot")
    def shot(self, submission: Submission) -> str:
        shot = submission.render.shot
        story = shot.scenelet.story
        return format_html(
            '<bdi>{}</bdi><br><span class="st-quiet"><bdi>{}</bdi></span>', shot, story
        )

    @admin.display(ordering="render__requested_by_name")
    def person(self, submission: Submission) -> str:
        return format_html("<bdi>{}</bdi>", submission.render.requested_by_name or "–")

    @admin.display(ordering="price_usd")
    def estimate(self, submission: Submission) -> str:
        return usd(submission.price_usd)

    @admin.display(ordering=cost_of_entry(Submission))
    def actual(self, submission: Any) -> str:
        return "open" if submission.actual_usd is None else usd(submission.actual_usd)

    @admin.display
    def takes(self, submission: Submission) -> str:
        url = reverse("admin:storybook_shot_takes", args=[submission.render.shot_id])
        return format_html('<a href="{}">Takes</a>', url)

    @admin.display
    def batch(self, submission: Submission) -> str:
        batch = submission.render.batch
        url = reverse("admin:videogen_renderbatch_progress", args=[batch.pk])
        return format_html('<a href="{}">Batch {}</a>', url, batch.number)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out the columns that link to pages which the person may not see."""
        columns = list(super().get_list_display(request))
        may = request.user.has_perms
        if not may(["storybook.view_shot", "videogen.view_videorender"]):
            columns = [each for each in columns if each != "takes"]
        if not may(["videogen.view_renderbatch"]):
            columns = [each for each in columns if each != "batch"]
        return columns

    # -- the sums below the list, the CSV file, and the page of spending

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **options: Any
    ) -> Paginator:
        if queryset.model is Submission:
            return LedgerPaginator(queryset, *args, **options)
        # The page of one submission's history.
        return super().get_paginator(request, queryset, *args, **options)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if not isinstance(response, TemplateResponse) or response.context_data is None:
            return response
        if found := response.context_data.get("cl"):
            response.context_data["totals"] = found.paginator.totals
            response.context_data["csv_url"] = "{}{}".format(
                reverse("admin:videogen_submission_export"), found.get_query_string(remove=["p"])
            )
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path(
                "export/", view(require_safe(self.export_view)), name="videogen_submission_export"
            ),
            path(
                "spending/",
                view(require_safe(self.spending_view)),
                name="videogen_submission_spending",
            ),
            path(
                "spending/<slug:by>.csv",
                view(require_safe(self.spending_csv_view)),
                name="videogen_submission_spending_csv",
            ),
        ]
        return own + super().get_urls()

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send what the list shows with the same filters, all pages of it, as a CSV file."""
        from videogen.common.csv_export import csv_response

        self._check(request)
        try:
            found = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:videogen_submission_changelist"))
        rows = found.values(*COLUMNS.values()).iterator(chunk_size=2000)
        return csv_response("submissions", list(COLUMNS), map(_csv_row, rows))

    def spending_view(self, request: HttpRequest) -> HttpResponse:
        self._check(request)
        return views.spending.show_spending(request, self.admin_site)

    def spending_csv_view(self, request: HttpRequest, by: str) -> HttpResponseBase:
        self._check(request)
        return views.spending.spending_csv(request, by)

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _csv_row(row: dict[str, Any]) -> list[object]:
    code = shot_code(row[COLUMNS["code"]], row[COLUMNS["shot"]])
    return [code if name == "code" else row[field] for name, field in COLUMNS.items()]
