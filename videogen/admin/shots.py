from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.urls import path, reverse
from django.utils.html import format_html

from storybook.admin import ShotAdmin as StoryShotAdmin
from storybook.models import Shot
from videogen.models import VideoRender
from videogen.showing import badge_of_shot
from videogen.views.plan import plan_videos
from videogen.views.takes import show_takes

from .records import is_list
from .reference_choices import ReferenceChoiceInline

# storybook knows nothing of video: its screen of the shots is replaced by one that does.
admin.site.unregister(Shot)

GENERATE = "generate_videos"


@admin.register(Shot)
class ShotAdmin(StoryShotAdmin):
    change_form_template = "admin/videogen/shot_form.html"
    # Before scenelet and story: a phone shows the first columns.
    list_display = [
        *StoryShotAdmin.list_display[:1],
        "badge",
        "takes",
        *StoryShotAdmin.list_display[1:],
    ]
    inlines = [*StoryShotAdmin.inlines, ReferenceChoiceInline]
    actions = [GENERATE]

    def get_queryset(self, request):
        shots = super().get_queryset(request)
        if not is_list(request):
            return shots.select_related("scenelet__story")
        attempts = VideoRender.objects.exclude(kind=VideoRender.Kind.REHEARSAL).only(
            "shot_id", "kind", "state", "state_since", "beat_at", "review", "take", "is_simulated"
        )
        return shots.defer("storyboard_payload", "scenelet__description").prefetch_related(
            Prefetch("renders", queryset=attempts.order_by("pk"), to_attr="attempts")
        )

    @admin.display(description="video")
    def badge(self, shot):
        return badge_of_shot(shot.attempts).__html__()

    @admin.display
    def takes(self, shot):
        count = sum(render.state == VideoRender.State.DONE for render in shot.attempts)
        words = f"{count} take{'' if count == 1 else 's'}" if count else "no take"
        url = reverse("admin:storybook_shot_takes", args=[shot.pk])
        return format_html('<a href="{}">{}</a>', url, words)

    # -- Generate videos…

    def has_generate_permission(self, request):
        return request.user.has_perm("videogen.generate_video")

    def changelist_view(self, request, extra_context=None):
        # Django drops an action that one may not do and goes on; here it is about money.
        if GENERATE in request.POST.getlist("action") and not self.has_generate_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    @admin.action(description="Generate videos…", permissions=["generate"])
    def generate_videos(self, request, queryset):
        return plan_videos(self, request, queryset, action=GENERATE)

    def render_change_form(self, request, context, **kwargs):
        context["can_generate"] = self.has_generate_permission(request)
        return super().render_change_form(request, context, **kwargs)

    # -- the render history of a shot

    def get_urls(self):
        view = self.admin_site.admin_view(self.takes_view)
        own = [path("<path:object_id>/takes/", view, name="storybook_shot_takes")]
        return own + super().get_urls()

    def takes_view(self, request, object_id):
        shot = self.get_object(request, object_id)
        may_see = self.has_view_permission(request, shot) and request.user.has_perm(
            "videogen.view_videorender"
        )
        if not may_see:
            raise PermissionDenied
        if shot is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        can_generate = self.has_generate_permission(request)
        return show_takes(request, self.admin_site, shot, can_generate=can_generate)
