"""The stories that were wiped: which archive has each, and what it has cost."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest

from videogen.common.formats import usd
from videogen.models import Submission, WipedStory

from .records import RecordAdmin


@admin.register(WipedStory)
class WipedStoryAdmin(RecordAdmin):
    list_display = ["title", "story_id", "wiped_at", "submissions", "may_have_cost", "archive_name"]
    search_fields = ["title", "story_id", "archive_name"]
    fields = [
        "title",
        "story_id",
        "wiped_at",
        "submissions",
        "may_have_cost",
        "late_answers",
        "archive_name",
        "archive_sha256",
        "last_batch_number",
    ]
    readonly_fields = ["submissions", "may_have_cost", "late_answers"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WipedStory]:
        may_cost = Q(charges__outcome__in=Submission.MAY_COST)
        return (
            super()
            .get_queryset(request)
            .annotate(
                number=Count("charges"), usd=Sum("charges__price_usd", filter=may_cost, default=0)
            )
        )

    @admin.display(ordering="number")
    def submissions(self, story: Any) -> int:
        return story.number

    @admin.display(ordering="usd")
    def may_have_cost(self, story: Any) -> str:
        return usd(story.usd)

    @admin.display(description="accepted after the wipe")
    def late_answers(self, story: WipedStory) -> str:
        late = story.charges.answered_late().order_by("late_answer_at")
        return ", ".join(late.values_list("operation_name", flat=True)) or "none"
