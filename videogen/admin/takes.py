"""The addresses below the takes of a shot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from storybook.ended_sessions import button_is_on
from videogen import views


def _takes_page(address: Mapping[str, Any]) -> str:
    return reverse("admin:storybook_shot_takes", args=[address["shot_id"]])


button_is_on("videogen_takes_act", _takes_page)
button_is_on("videogen_takes_upload", _takes_page)


class TakePages(admin.ModelAdmin):
    """A part of the admin of renders. Each view checks the permission that it needs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        one = "shots/<int:shot_id>/<int:render_id>"
        own = [
            path("shots/<int:shot_id>/compare/", view(self.compare), name="videogen_takes_compare"),
            path("shots/<int:shot_id>/preview/", view(self.preview), name="videogen_takes_preview"),
            path("shots/<int:shot_id>/state/", view(self.state), name="videogen_takes_state"),
            path("shots/<int:shot_id>/upload/", view(self.upload), name="videogen_takes_upload"),
            path(f"{one}/generate/", view(self.exactly), name="videogen_takes_generate"),
            path(f"{one}/promote/", view(self.promote), name="videogen_takes_promote"),
            path(f"{one}/retake/", view(self.retake), name="videogen_takes_retake"),
            path(f"{one}/<slug:verb>/", view(self.act), name="videogen_takes_act"),
        ]
        return own + super().get_urls()

    @method_decorator(require_safe)
    def compare(self, request: HttpRequest, shot_id: int) -> HttpResponse:
        return views.takes.compare.compare_takes(self, request, shot_id)

    @method_decorator(require_safe)
    def preview(self, request: HttpRequest, shot_id: int) -> HttpResponse:
        return views.takes.preview.preview_shot(self, request, shot_id)

    @method_decorator(require_safe)
    def state(self, request: HttpRequest, shot_id: int) -> HttpResponse:
        return views.takes.page.takes_state(self, request, shot_id)

    @method_decorator(require_POST)
    def upload(self, request: HttpRequest, shot_id: int) -> HttpResponse:
        return views.takes.reviews.upload(self, request, shot_id)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def exactly(self, request: HttpRequest, shot_id: int, render_id: int) -> HttpResponse:
        return views.takes.rerun.generate_exactly_this(self, request, shot_id, render_id)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def promote(self, request: HttpRequest, shot_id: int, render_id: int) -> HttpResponse:
        return views.takes.rerun.promote(self, request, shot_id, render_id)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def retake(self, request: HttpRequest, shot_id: int, render_id: int) -> HttpResponse:
        return views.takes.retake.retake(self, request, shot_id, render_id)

    @method_decorator(require_POST)
    def act(self, request: HttpRequest, shot_id: int, render_id: int, verb: str) -> HttpResponse:
        return views.takes.reviews.act_on_render(self, request, shot_id, render_id, verb)
