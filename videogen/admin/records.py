"""What the screens of records share: they show everything and change nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from videogen.common.formats import indented


class RecordAdmin(admin.ModelAdmin):
    """A record is read, not edited. Lists do not load its `heavy_columns`."""

    heavy_columns: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        related = self.list_select_related
        names = () if isinstance(related, bool) else tuple(related)
        rows = super().get_queryset(request).select_related(*names)
        return rows.defer(*self.heavy_columns) if is_list(request) else rows


def is_list(request: HttpRequest) -> bool:
    """Return whether the request is for the list of a model, and not for one row."""
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_changelist"))


def redirect_to_index(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Do what Django's own pages do for a row that does not exist: say so on the first page."""
    redirect = model_admin._get_obj_does_not_exist_redirect  # type: ignore[attr-defined]
    return redirect(request, model_admin.opts, object_id)


def as_json(value: object) -> SafeString:
    return format_html('<pre class="st-code" dir="auto">{}</pre>', indented(value))
