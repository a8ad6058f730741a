"""The notices: what people were told, and whether the message was sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import ngettext

from videogen import views
from videogen.common.formats import moment
from videogen.models import Notice

from .records import RecordAdmin

# The records that a person must be allowed to see to open the page that a notice links to.
_NEEDED: dict[str, list[str]] = {
    Notice.Kind.BATCH_FINISHED: ["renderbatch"],
    Notice.Kind.CLIP_EXPIRES: ["renderbatch"],
    Notice.Kind.QUEUE_PAUSED: ["lane"],
}
# What the link is called where the notice is about no batch that is still there.
_PAGES: dict[str, str] = {
    Notice.Kind.BUDGET_80: "What was spent",
    Notice.Kind.BUDGET_100: "What was spent",
    Notice.Kind.QUEUE_PAUSED: "The queue",
    Notice.Kind.LATE_ANSWER: "What was spent",
}


@admin.register(Notice)
class NoticeAdmin(RecordAdmin):
    list_display = ["subject", "page", "kind", "created_at", "sent", "attempts", "last_error"]
    list_filter = ["kind", "created_at"]
    search_fields = ["subject", "text"]
    fields = [
        "kind",
        "subject",
        "text",
        "page",
        "story",
        "created_at",
        "sent",
        "attempts",
        "next_attempt_at",
        "last_error",
    ]
    readonly_fields = ["page", "sent"]
    actions = ["send_again"]

    def get_fields(self, request: HttpRequest, obj: Notice | None = None) -> list[Any]:
        """Leave the link out for people who may not open its page."""
        needed = _NEEDED.get(obj.kind, ()) if obj else ()
        lets_in = request.user.has_perms([f"videogen.view_{name}" for name in needed])
        return [each for each in self.fields if each != "page" or lets_in]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and note in the browser which notice was the newest: the bar counts those
        that came since."""
        response = super().changelist_view(request, extra_context)
        newest = Notice.objects.order_by("-pk").values_list("pk", flat=True).first()
        if newest and request.method == "GET" and response.status_code == 200:
            response.set_cookie(
                views.components.bar.SEEN_COOKIE,
                str(newest),
                max_age=views.components.bar.SEEN_KEPT_SECONDS,
                samesite="Lax",
                httponly=True,
                secure=request.is_secure(),
            )
        return response

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.generate_video")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        notices = super().get_queryset(request).select_related("batch")
        return notices.defer("batch__plan", "batch__filters")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the links out for people who may not open all of their pages."""
        needed = {name for names in _NEEDED.values() for name in names}
        lets_in = request.user.has_perms([f"videogen.view_{name}" for name in needed])
        return [each for each in self.list_display if each != "page" or lets_in]

    @admin.display(description="about")
    def page(self, notice: Notice) -> str:
        if not notice.path:
            return "-"
        words = str(notice.batch or _PAGES.get(notice.kind, "") or notice.path)
        return format_html('<a data-about href="{}"><bdi>{}</bdi></a>', notice.path, words)

    @admin.display
    def sent(self, notice: Notice) -> str:
        ways = [
            (way, f"{way} {moment(when)}")
            for way, when in (
                ("e-mail", notice.emailed_at),
                ("webhook", notice.webhook_sent_at),
            )
            if when
        ]
        if notice.next_attempt_at and notice.last_error:
            ways.append(("retry", f"next try {moment(notice.next_attempt_at)}"))
        elif notice.next_attempt_at:
            ways.append(("due", "about to be sent"))
        elif notice.last_error:
            ways.append(("given-up", "given up"))
        return format_html_join(
            ", ", '<span data-sent="{}">{}</span>', ways or [("here", "shown here only")]
        )

    @admin.action(description="Send again", permissions=["generate"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        from videogen.notifications.deliver import redeliver

        sent = 0
        for notice in queryset:
            if redeliver(notice):
                sent += 1
                self.log_change(request, notice, "Sent again.")
        if sent:
            self.message_user(
                request,
                ngettext("%d notice will be sent again.", "%d notices will be sent again.", sent)
                % sent,
                messages.SUCCESS,
            )
        if left := len(queryset) - sent:
            self.message_user(
                request,
                ngettext(
                    "%d notice was not sent: neither e-mail nor a webhook is set up for it.",
                    "%d notices were not sent: neither e-mail nor a webhook is set up for them.",
                    left,
                )
                % left,
                messages.WARNING,
            )
