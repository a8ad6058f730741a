"""The records of what the API has and no render of ours knows."""

from __future__ import annotations

from django.contrib import admin

from videogen.models import Candidate

from .records import RecordAdmin


@admin.register(Candidate)
class CandidateAdmin(RecordAdmin):
    """The record only: people decide about candidates on the page "Unresolved"."""

    is_internal = True
    list_display = ["name", "source", "status", "made_at", "found_at", "render"]
    list_filter = ["status", "source", "lane"]
    list_select_related = ["lane", "render__shot__scenelet"]
    search_fields = ["name"]
    fields = [
        "name",
        "source",
        "status",
        "render",
        "is_done",
        "download_uri",
        "made_at",
        "token",
        "found_at",
        "lane",
    ]
