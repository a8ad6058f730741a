from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import Resolver404, URLPattern, path, resolve, reverse
from django.utils.html import format_html

from .code_search import CodeSearchMixin
from .form_versions import VersionedForms
from .import_page import show_import_page
from .initial_values import InitialValuesMixin
from .key_frames import KeyFrameForm, KeyFrameFormSet
from .models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from .thumbnails import thumbnail_url
from .views.pictures import show_pictures


def _page(request: HttpRequest) -> str:
    """Return the URL name of the page that is shown."""
    match = request.resolver_match
    return (match and match.url_name) or ""


def _small(picture: Picture) -> str:
    """Return the picture's thumbnail as HTML, or its path where no thumbnail can be shown."""
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


class DocumentAdmin(InitialValuesMixin, VersionedForms, admin.ModelAdmin):
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


@admin.register(Story)
class StoryAdmin(VersionedForms, admin.ModelAdmin):
    list_display = ["title", "story_id", "scenelet_count", "shot_count", "updated_at"]
    search_fields = ["title", "story_id"]
    fields = ["title", "story_id", "everything", "created_at", "updated_at"]
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
        return [*self.readonly_fields, "story_id"] if obj else self.readonly_fields

    @admin.display(description="scenelets", ordering="scenelet_count")
    def scenelet_count(self, story: Any) -> int:
        return story.scenelet_count

    @admin.display(description="shots", ordering="shot_count")
    def shot_count(self, story: Any) -> int:
        return story.shot_count

    @admin.display(description="all of it")
    def everything(self, story: Story) -> str:
        if story.pk is None:
            return self.get_empty_value_display()
        return format_html(
            '<a href="{}?scenelet__story__id__exact={}">Shots</a> · '
            '<a href="{}?story__id__exact={}">Pictures</a> · '
            '<a href="{}">Upload pictures of the designs</a>',
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
        return show_import_page(request, self)

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


# -- Scenelets and shots ---------------------------------------------------------------------------


class SceneletForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        story, parent = cleaned.get("story"), cleaned.get("parent")
        if parent and story and parent.story_id != story.pk:
            raise ValidationError({"parent": "The parent belongs to another story."})
        while parent:
            if parent.pk == self.instance.pk:
                raise ValidationError({"parent": "A scenelet cannot come after itself."})
            parent = parent.parent
        return cleaned


@admin.register(Scenelet)
class SceneletAdmin(InitialValuesMixin, VersionedForms, admin.ModelAdmin):
    form = SceneletForm
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


class KeyFrameInline(admin.TabularInline):
    model = KeyFrame
    form = KeyFrameForm
    formset = KeyFrameFormSet
    extra = 1
    readonly_fields = ["picture_link", "problem"]

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
