from __future__ import annotations

from django.contrib import admin

from videogen.forms import ReferenceChoiceForm
from videogen.models import ReferenceChoice

from .records import is_list


@admin.register(ReferenceChoice)
class ReferenceChoiceAdmin(admin.ModelAdmin):
    form = ReferenceChoiceForm
    list_display = ["shot", "kind", "reference_id", "choice", "position"]
    list_filter = ["choice", "kind", "shot__scenelet__story"]
    list_select_related = ["shot__scenelet"]
    search_fields = ["reference_id", "shot__scenelet__scenelet_id", "shot__scenelet__title"]
    autocomplete_fields = ["shot"]

    def get_queryset(self, request):
        choices = super().get_queryset(request)
        return choices.defer("shot__storyboard_payload") if is_list(request) else choices


class ReferenceChoiceInline(admin.TabularInline):
    model = ReferenceChoice
    form = ReferenceChoiceForm
    extra = 0
    verbose_name_plural = "References that a person chose"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("shot__scenelet")
