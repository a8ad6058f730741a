"""The tables of the stories in the admin.

Every process imports this module, so what only a page needs is imported where it is used.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import Resolver404, URLPattern, path, resolve, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from .code_search import CodeSearchMixin
from .document_forms import DocumentForms, Remark
from .form_versions import VersionedForms
from .initial_values import InitialValuesMixin
from .models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story

if TYPE_CHECKING:
    from .document_editor import Group


def _page(request: HttpRequest) -> str:
    """Return the URL name of the page that is shown."""
    match = request.resolver_match
    return (match and match.url_name) or ""


def _small(picture: Picture) -> str:
    """Return the picture's thumbnail as HTML, or its path where no thumbnail can be shown."""
    from .thumbnails import thumbnail_url

    url = thumbnail_url(picture)
    try:
        resolve(url)
    except Resolver404:
        return picture.path or "(no path)"
    alt = picture.path.rpartition("/")[2]
    return format_html('<img src="{}" alt="{}" height="64" loading="lazy">', url, alt)


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PartOfStory(InitialValuesMixin):
    """A part of the admin of what a story consists of. After a save, the way on is the outline."""

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return _show_story(obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return _show_story(obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        request._outline = _show_story(obj)  # type: ignore[attr-defined]
        super().delete_model(request, obj)  # type: ignore[misc]

    def response_delete(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().response_delete(request, *args, **kwargs)  # type: ignore[misc]
        return request._outline if isinstance(response, HttpResponseRedirect) else response  # type: ignore[attr-defined]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        story = _story_of(row) if row else _filled_in_story(request)
        context["outline_of"] = story
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


def _show_story(row: Any) -> HttpResponseRedirect:
    url = reverse("admin:storybook_story_outline", args=[_story_of(row).pk])
    return HttpResponseRedirect(url)


def _story_of(row: Any) -> Story:
    return row.scenelet.story if isinstance(row, Shot) else row.story


def _may_take_out(model_admin: Any, request: HttpRequest, row: Any) -> bool:
    """Whoever may change a part of a story may take it out again, one at a time: a shot that has
    renders is protected, and a scenelet with it."""
    return row is not None and model_admin.has_change_permission(request, row)


def _filled_in_story(request: HttpRequest) -> Story | None:
    """Return the story that an empty form is for, from what was typed or from its address."""
    given = request.POST if request.method == "POST" else request.GET
    for name, lookup in (("scenelet", "scenelets"), ("story", "pk")):
        if (value := given.get(name, "")).isdecimal() and len(value) < 19:
            return Story.objects.filter(**{lookup: value}).first()
    return None


class DocumentAdmin(PartOfStory, DocumentForms, VersionedForms, admin.ModelAdmin):
    """Shows the document as indented JSON also to people who may not change it."""

    document_field = "document"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [field.name for field in self.opts.fields if field.editable and field.name != "id"]
        if obj and not self.has_change_permission(request, obj):
            fields[fields.index(self.document_field)] = "document_as_text"
        return fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "document_as_text"]

    @admin.display(description="document")
    def document_as_text(self, row: Any) -> str:
        document = getattr(row, self.document_field)
        if document is None:
            return self.get_empty_value_display()
        return format_html("<pre>{}</pre>", json.dumps(document, ensure_ascii=False, indent=2))


# -- Story -----------------------------------------------------------------------------------------


class DesignDocumentInline(ReadOnlyInline):
    model = DesignDocument
    fields = ["kind", "updated_at"]
    readonly_fields = ["updated_at"]


class SceneletInline(ReadOnlyInline):
    model = Scenelet
    fields = ["sequence", "scenelet_id", "title", "parent", "choice_label", "is_terminal"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scenelet]:
        return super().get_queryset(request).select_related("parent", "story")


class ArchivedFilter(admin.SimpleListFilter):
    """Archived stories are in this list, too, because it is the list of the whole table."""

    title = "archived"
    parameter_name = "archived"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("yes", "archived"), ("no", "not archived")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(archived_at__isnull=self.value() == "no")


@admin.register(Story)
class StoryAdmin(VersionedForms, admin.ModelAdmin):
    list_display = ["title", "story_id", "scenelet_count", "shot_count", "updated_at", "archived"]
    list_filter = [ArchivedFilter]
    search_fields = ["title", "story_id"]
    fields = ["title", "story_id", "everything", "created_at", "updated_at"]
    add_fields = ["title", "story_id"]
    readonly_fields = ["everything", "created_at", "updated_at"]
    inlines = [DesignDocumentInline, SceneletInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Story]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                scenelet_count=Count("scenelets", distinct=True),
                shot_count=Count("scenelets__shots", distinct=True),
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # The next import finds the story by its id.
        return [*self.readonly_fields, "story_id"] if obj else []

    # -- a new story: its title, and everything else is there to go on with

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else self.add_fields

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if not obj:
            from .new_stories import NewStoryForm

            kwargs["form"] = NewStoryForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else {"story_id": ["title"]}

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return list(super().get_inlines(request, obj)) if obj else []

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": "New story",
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().add_view(request, form_url, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Story, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            from .new_stories import begin_story

            begin_story(obj)

    def response_post_save_add(self, request: HttpRequest, obj: Story) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:storybook_story_outline", args=[obj.pk]))

    @admin.display(description="scenelets", ordering="scenelet_count")
    def scenelet_count(self, story: Any) -> int:
        return story.scenelet_count

    @admin.display(description="shots", ordering="shot_count")
    def shot_count(self, story: Any) -> int:
        return story.shot_count

    @admin.display(ordering="archived_at", empty_value="–")
    def archived(self, story: Story) -> Any:
        return story.archived_at

    @admin.display(description="all of it")
    def everything(self, story: Story) -> str:
        if story.pk is None:
            return self.get_empty_value_display()
        return format_html(
            '<a href="{}">Outline</a> · '
            '<a href="{}?scenelet__story__id__exact={}">Shots</a> · '
            '<a href="{}?story__id__exact={}">Pictures</a> · '
            '<a href="{}">Upload pictures of the designs</a>',
            reverse("admin:storybook_story_outline", args=[story.pk]),
            reverse("admin:storybook_shot_changelist"),
            story.pk,
            reverse("admin:storybook_picture_changelist"),
            story.pk,
            reverse("admin:storybook_story_pictures", args=[story.pk]),
        )

    # -- the pictures of the designs

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("import/", view(self.import_view), name="storybook_story_import"),
            path(
                "<int:pk>/outline/",
                view(require_safe(self.outline_view)),
                name="storybook_story_outline",
            ),
            path(
                "<path:object_id>/pictures/",
                view(self.pictures_view),
                name="storybook_story_pictures",
            ),
        ]
        return own + super().get_urls()

    def import_view(self, request: HttpRequest) -> HttpResponse:
        # An import makes a story, or changes the one that has its id.
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        from .import_page import show_import_page

        return show_import_page(request, self)

    def outline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        story = Story.objects.filter(pk=pk).first()
        if not self.has_view_or_change_permission(request, story):
            raise PermissionDenied
        if story is None:
            # Django's own answer for a row that is gone; its stubs do not know the method.
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, str(pk)
            )
        from .outline_page import show_outline

        return show_outline(request, self.admin_site, story)

    def pictures_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        story = self.get_object(request, object_id)
        if not self.has_view_or_change_permission(request, story):
            raise PermissionDenied
        if story is None:
            # Django's own answer for a row that is gone; its stubs do not know the method.
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
        # An upload also writes the picture's path into the design document.
        documents = self.admin_site.get_model_admin(DesignDocument)
        can_change = self.has_change_permission(request, story) and documents.has_change_permission(
            request
        )
        from .views.pictures import show_pictures

        return show_pictures(request, self, story, can_change=can_change)


@admin.register(DesignDocument)
class DesignDocumentAdmin(DocumentAdmin):
    list_display = ["__str__", "story", "kind", "updated_at"]
    list_filter = ["kind", "story"]
    list_select_related = ["story"]
    search_fields = ["story__title", "story__story_id", "document"]
    autocomplete_fields = ["story"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DesignDocument]:
        documents = super().get_queryset(request)
        return documents.defer("document") if _page(request).endswith("_changelist") else documents

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # Which document this is decides about its fields.
        fixed = ["story", "kind"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        from .story_forms import DesignDocumentForm

        return super().get_form(request, obj, change, form=DesignDocumentForm, **kwargs)

    def get_layout(self, request: HttpRequest, row: Any) -> Group | None:
        if row is None:
            return None
        from .document_layouts import audio_layout, load_parts, visual_layout

        layout = visual_layout if row.kind == DesignDocument.Kind.VISUAL else audio_layout
        return layout(load_parts(row.story_id))

    def get_remarks(self, request: HttpRequest, row: Any, document: Any) -> list[Remark]:
        if row is None:
            return []
        from .document_layouts import load_parts
        from .errors import BundleError
        from .findings import check_designs
        from .importer.bundles import check_design_document

        key = f"{row.kind}_design_document"
        parts = load_parts(row.story_id)
        documents = {"visual": parts.visual, "audio": parts.audio, row.kind: document}
        found = [
            Remark(each.place.removeprefix(f"{key}."), each.words)
            for each in check_designs(documents["visual"], documents["audio"])
            if each.place.startswith(key)
        ]
        try:
            _, warnings = check_design_document(key, document)
        except BundleError:
            # The problems are errors of the form, once somebody saves it.
            return found
        return [
            *(Remark(each.place.removeprefix(f"{key}."), each.sentence) for each in warnings),
            *found,
        ]

    def get_lost_uses(self, row: Any, before: Any, after: Any) -> list[str]:
        if row is None or not (isinstance(before, dict) and isinstance(after, dict)):
            return []
        from .design_uses import warn_of_lost_uses

        return warn_of_lost_uses(row.story_id, before, after)


# -- Scenelets and shots ---------------------------------------------------------------------------


@admin.register(Scenelet)
class SceneletAdmin(PartOfStory, VersionedForms, admin.ModelAdmin):
    fields = [
        "story",
        "title",
        "description",
        "parent",
        "choice_label",
        "choice_prompt",
        "is_branch_point",
        "is_terminal",
        "sequence",
        "scenelet_id",
    ]
    list_display = [
        "scenelet_id",
        "title",
        "story",
        "sequence",
        "parent",
        "choice_label",
        "is_branch_point",
        "is_terminal",
    ]
    list_filter = ["is_branch_point", "is_terminal", "story"]
    list_select_related = ["story", "parent"]
    search_fields = ["scenelet_id", "title", "description", "story__title"]
    autocomplete_fields = ["story", "parent"]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        from .story_forms import SceneletField, SceneletForm

        form = super().get_form(request, obj, change, form=SceneletForm, **kwargs)
        story = obj.story if obj else _filled_in_story(request)
        if story and "parent" in form.base_fields:
            form.base_fields["parent"] = SceneletField(
                story.scenelets.order_by("place"),
                required=False,
                label="Comes after",
                help_text="The scenelet whose reader chooses this one. Leave it empty where the "
                "story begins.",
                error_messages={"invalid_choice": "The parent belongs to another story."},
            )
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_take_out(self, request, obj) or super().has_delete_permission(request, obj)


class KeyFrameInline(admin.TabularInline):
    model = KeyFrame
    extra = 1
    readonly_fields = ["picture_link", "problem"]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        from .key_frames import KeyFrameForm, KeyFrameFormSet

        return super().get_formset(
            request, obj, form=KeyFrameForm, formset=KeyFrameFormSet, **kwargs
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if self.has_change_permission(request, obj):
            return ["picture_link", "problem", "upload", "place"]
        return ["position", "picture_link", "problem"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyFrame]:
        return super().get_queryset(request).select_related("picture", "shot__scenelet__story")

    # Key frames are part of the shot, so whoever may change the shot may change them.

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("storybook.change_shot")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("storybook.change_shot")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("storybook.change_shot")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_part = self.has_change_permission(request, obj)
        return is_part or super().has_view_permission(request, obj)

    @admin.display(description="picture", empty_value="")
    def picture_link(self, key_frame: KeyFrame) -> str:
        if key_frame.picture_id is None:
            return ""
        url = reverse("admin:storybook_picture_change", args=[key_frame.picture_id])
        return format_html('<a href="{}">{}</a>', url, _small(key_frame.picture))

    @admin.display(description="problem", empty_value="")
    def problem(self, key_frame: KeyFrame) -> str:
        return " ".join(key_frame.picture.remarks) if key_frame.picture_id else ""


@admin.register(Shot)
class ShotAdmin(CodeSearchMixin, DocumentAdmin):
    document_field = "storyboard_payload"
    list_display = ["__str__", "scenelet", "story"]
    list_filter = ["scenelet__story"]
    list_select_related = ["scenelet__story"]
    search_fields = [
        "scenelet__scenelet_id",
        "scenelet__title",
        "scenelet__story__title",
        "storyboard_payload",
    ]
    autocomplete_fields = ["scenelet"]
    inlines = [KeyFrameInline]

    @admin.display(ordering="scenelet__story__title")
    def story(self, shot: Shot) -> Story:
        return shot.scenelet.story

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        story = obj.scenelet.story if obj else _filled_in_story(request)
        if story and "scenelet" in form.base_fields:
            from .story_forms import SceneletField

            form.base_fields["scenelet"] = SceneletField(
                story.scenelets.order_by("place"),
                error_messages={"invalid_choice": "The scenelet belongs to another story."},
            )
        return form

    def get_layout(self, request: HttpRequest, row: Any) -> Group | None:
        from .document_layouts import load_parts, shot_layout

        story = row.scenelet.story if row else _filled_in_story(request)
        return shot_layout(load_parts(story))

    def get_remarks(self, request: HttpRequest, row: Any, document: Any) -> list[Remark]:
        from .document_layouts import load_parts
        from .findings import PAYLOAD, check_payload, find_embedded_files

        story = row.scenelet.story if row else _filled_in_story(request)
        found = [
            *check_payload(document, load_parts(story).ids),
            *find_embedded_files(document, PAYLOAD),
        ]
        return [Remark(each.place.removeprefix(f"{PAYLOAD}."), each.words) for each in found]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_take_out(self, request, obj) or super().has_delete_permission(request, obj)


# -- Pictures --------------------------------------------------------------------------------------


class UsableFilter(admin.SimpleListFilter):
    title = "usable as a reference"
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Picture]) -> QuerySet[Picture]:
        match self.value():
            case "yes":
                return queryset.filter(problem="")
            case "no":
                return queryset.exclude(problem="")
        return queryset


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin):
    list_display = ["thumbnail", "path", "story", "mime_type", "dimensions", "size", "remarks"]
    list_display_links = ["thumbnail", "path"]
    list_filter = [UsableFilter, "mime_type", "story"]
    list_select_related = ["story"]
    search_fields = ["path", "sha256", "problem"]
    readonly_fields = [
        "thumbnail",
        "story",
        "path",
        "remarks",
        "mime_type",
        "dimensions",
        "size",
        "sha256",
        "file",
    ]
    fields = [*readonly_fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A picture is deleted with its story, never alone. The story's own delete page asks this
        # as well, so only the pages of pictures say no.
        is_own_page = _page(request).startswith("storybook_picture_")
        return not is_own_page and super().has_delete_permission(request, obj)

    @admin.display(description="picture")
    def thumbnail(self, picture: Picture) -> str:
        return _small(picture) if picture.file else "—"

    @admin.display(description="problems", ordering="problem")
    def remarks(self, picture: Picture) -> str:
        return " ".join(picture.remarks)

    @admin.display(ordering="width")
    def dimensions(self, picture: Picture) -> str:
        return f"{picture.width} × {picture.height}" if picture.width else "—"

    @admin.display(ordering="byte_size")
    def size(self, picture: Picture) -> str:
        return filesizeformat(picture.byte_size) if picture.byte_size else "—"
