from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from videogen.lanes import end_wait, resume_lane
from videogen.models import Lane
from videogen.showing import Badge
from videogen.wakeups import wake_pump

from .records import RecordAdmin


@admin.register(Lane)
class LaneAdmin(RecordAdmin):
    change_form_template = "admin/videogen/lane_form.html"
    list_display = ["name", "badge", "reason", "not_before", "beat_at"]
    fields = [
        "name",
        "badge",
        "paused_at",
        "pause_reason",
        "pause_code",
        "not_before",
        "wait_reason",
        "wait_code",
        "quota_refusals",
        "lease_owner",
        "lease_expires_at",
        "beat_at",
    ]
    readonly_fields = ["badge"]
    actions = ["resume"]

    def has_generate_permission(self, request):
        return request.user.has_perm("videogen.generate_video")

    @admin.display(description="queue")
    def badge(self, lane):
        if lane.paused_at:
            return Badge("red", "stopped").__html__()
        if lane.not_before and lane.not_before > timezone.now():
            return Badge("amber", "waiting").__html__()
        return Badge("green", "open").__html__()

    @admin.display
    def reason(self, lane):
        return lane.pause_reason or lane.wait_reason

    @admin.action(description="Resume the queue", permissions=["generate"])
    def resume(self, request, queryset):
        names = []
        for lane in queryset:
            with transaction.atomic():
                resume_lane(lane)
                end_wait(lane)
                wake_pump()
            self.log_change(request, lane, "Resumed the queue.")
            names.append(lane.name)
        self.message_user(
            request, f"Resumed: {', '.join(names)}. What waits is sent now.", messages.SUCCESS
        )

    def get_urls(self):
        view = self.admin_site.admin_view(self.resume_view)
        own = [path("<path:object_id>/resume/", view, name="videogen_lane_resume")]
        return own + super().get_urls()

    def resume_view(self, request, object_id):
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        lane = self.get_object(request, object_id)
        if not self.has_view_permission(request, lane) or not self.has_generate_permission(request):
            raise PermissionDenied
        if lane is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        self.resume(request, Lane.objects.filter(pk=lane.pk))
        return HttpResponseRedirect(reverse("admin:videogen_lane_change", args=[lane.pk]))

    def render_change_form(self, request, context, **kwargs):
        lane = context.get("original")
        is_held = lane is not None and bool(lane.paused_at or lane.not_before)
        context["can_resume"] = is_held and self.has_generate_permission(request)
        return super().render_change_form(request, context, **kwargs)
