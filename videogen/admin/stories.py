from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html

from storybook.admin import StoryAdmin as PlainStoryAdmin
from storybook.models import Shot, Story
from videogen.views.board import board_state, draft_selection, show_board
from videogen.views.dashboard import dashboard_state

from .story_settings import StorySettingsInline

# storybook knows nothing of video: its screen of the stories is replaced by one that does.
admin.site.unregister(Story)


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
    def board(self, story):
        url = reverse("admin:storybook_story_board", args=[story.pk])
        return format_html('<a href="{}">Board</a>', url)

    def get_list_display(self, request):
        columns = super().get_list_display(request)
        return columns if self._may_see(request) else [each for each in columns if each != "board"]

    def render_change_form(self, request, context, **kwargs):
        context["can_see_board"] = self._may_see(request)
        return super().render_change_form(request, context, **kwargs)

    # -- the board of a story, and what the screens about all stories ask for

    def get_urls(self):
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/board/", view(self.board_view), name="storybook_story_board"),
            path(
                "<int:pk>/board/state/",
                view(self.board_state_view),
                name="storybook_story_board_state",
            ),
            path(
                "dashboard/state/",
                view(self.dashboard_state_view),
                name="storybook_story_dashboard_state",
            ),
        ]
        return own + super().get_urls()

    def board_view(self, request, pk):
        self._check(request)
        story = Story.objects.filter(pk=pk).first()
        if story is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        can_generate = request.user.has_perm("videogen.generate_video")
        if request.method == "POST":
            if not can_generate:
                raise PermissionDenied
            return draft_selection(request, story, self._shots(request))
        return show_board(
            request, self.admin_site, story, self._shots(request), can_generate=can_generate
        )

    def board_state_view(self, request, pk):
        self._check(request)
        return board_state(request, get_object_or_404(Story, pk=pk), self._shots(request))

    def dashboard_state_view(self, request):
        self._check(request)
        return dashboard_state(request)

    def _check(self, request):
        if not self._may_see(request):
            raise PermissionDenied

    def _may_see(self, request):
        return self._shot_admin.has_view_permission(request) and request.user.has_perm(
            "videogen.view_videorender"
        )

    def _shots(self, request):
        """Those that the person may see and select, as the list of shots has them."""
        return self._shot_admin.get_queryset(request)

    @property
    def _shot_admin(self):
        return self.admin_site.get_model_admin(Shot)
