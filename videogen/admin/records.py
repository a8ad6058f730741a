"""What the screens of records share: they show everything and change nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from storybook.models import Story
from videogen.common.formats import indented
from videogen.models import RenderBatch, VideoRender


class KeyPaginator(Paginator):
    """Looks up which rows a page has before it loads them: sorting and filtering then needs none of
    the joins and columns that the page shows. One more query for each page."""

    def page(self, number: int | str) -> Page[Any]:
        page = super().page(number)
        # Querysets, which the stubs take for any sequence.
        shown: Any = page.object_list
        rows: Any = self.object_list
        return Page(rows.filter(pk__in=self.keys_of(shown)), page.number, self)

    def keys_of(self, shown: Any) -> Any:
        return list(shown.values_list("pk", flat=True))


class RecordAdmin(admin.ModelAdmin):
    """A record is read, not edited. Lists do not load its `heavy_columns`."""

    paginator = KeyPaginator

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


def stories_with_renders(**conditions: object) -> QuerySet[Story]:
    """Return the stories that have renders which meet the conditions. The database looks for one
    such render of one batch of each story, which is quick for few and for very many renders."""
    renders = VideoRender.objects.filter(batch=OuterRef("pk"), **conditions)
    batches = RenderBatch.objects.alias(a_render=_one_of(renders)).filter(
        story=OuterRef("pk"), a_render__isnull=False
    )
    return Story.objects.alias(a_batch=_one_of(batches)).filter(a_batch__isnull=False)


def _one_of(rows: QuerySet[Any]) -> Subquery:
    # As a value, and not as a condition that there is one: PostgreSQL would join all of them.
    return Subquery(rows.order_by().values("pk")[:1])


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
