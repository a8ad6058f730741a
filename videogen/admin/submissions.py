from __future__ import annotations

from django.contrib import admin

from videogen.models import Submission
from videogen.showing import usd

from .records import RecordAdmin


@admin.register(Submission)
class SubmissionAdmin(RecordAdmin):
    list_display = ["render", "outcome", "price", "lane", "claimed_at", "answered_at"]
    list_filter = ["outcome", "lane"]
    list_select_related = ["render__shot__scenelet", "lane"]
    fat_columns = (
        "render__prompt_text",
        "render__references",
        "render__dropped_references",
        "render__warnings",
        "render__error_details",
        "render__shot__storyboard_payload",
        "render__shot__scenelet__description",
    )
    search_fields = ["operation_name", "render__shot__scenelet__scenelet_id", "error_message"]
    fields = [
        "render",
        "outcome",
        "price",
        "operation_name",
        "error_code",
        "error_message",
        "lane",
        "owner",
        "token",
        "claimed_at",
        "answered_at",
    ]
    readonly_fields = ["price", "token"]

    @admin.display(ordering="price_usd")
    def price(self, submission):
        return usd(submission.price_usd)
