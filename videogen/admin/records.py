"""What the screens of records share: they show everything and change nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from storybook.models import Story
from videogen.common.formats import indented
from videogen.models import RenderBatch, VideoRender

# How many stories a filter offers: more would be no list that somebody reads.
MOST_STORIES = 20
NEWEST_BATCHES = "with the newest batches"


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

    # It would count the whole table for each page of the list.
    show_full_result_count = False

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


class OfferedStories(NamedTuple):
    """What a filter by story offers. Its title tells where that is not every story."""

    title: str
    stories: list[Story]

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(str(each.pk), str(each)) for each in self.stories]


def offered_stories(stories: QuerySet[Story], chosen: str, first: str) -> OfferedStories:
    """Offer the first MOST_STORIES of the stories, by name, and the one of them that was chosen
    before.

    chosen: its key as the address has it, or "". first: which the first ones are, for the title.
    """
    # In one query, whichever story was chosen. One more than are offered tells whether there are
    # others.
    was_chosen = Case(When(pk=chosen, then=0), default=1) if chosen.isdecimal() else Value(1)
    rows = stories.alias(was_chosen=was_chosen).order_by("was_chosen", *stories.query.order_by)
    found = [*rows[: MOST_STORIES + 2]]
    others = [each for each in found if str(each.pk) != chosen]
    title = f"story (the {MOST_STORIES} {first})" if len(others) > MOST_STORIES else "story"
    offered = others[:MOST_STORIES] + [each for each in found if str(each.pk) == chosen]
    return OfferedStories(title, sorted(offered, key=str))


class StoryOfRecordsFilter(admin.RelatedFieldListFilter):
    """Django's own filter reads all rows of the list to know their stories, and offers every one of
    very many."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = self._offered.title

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        chosen = self.lookup_val[-1] if self.lookup_val else ""
        self._offered = offered_stories(self.stories(), str(chosen), NEWEST_BATCHES)
        return [*self._offered.choices]

    def stories(self) -> QuerySet[Story]:
        return stories_with_renders()


def stories_with_renders(**conditions: object) -> QuerySet[Story]:
    """Return the stories that have renders which meet the conditions. The database looks for one
    such render of one batch of each story, which is quick for few and for very many renders."""
    renders = VideoRender.objects.filter(batch=OuterRef("pk"), **conditions)
    # As a value, and not as a condition that there is one: PostgreSQL would join all of them.
    a_render = Subquery(renders.order_by().values("pk")[:1])
    batches = RenderBatch.objects.alias(a_render=a_render).filter(a_render__isnull=False)
    return stories_with_batches(batches)


def stories_with_batches(batches: QuerySet[RenderBatch]) -> QuerySet[Story]:
    """Return the stories of these batches, those with the newest ones first."""
    of_story = batches.filter(story=OuterRef("pk"))
    newest = Subquery(of_story.order_by("-created_at").values("created_at")[:1])
    stories = Story.objects.alias(newest_batch=newest).filter(newest_batch__isnull=False)
    return stories.order_by("-newest_batch", "-pk")


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
