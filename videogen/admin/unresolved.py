from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from storybook.ended_sessions import button_is_on
from videogen.views.unresolved import ask_again, decide_candidate, show_unsettled, unsettled_state

for name in ("videogen_unsettled_ask", "videogen_candidate_decide"):
    button_is_on(name, lambda address: reverse("admin:videogen_unsettled"))


class UnsettledPages(admin.ModelAdmin):
    """The page of unresolved renders, for the admin of the renders. Each view checks its own
    permission."""

    change_list_template = "admin/videogen/render/list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        one = "unsettled/candidates/<int:candidate_id>/<slug:verb>/"
        own = [
            path("unsettled/", view(self.unsettled), name="videogen_unsettled"),
            path("unsettled/state/", view(self.unsettled_state), name="videogen_unsettled_state"),
            path("unsettled/ask/", view(self.ask), name="videogen_unsettled_ask"),
            path(one, view(self.decide_candidate), name="videogen_candidate_decide"),
        ]
        return own + super().get_urls()

    @method_decorator(require_safe)
    def unsettled(self, request: HttpRequest) -> HttpResponse:
        return show_unsettled(self, request)

    @method_decorator(require_safe)
    def unsettled_state(self, request: HttpRequest) -> JsonResponse:
        return unsettled_state(self, request)

    @method_decorator(require_POST)
    def ask(self, request: HttpRequest) -> HttpResponse:
        return ask_again(self, request)

    @method_decorator(require_POST)
    def decide_candidate(self, request: HttpRequest, candidate_id: int, verb: str) -> HttpResponse:
        return decide_candidate(self, request, candidate_id, verb)
