"""The lanes: the queue of each provider account, and the buttons that pause and resume it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from storybook.ended_sessions import button_is_on
from videogen import views
from videogen.lanes.pauses import BY_PERSON, served_lanes
from videogen.models import Lane, VideoRender
from videogen.views.components.access import signed_in
from videogen.views.components.badges import Badge

from .records import RecordAdmin, redirect_to_index


def _page_of_lane(address: Mapping[str, Any]) -> str:
    return reverse("admin:videogen_lane_change", args=[address["object_id"]])


for _verb in ("resume", "pause"):
    button_is_on(f"videogen_lane_{_verb}", _page_of_lane)


@admin.register(Lane)
class LaneAdmin(RecordAdmin):
    is_internal = True
    change_list_template = "admin/videogen/lane/list.html"
    change_form_template = "admin/videogen/lane/form.html"
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

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.generate_video")

    @admin.display(description="queue")
    def badge(self, lane: Lane) -> str:
        if lane.paused_at:
            if lane.pause_code == BY_PERSON:
                return Badge("amber", "paused", "paused").__html__()
            return Badge("red", "stopped", "stopped").__html__()
        if lane.not_before and lane.not_before > timezone.now():
            return Badge("amber", "waiting", "waiting").__html__()
        return Badge("green", "open", "open").__html__()

    @admin.display
    def reason(self, lane: Lane) -> str:
        return lane.pause_reason or lane.wait_reason

    @admin.action(description="Resume the queue", permissions=["generate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Lane]) -> None:
        for lane in queryset:
            views.components.queue_notice.resume(self, request, lane)
        names = ", ".join(lane.name for lane in queryset)
        self.message_user(
            request, f"Resumed: {names}. Waiting renders are sent now.", messages.SUCCESS
        )

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{verb}/",
                self.admin_site.admin_view(view),
                name=f"videogen_lane_{verb}",
            )
            for verb, view in (
                ("resume", self.resume_view),
                ("pause", self.pause_view),
                ("move", self.move_view),
            )
        ]
        doctor = self.admin_site.admin_view(require_safe(self.doctor_view))
        own.append(path("doctor/", doctor, name="videogen_doctor"))
        return own + super().get_urls()

    def doctor_view(self, request: HttpRequest) -> HttpResponse:
        """Show the doctor to people who may generate videos: it tells how the server is set up."""
        if not self.can_see_doctor(request):
            raise PermissionDenied
        return views.doctor.show_doctor(request, self.admin_site)

    def can_see_doctor(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and self.has_generate_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"can_see_doctor": self.can_see_doctor(request)} | (extra_context or {})
        return super().changelist_view(request, context)

    def resume_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request, object_id, lambda lane: self.resume(request, Lane.objects.filter(pk=lane.pk))
        )

    def pause_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def pause(lane: Lane) -> None:
            # The button of the first page stops everything that could cost money.
            lanes = served_lanes() if request.POST.get("back") == "dashboard" else [lane]
            views.components.queue_notice.pause(self, request, lanes)

        return self._act(request, object_id, pause)

    def move_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        lane = self.get_object(request, object_id)
        if not views.components.queue_notice.may_move(signed_in(request)):
            raise PermissionDenied
        if lane is None:
            return redirect_to_index(self, request, object_id)
        return views.model_switch.move_renders(self, request, lane)

    def _act(
        self, request: HttpRequest, object_id: str, act: Callable[[Lane], None]
    ) -> HttpResponse:
        """Run what a button posts, and go back to the page that the button is on."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        lane = self.get_object(request, object_id)
        if not self.has_view_permission(request, lane) or not self.has_generate_permission(request):
            raise PermissionDenied
        if lane is None:
            return redirect_to_index(self, request, object_id)
        act(lane)
        if request.POST.get("back") == "dashboard":
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(reverse("admin:videogen_lane_change", args=[lane.pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        lane: Lane | None = context.get("original")
        is_held = lane is not None and bool(lane.paused_at or lane.not_before)
        may_act = self.has_generate_permission(request)
        context["can_resume"] = is_held and may_act
        context["can_pause"] = lane is not None and may_act and lane.pause_code != BY_PERSON
        context["notice"] = lane and views.components.queue_notice.notice_of(lane)
        context["to_move"] = 0
        if lane is not None and views.components.queue_notice.may_move(signed_in(request)):
            context["to_move"] = VideoRender.objects.queued_in(lane).count()
        return super().render_change_form(request, context, *args, **kwargs)
