"""The addresses of the review room. They stand directly below the site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from storybook.ended_sessions import button_is_on
from videogen import views

for _name in ("videogen_review_judge", "videogen_note_add", "videogen_note_act"):
    button_is_on(_name, lambda address: reverse("admin:videogen_review"))


class ReviewPages(admin.ModelAdmin):
    """A part of the admin of renders. Each view checks the permission that it needs."""

    def get_site_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("review/", view(self.review), name="videogen_review"),
            path("review/queue/", view(self.review_queue), name="videogen_review_queue"),
            path(
                "review/<int:render_id>/notes/",
                view(self.add_note),
                name="videogen_note_add",
            ),
            path(
                "review/notes/<int:note_id>/<slug:verb>/",
                view(self.act_on_note),
                name="videogen_note_act",
            ),
            path(
                "review/<int:render_id>/<slug:verb>/",
                view(self.judge),
                name="videogen_review_judge",
            ),
        ]

    @method_decorator(require_safe)
    def review(self, request: HttpRequest) -> HttpResponse:
        return views.review.room.show_room(self, request)

    @method_decorator(require_safe)
    def review_queue(self, request: HttpRequest) -> JsonResponse:
        return views.review.room.queue_part(self, request)

    @method_decorator(require_POST)
    def add_note(self, request: HttpRequest, render_id: int) -> HttpResponse:
        return views.review.notes.add(self, request, render_id)

    @method_decorator(require_POST)
    def act_on_note(self, request: HttpRequest, note_id: int, verb: str) -> HttpResponse:
        return views.review.notes.act_on_note(self, request, note_id, verb)

    @method_decorator(require_POST)
    def judge(self, request: HttpRequest, render_id: int, verb: str) -> HttpResponse:
        return views.review.room.judge(self, request, render_id, verb)
