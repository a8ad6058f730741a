"""The list of stories, and the addresses below a story, such as its board, its films and its links
for guests. The first page's updates are here, too."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from storybook.admin import StoryAdmin as PlainStoryAdmin
from storybook.ended_sessions import button_is_on
from storybook.models import Shot, Story
from videogen import views
from videogen.views.components.access import DIRECT, REVIEW

from .records import redirect_to_index
from .story_settings import StorySettingsInline

# The app storybook knows nothing of video, so its screen of stories is replaced here.
admin.site.unregister(Story)


button_is_on(
    "storybook_story_share_revoke",
    lambda address: reverse("admin:storybook_story_share", args=[address["pk"]]),
)
button_is_on("storybook_story_archive", lambda address: reverse("admin:index"))
button_is_on(
    "storybook_story_bring_back", lambda address: reverse("admin:storybook_story_archived")
)
button_is_on(
    "storybook_story_board_judge",
    lambda address: reverse("admin:storybook_story_board", args=[address["pk"]]),
)


@admin.register(Story)
class StoryAdmin(PlainStoryAdmin):
    change_form_template = "admin/videogen/story/form.html"
    list_display = [
        *PlainStoryAdmin.list_display[:1],
        "board",
        *PlainStoryAdmin.list_display[1:],
    ]

    inlines = [StorySettingsInline, *PlainStoryAdmin.inlines]

    @admin.display
    def board(self, story: Story) -> str:
        url = reverse("admin:storybook_story_board", args=[story.pk])
        return format_html('<a href="{}">Board</a>', url)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        return columns if self._may_see(request) else [each for each in columns if each != "board"]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["can_see_board"] = self._may_see(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Story], search_term: str
    ) -> tuple[QuerySet[Story], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        # Here the list is a picker of another form.
        is_picker = request.resolver_match and request.resolver_match.url_name == "autocomplete"
        return found.filter(archived_at=None) if is_picker else found, may_repeat

    # -- the board of a story, and the updates of the first page

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/board/", view(self.board_view), name="storybook_story_board"),
            path(
                "<int:pk>/board/state/",
                view(self.board_state_view),
                name="storybook_story_board_state",
            ),
            path(
                "<int:pk>/board/judge/",
                view(self.board_judge_view),
                name="storybook_story_board_judge",
            ),
            path("<int:pk>/watch/", view(self.watch_view), name="storybook_story_watch"),
            path("<int:pk>/films/", view(self.films_view), name="storybook_story_films"),
            path(
                "<int:pk>/films/state/",
                view(self.films_state_view),
                name="storybook_story_films_state",
            ),
            path(
                "<int:pk>/directions/",
                view(self.directions_view),
                name="storybook_story_directions",
            ),
            path("<int:pk>/export/", view(self.export_view), name="storybook_story_export"),
            path("<int:pk>/share/", view(self.share_view), name="storybook_story_share"),
            path(
                "<int:pk>/share/<int:link>/revoke/",
                view(self.revoke_view),
                name="storybook_story_share_revoke",
            ),
            path("archived/", view(self.archived_view), name="storybook_story_archived"),
            path("<int:pk>/archive/", view(self.archive_view), name="storybook_story_archive"),
            path(
                "<int:pk>/bring-back/",
                view(self.bring_back_view),
                name="storybook_story_bring_back",
            ),
            path(
                "dashboard/state/",
                view(self.dashboard_state_view),
                name="storybook_story_dashboard_state",
            ),
        ]
        return own + super().get_urls()

    def board_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        story = Story.objects.filter(pk=pk).first()
        if story is None:
            return redirect_to_index(self, request, str(pk))
        can_generate = request.user.has_perm("videogen.generate_video")
        if request.method == "POST":
            if not can_generate:
                raise PermissionDenied
            return views.board.draft_selection(request, story, self._shots(request))
        return views.board.show_board(
            request, self.admin_site, story, self._shots(request), can_generate=can_generate
        )

    def board_state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        return views.board.board_state(
            request, get_object_or_404(Story, pk=pk), self._shots(request)
        )

    def board_judge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._check_reviewer(request)
        story = get_object_or_404(Story, pk=pk)
        return views.board.judge_selection(self, request, story, self._shots(request))

    # -- watching, films, export

    def watch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        story = get_object_or_404(Story, pk=pk)
        can_share = request.user.has_perm(REVIEW)
        return views.watch.show_watch_page(request, self.admin_site, story, can_share=can_share)

    def films_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        can_make = request.user.has_perm(REVIEW)
        if request.method == "POST" and not can_make:
            raise PermissionDenied
        story = get_object_or_404(Story, pk=pk)
        return views.films.show_films_page(request, self.admin_site, story, can_make=can_make)

    def films_state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        story = get_object_or_404(Story, pk=pk)
        return views.films.films_state(request, story, can_make=request.user.has_perm(REVIEW))

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        self._check(request)
        story = get_object_or_404(Story, pk=pk)
        return views.export.export_story(request, self.admin_site, story, self._shots(request))

    # -- links for people without an account

    def share_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check_reviewer(request)
        story = get_object_or_404(Story, pk=pk)
        return views.guest_links.show_share_page(request, self.admin_site, self, story)

    def revoke_view(self, request: HttpRequest, pk: int, link: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._check_reviewer(request)
        return views.guest_links.revoke_link(request, self, get_object_or_404(Story, pk=pk), link)

    # -- what goes into the prompts beside the story

    def directions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        if not request.user.has_perm("videogen.view_direction"):
            raise PermissionDenied
        can_write = request.user.has_perms(DIRECT)
        story = get_object_or_404(Story, pk=pk)
        if request.method == "POST":
            if not can_write:
                raise PermissionDenied
            return views.directions.change_directions(request, story)
        return views.directions.show_directions(
            request, self.admin_site, story, can_write=can_write
        )

    # -- out of the way, and back

    @method_decorator(require_safe)
    def archived_view(self, request: HttpRequest) -> HttpResponse:
        self._check(request)
        may_move = self.has_change_permission(request)
        return views.archived_stories.show_archived(request, self.admin_site, may_move=may_move)

    @method_decorator(require_POST)
    def archive_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, archives=True)

    @method_decorator(require_POST)
    def bring_back_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, archives=False)

    def _move(self, request: HttpRequest, pk: int, *, archives: bool) -> HttpResponse:
        self._check(request)
        if not self.has_change_permission(request):
            raise PermissionDenied
        return views.archived_stories.move_story(
            self, request, get_object_or_404(Story, pk=pk), archives=archives
        )

    def dashboard_state_view(self, request: HttpRequest) -> HttpResponse:
        self._check(request)
        return views.dashboard.dashboard_state(request)

    def _check(self, request: HttpRequest) -> None:
        if not self._may_see(request):
            raise PermissionDenied

    def _check_reviewer(self, request: HttpRequest) -> None:
        self._check(request)
        if not request.user.has_perm(REVIEW):
            raise PermissionDenied

    def _may_see(self, request: HttpRequest) -> bool:
        return self._shot_admin.has_view_permission(request) and request.user.has_perm(
            "videogen.view_videorender"
        )

    def _shots(self, request: HttpRequest) -> QuerySet[Shot]:
        """Return the shots that the person may see and select, as in the list of shots."""
        return self._shot_admin.get_queryset(request)

    @property
    def _shot_admin(self) -> admin.ModelAdmin[Shot]:
        return self.admin_site.get_model_admin(Shot)
