from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string

from videogen.models import RenderBatch, VideoRender
from videogen.showing import badge_of_state, usd
from videogen.wakeups import is_cluster_running

from .records import RecordAdmin, as_json


@admin.register(RenderBatch)
class RenderBatchAdmin(RecordAdmin):
    list_display = ["__str__", "story", "decisions", "cost", "requested_by_name", "created_at"]
    list_filter = ["mode", "door", "story"]
    list_select_related = ["story", "requested_by"]
    fat_columns = ("plan", "filters")
    search_fields = ["story__title", "story__story_id", "requested_by_name"]
    fieldsets = [
        (None, {"fields": ["story", "mode", "decisions", "cost", "shots"]}),
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
    readonly_fields = ["decisions", "cost", "shots", "asked_for"]

    @admin.display(description="shots by decision")
    def decisions(self, batch):
        words = [f"{number} {decision}" for decision, number in batch.counts.items()]
        return ", ".join(words) or self.get_empty_value_display()

    @admin.display(description="estimated cost", ordering="estimated_cost_usd")
    def cost(self, batch):
        return usd(batch.estimated_cost_usd)

    @admin.display(description="asked for")
    def asked_for(self, batch):
        return as_json(batch.filters) if batch.filters else "the whole story"

    @admin.display(description="plan and renders")
    def shots(self, batch):
        return render_to_string("admin/videogen/batch_shots.html", self._shots(batch))

    def _shots(self, batch):
        """A row a shot: what was decided, and how the render that stands for it fares."""
        ids = {row["render"] for row in batch.plan if row.get("render")}
        fat = ("prompt_text", "references", "dropped_references", "warnings", "error_details")
        found = VideoRender.objects.defer(*fat).in_bulk(ids)
        # A render of a given link is in no plan.
        others = batch.renders.exclude(pk__in=ids).defer(*fat).select_related("shot__scenelet")
        rows = [{**row, "render": found.get(row.get("render"))} for row in batch.plan] + [
            {
                "shot": render.shot_id,
                "scenelet_id": render.shot.scenelet.scenelet_id,
                "shot_index": render.shot.shot_index,
                "decision": render.get_kind_display(),
                "reason": "",
                "render": render,
            }
            for render in others
        ]
        for row in rows:
            row["badge"] = badge_of_state(row["render"].status) if row["render"] else None
        is_open = any(
            row["render"]
            and row["render"].batch_id == batch.pk
            and row["render"].state in VideoRender.OPEN
            for row in rows
        )
        return {
            "rows": rows,
            "is_open": is_open,
            "nobody_works": is_open and not batch.worked_by and not is_cluster_running(),
        }
