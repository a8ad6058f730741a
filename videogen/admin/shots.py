"""The list of shots, where shots are selected for a batch, and the takes of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import ngettext

from storybook.admin import ShotAdmin as StoryShotAdmin
from storybook.ended_sessions import button_is_on
from storybook.models import Shot
from videogen import views
from videogen.models import RenderBatch
from videogen.views.components.access import REVIEW, requester_of
from videogen.views.components.selection import tell_of_left_out

from .records import is_list, redirect_to_index
from .reference_choices import ReferenceChoiceInline
from .shot_filters import (
    STORY,
    BadgeFilter,
    SceneletFilter,
    ShotPaginator,
    StoryFilter,
    VideoFilter,
)

button_is_on(
    "storybook_shot_preview",
    lambda address: reverse("admin:storybook_shot_change", args=[address["object_id"]]),
)

# The app storybook knows nothing of video, so its screen of shots is replaced here.
admin.site.unregister(Shot)

GENERATE, PROMOTE = "generate_videos", "promote_drafts"
VERDICTS = ("approve_takes", "reject_takes")


@admin.register(Shot)
class ShotAdmin(StoryShotAdmin):
    change_form_template = "admin/videogen/shot/form.html"
    list_display = ["thumbnail", "name", "storyboard", "badge", "takes", "video"]
    list_display_links = ["name"]
    list_filter = [BadgeFilter, VideoFilter, StoryFilter, SceneletFilter]
    paginator = ShotPaginator
    show_facets = admin.ShowFacets.ALWAYS
    show_full_result_count = False
    list_per_page = 50
    ordering = ["scenelet__story", "scenelet__sequence", "scenelet", "shot_index"]
    inlines = [*StoryShotAdmin.inlines, ReferenceChoiceInline]
    actions = [*VERDICTS, GENERATE, PROMOTE, "export_shots"]

    class Media:
        css = {"all": ["videogen/board.css"]}
        js = ["videogen/scrub.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shot]:
        shots = super().get_queryset(request).select_related("scenelet__story")
        return shots.defer("scenelet__description") if is_list(request) else shots

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        found = super().get_changelist_instance(request)
        # What the cards show is looked up for the rows that are shown alone: counting, filtering
        # and sorting do without it.
        found.result_list = views.components.shot_cards.for_cards(found.result_list)
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # StoryFilter reads this name, under which older links filter, too.
        return lookup == STORY or super().lookup_allowed(lookup, value, request)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        if request.user.has_perm("videogen.view_videorender"):
            return columns
        return [each for each in columns if each not in ("thumbnail", "takes", "video")]

    @admin.display(description="picture")
    def thumbnail(self, shot: Shot) -> str:
        return render_to_string(
            "admin/videogen/shot/thumbnail.html",
            {"card": views.components.shot_cards.ShotCard(shot)},
        )

    # The list of fields is what ChangeList takes; the stubs know one field only.
    @admin.display(  # type: ignore[call-overload]
        description="shot", ordering=["scenelet__place", "shot_index"]
    )
    def name(self, shot: Shot) -> str:
        return format_html("<bdi>{}</bdi>", shot)

    @admin.display
    def storyboard(self, shot: Shot) -> str:
        story = shot.scenelet.story
        return format_html(
            '<bdi class="st-lines">{}</bdi><a class="st-under" href="{}"><bdi>{}</bdi></a>',
            views.components.shot_cards.ShotCard(shot).text,
            reverse("admin:storybook_story_board", args=[story.pk]),
            story,
        )

    @admin.display(description="status")
    def badge(self, shot: Shot) -> str:
        return views.components.shot_cards.ShotCard(shot).badge.__html__()

    @admin.display
    def takes(self, shot: Shot) -> str:
        number = views.components.shot_cards.ShotCard(shot).takes
        words = ngettext("%d take", "%d takes", number) % number if number else "no take"
        url = reverse("admin:storybook_shot_takes", args=[shot.pk])
        return format_html(
            '<a href="{}">{}</a><br><a class="st-under" href="{}">'
            "Preview prompt and references</a>",
            url,
            words,
            reverse("admin:videogen_takes_preview", args=[shot.pk]),
        )

    @admin.display(description="video")
    def video(self, shot: Shot) -> str:
        url = views.components.shot_cards.ShotCard(shot).latest_video_url
        if not url:
            return self.get_empty_value_display()
        return format_html(
            '<a href="{}">Play<span class="visually-hidden"> {}</span></a>',
            url,
            shot,
        )

    # -- the action "Generate videos…"

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.generate_video")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Django ignores an action that the person may not run and shows the list again. This one
        # spends money, so it is refused.
        asked = set(request.POST.getlist("action"))
        if asked & {GENERATE, PROMOTE} and not self.has_generate_permission(request):
            raise PermissionDenied
        if asked & set(VERDICTS) and not self.has_review_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    @admin.action(description="Generate videos…", permissions=["generate"])
    def generate_videos(
        self, request: HttpRequest, queryset: QuerySet[Shot]
    ) -> HttpResponse | None:
        """Store the selection as one draft for each story. The next page shows plan and cost."""
        from videogen.planning.drafts import draft_batches

        drafts = draft_batches(queryset, RenderBatch.Mode.DEFAULT, requester_of(request))
        return self._show_plans(request, drafts)

    @admin.action(description="Promote drafts…", permissions=["generate"])
    def promote_drafts(self, request: HttpRequest, queryset: QuerySet[Shot]) -> HttpResponse | None:
        """Store the selection as drafts that send its draft takes again, as final takes."""
        from videogen.planning.drafts import draft_batches

        mode = RenderBatch.Mode.OVERRIDE
        drafts = draft_batches(queryset, mode, requester_of(request), promotes=True)
        return self._show_plans(request, drafts)

    def _show_plans(self, request: HttpRequest, drafts: list[RenderBatch]) -> HttpResponse | None:
        if drafts:
            taken = {pk for draft in drafts for pk in draft.filters["shots"]}
            tell_of_left_out(request, request.POST.getlist(ACTION_CHECKBOX_NAME), taken)
        else:
            messages.warning(request, "None of the selected shots is in this list.")
            return None
        plans = [
            (reverse("admin:videogen_renderbatch_plan", args=[draft.pk]), draft.story)
            for draft in drafts
        ]
        if len(plans) == 1:
            return HttpResponseRedirect(plans[0][0])
        links = format_html_join(", ", '<a href="{}"><bdi>{}</bdi></a>', plans)
        messages.info(
            request,
            format_html(
                "The shots belong to {} stories, so there is one plan for each story: {}. "
                "Nothing is queued before you confirm a plan.",
                len(plans),
                links,
            ),
        )
        if not request.user.has_perm("videogen.view_renderbatch"):
            return HttpResponseRedirect(request.get_full_path())
        drafted = reverse("admin:videogen_renderbatch_changelist")
        return HttpResponseRedirect(f"{drafted}?status__exact={RenderBatch.Status.DRAFT.value}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # The work comes before what deletes.
        actions = super().get_actions(request)
        deleting = {name: actions.pop(name) for name in ("delete_selected",) if name in actions}
        return actions | deleting

    # -- verdicts on many shots

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([REVIEW, "videogen.view_videorender"])

    @admin.action(description="Approve the newest takes", permissions=["review"])
    def approve_takes(self, request: HttpRequest, queryset: QuerySet[Shot]) -> None:
        views.review.bulk.judge_shots(self, request, queryset, views.review.bulk.APPROVE)

    @admin.action(description="Reject the newest takes…", permissions=["review"])
    def reject_takes(self, request: HttpRequest, queryset: QuerySet[Shot]) -> HttpResponse | None:
        """Ask once what is wrong with all of them."""
        if views.review.bulk.is_answered(request):
            views.review.bulk.judge_shots(self, request, queryset, views.review.bulk.REJECT)
            return None
        shots = list(queryset.values_list("pk", flat=True))
        hidden = [("action", "reject_takes"), *((ACTION_CHECKBOX_NAME, pk) for pk in shots)]
        return views.review.bulk.ask_why(self, request, len(shots), hidden, request.get_full_path())

    # -- the action "Export…"

    def has_takes_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.view_videorender")

    @admin.action(description="Export…", permissions=["takes"])
    def export_shots(self, request: HttpRequest, queryset: QuerySet[Shot]) -> HttpResponse | None:
        """Show the page that asks which takes of the selected shots are exported."""
        chosen = list(queryset)
        tell_of_left_out(
            request, request.POST.getlist(ACTION_CHECKBOX_NAME), {shot.pk for shot in chosen}
        )
        return views.export.show_export_page(request, self.admin_site, chosen) if chosen else None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["can_generate"] = self.has_generate_permission(request)
        context["can_see_takes"] = request.user.has_perm("videogen.view_videorender")
        shot = context.get("original")
        if shot and context["can_see_takes"]:
            context["preview"] = views.shot_preview.preview_of(
                request, shot, self.get_layout(request, shot)
            )
        return super().render_change_form(request, context, *args, **kwargs)

    # -- the render history of a shot

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/takes/", view(self.takes_view), name="storybook_shot_takes"),
            path(
                "<path:object_id>/preview/", view(self.preview_view), name="storybook_shot_preview"
            ),
        ]
        return own + super().get_urls()

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the posted form would send, though it is not saved."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        shot = self.get_object(request, object_id)
        may_see = self.has_view_permission(request, shot) and self.has_takes_permission(request)
        if not may_see:
            raise PermissionDenied
        if shot is None:
            raise Http404
        return views.shot_preview.answer_preview(request, shot, self.get_layout(request, shot))

    def takes_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        shot = self.get_object(request, object_id)
        may_see = self.has_view_permission(request, shot) and request.user.has_perm(
            "videogen.view_videorender"
        )
        if not may_see:
            raise PermissionDenied
        if shot is None:
            return redirect_to_index(self, request, object_id)
        can_generate = self.has_generate_permission(request)
        return views.takes.page.show_takes(
            request, self.admin_site, shot, can_generate=can_generate
        )
