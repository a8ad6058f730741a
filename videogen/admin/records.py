"""What the records' screens share: they show everything and change nothing."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html

from videogen.common.formats import indented


class RecordAdmin(admin.ModelAdmin):
    """History is read, not edited. Fat columns are left out of lists."""

    fat_columns: tuple[str, ...] = ()

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related(*(self.list_select_related or ()))
        return rows.defer(*self.fat_columns) if is_list(request) else rows


def is_list(request):
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_changelist"))


def as_json(value):
    return format_html('<pre class="st-code" dir="auto">{}</pre>', indented(value))
