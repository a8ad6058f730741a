"""The record of a render, and the decisions that are made in the list of renders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import ngettext

from storybook.code_search import CodeSearchMixin
from videogen import views
from videogen.common.formats import indented_text, media_url, usd
from videogen.models import VideoRender
from videogen.models.outcomes import Outcome, having_outcome, outcome_of
from videogen.models.render_queries import HEAVY_COLUMNS
from videogen.models.states import STUCK
from videogen.views.components.badges import badge_of_state
from videogen.views.components.urls import decide_url

from .records import RecordAdmin, StoryOfRecordsFilter, as_json
from .review import ReviewPages
from .takes import TakePages
from .unresolved import UnresolvedPages


class OutcomeFilter(admin.SimpleListFilter):
    """Filter by what the attempt came to.

    The list of submissions has such a filter, too, but it does not have rehearsals and renders that
    were never sent: those have no submission.
    """

    title = "outcome"
    parameter_name = "outcome"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[VideoRender]
    ) -> list[tuple[str, str]]:
        return Outcome.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[VideoRender]
    ) -> QuerySet[VideoRender]:
        value = self.value()
        return having_outcome(queryset, value) if value in Outcome.values else queryset


@admin.register(VideoRender)
class VideoRenderAdmin(CodeSearchMixin, UnresolvedPages, TakePages, ReviewPages, RecordAdmin):
    list_display = [
        "badge",
        "shot_name",
        "story",
        "take",
        "kind",
        "model",
        "cost",
        "actual",
        "queued_at",
    ]
    list_display_links = ["badge", "shot_name"]
    list_filter = [
        "state",
        OutcomeFilter,
        "review",
        "kind",
        "mode",
        ("shot__scenelet__story", StoryOfRecordsFilter),
    ]
    list_select_related = ["shot__scenelet__story", "batch", "lane", "requested_by", "reviewed_by"]
    heavy_columns = (
        *HEAVY_COLUMNS,
        "shot__storyboard_payload",
        "shot__scenelet__description",
        "batch__plan",
        "batch__counts",
        "batch__filters",
    )
    code_path = "shot__"
    search_fields = [
        "shot__scenelet__scenelet_id",
        "shot__scenelet__title",
        "shot__scenelet__story__title",
        "operation_name",
        "error_message",
    ]
    fieldsets = [
        (None, {"fields": ["badge", "shot", "slot", "takes", "take", "video", "error_message"]}),
        (
            "Review",
            {
                "fields": [
                    "review",
                    "review_reason",
                    "review_reasons",
                    "reviewed_at",
                    "reviewed_by",
                    "reviewed_by_name",
                ]
            },
        ),
        (
            "What was sent",
            {
                "fields": [
                    "reference_pictures",
                    "dropped_pictures",
                    "warning_list",
                    "prompt",
                    "prompt_tokens",
                    "prompt_profile",
                    "prompt_limit",
                    "model",
                    "backend",
                    "route",
                    "is_simulated",
                    "aspect_ratio",
                    "resolution",
                    "duration_seconds",
                    "reference_type",
                    "seed",
                    "negative_prompt",
                    "person_generation",
                    "cost",
                    "price_source",
                    "outcome",
                    "actual",
                    "sdk_version",
                ]
            },
        ),
        (
            "What the API said",
            {
                "fields": [
                    "operation_name",
                    "download_uri",
                    "is_link_given",
                    "error_code",
                    "error_facts",
                ]
            },
        ),
        (
            "The file",
            {
                "fields": [
                    "video_file",
                    "poster_file",
                    "container",
                    "video_codec",
                    "audio_codec",
                    "width",
                    "height",
                    "video_seconds",
                    "fps",
                    "has_audio",
                    "byte_size",
                    "sha256",
                ]
            },
        ),
        (
            "Who asked for it",
            {
                "fields": [
                    "batch",
                    "kind",
                    "mode",
                    "copy_of",
                    "requested_by",
                    "requested_by_name",
                ]
            },
        ),
        (
            "Times",
            {
                "fields": [
                    "queued_at",
                    "claimed_at",
                    "submitted_at",
                    "rendered_at",
                    "downloaded_at",
                    "ended_at",
                    "dismissed_at",
                    "state_since",
                ]
            },
        ),
        (
            "Internal to the pipeline",
            {
                "classes": ["collapse"],
                "fields": [
                    "state",
                    "lane",
                    "not_before",
                    "refusals",
                    "next_poll_at",
                    "poll_failures",
                    "deadline_at",
                    "beat_at",
                    "downloader",
                    "download_lease_until",
                    "download_attempts",
                    "audio_retries",
                    "content_sha256",
                    "request_sha256",
                ],
            },
        ),
    ]
    readonly_fields = [
        "badge",
        "takes",
        "video",
        "reference_pictures",
        "dropped_pictures",
        "warning_list",
        "prompt",
        "cost",
        "outcome",
        "actual",
        "error_facts",
    ]

    actions = ["look_again", "allow_new_render"]

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videogen.generate_video")

    @admin.action(description="Outcome unknown: ask the API again", permissions=["generate"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[VideoRender]) -> None:
        from videogen.recovery.decisions import look_again

        self._decide(
            request,
            queryset,
            look_again,
            "Asked the API again.",
            (
                "The API is asked about %d render again.",
                "The API is asked about %d renders again.",
            ),
            (
                "%d render was left alone: its outcome is not unknown, or its operation has no "
                "name to ask for.",
                "%d renders were left alone: their outcome is not unknown, or their operation has "
                "no name to ask for.",
            ),
        )

    @admin.action(description="Give up: allow the shot a new render…", permissions=["generate"])
    def allow_new_render(
        self, request: HttpRequest, queryset: QuerySet[VideoRender]
    ) -> HttpResponseBase | None:
        """Lead to the page that says what is at stake."""
        waiting = [render.pk for render in queryset if render.status in STUCK]
        if left := len(queryset) - len(waiting):
            sentence = ngettext(
                "%d render was left alone: it continues by itself or has ended.",
                "%d renders were left alone: they continue by themselves or have ended.",
                left,
            )
            self.message_user(request, sentence % left, messages.WARNING)
        return HttpResponseRedirect(decide_url("give-up", waiting)) if waiting else None

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[VideoRender],
        decide: Callable[[VideoRender], bool],
        entry: str,
        done: tuple[str, str],
        not_done: tuple[str, str],
    ) -> None:
        """Decide about each render, log `entry` for each that changed, and tell how many changed.

        `done` and `not_done` are sentences in singular and plural, with a place for the number.
        """
        decided = [render for render in queryset if decide(render)]
        for render in decided:
            self.log_change(request, render, entry)
        if decided:
            self.message_user(
                request, ngettext(*done, len(decided)) % len(decided), messages.SUCCESS
            )
        if left := len(queryset) - len(decided):
            self.message_user(request, ngettext(*not_done, left) % left, messages.WARNING)

    @admin.display(description="state", ordering="state")
    def badge(self, render: VideoRender) -> str:
        return badge_of_state(render.status).__html__()

    @admin.display(description="shot", ordering="shot")
    def shot_name(self, render: VideoRender) -> str:
        return format_html("<bdi>{}</bdi>", render.shot)

    @admin.display(ordering="shot__scenelet__story__title")
    def story(self, render: VideoRender) -> str:
        return format_html("<bdi>{}</bdi>", render.shot.scenelet.story)

    @admin.display(ordering="price_estimate_usd")
    def cost(self, render: VideoRender) -> str:
        return usd(render.price_estimate_usd)

    @admin.display(ordering="actual_cost_usd")
    def actual(self, render: VideoRender) -> str:
        return "open" if render.actual_cost_usd is None else usd(render.actual_cost_usd)

    @admin.display
    def outcome(self, render: VideoRender) -> str:
        return outcome_of(render, render.submissions.all()).label

    @admin.display(description="all takes")
    def takes(self, render: VideoRender) -> str:
        url = reverse("admin:storybook_shot_takes", args=[render.shot_id])
        return format_html('<a href="{}">Render history of the shot</a>', url)

    @admin.display
    def video(self, render: VideoRender) -> str:
        if not render.video_file:
            return self.get_empty_value_display()
        return render_to_string(
            "admin/videogen/render/video.html",
            {
                "url": media_url(render.video_file),
                "poster_url": media_url(render.poster_file),
                "code": render.shot.code,
            },
        )

    @admin.display(description="references")
    def reference_pictures(self, render: VideoRender) -> str:
        return self._pictures(render.references)

    @admin.display(description="dropped references")
    def dropped_pictures(self, render: VideoRender) -> str:
        return self._pictures(render.dropped_references)

    @admin.display(description="warnings")
    def warning_list(self, render: VideoRender) -> str:
        if not render.warnings:
            return self.get_empty_value_display()
        return render_to_string(
            "admin/videogen/components/warnings.html", {"warnings": render.warnings}
        )

    @admin.display
    def prompt(self, render: VideoRender) -> str:
        if not render.prompt_text:
            return self.get_empty_value_display()
        from videogen.prompts.room import room_of_render

        return format_html(
            '{}<pre data-prompt class="st-code" dir="auto">{}</pre>',
            render_to_string(
                "admin/videogen/components/prompt_room.html", {"room": room_of_render(render)}
            ),
            indented_text(render.prompt_text),
        )

    @admin.display(description="what the API answered")
    def error_facts(self, render: VideoRender) -> str:
        empty = self.get_empty_value_display()
        return as_json(render.error_details) if render.error_details else empty

    def _pictures(self, records: Iterable[Mapping[str, Any]]) -> str:
        if not records:
            return self.get_empty_value_display()
        return render_to_string(
            "admin/videogen/components/pictures.html",
            {"pictures": views.components.pictures.shown_pictures(records)},
        )
