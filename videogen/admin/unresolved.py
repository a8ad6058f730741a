from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from storybook.ended_sessions import button_is_on
from videogen import views

for name in ("videogen_unresolved_ask", "videogen_candidate_decide", "videogen_resume_all"):
    button_is_on(name, lambda address: reverse("admin:videogen_unresolved"))
button_is_on("videogen_dismiss", lambda address: reverse("admin:index"))


class UnresolvedPages(admin.ModelAdmin):
    """The page of unresolved renders, for the admin of the renders. Each view checks its own
    permission."""

    change_list_template = "admin/videogen/render/list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        one = "unresolved/candidates/<int:candidate_id>/<slug:verb>/"
        own = [
            path("unresolved/", view(self.unresolved), name="videogen_unresolved"),
            path(
                "unresolved/state/", view(self.unresolved_state), name="videogen_unresolved_state"
            ),
            path("unresolved/ask/", view(self.ask), name="videogen_unresolved_ask"),
            path(one, view(self.decide_candidate), name="videogen_candidate_decide"),
            path("unresolved/resume/", view(self.resume_all), name="videogen_resume_all"),
            path("unresolved/decide/<slug:verb>/", view(self.decide), name="videogen_decide"),
            path("dismiss/", view(self.dismiss), name="videogen_dismiss"),
            # The page's name until it was called as the renders are; people have links to it.
            path("unsettled/", view(self.former_name)),
        ]
        return own + super().get_urls()

    @method_decorator(require_safe)
    def unresolved(self, request: HttpRequest) -> HttpResponse:
        return views.unresolved.show_unresolved(self, request)

    @method_decorator(require_safe)
    def unresolved_state(self, request: HttpRequest) -> JsonResponse:
        return views.unresolved.unresolved_state(self, request)

    @method_decorator(require_POST)
    def ask(self, request: HttpRequest) -> HttpResponse:
        return views.unresolved.ask_again(self, request)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def decide(self, request: HttpRequest, verb: str) -> HttpResponse:
        return views.decisions.decide(self, request, verb)

    @method_decorator(require_POST)
    def resume_all(self, request: HttpRequest) -> HttpResponse:
        return views.decisions.resume_all(self, request)

    @method_decorator(require_POST)
    def dismiss(self, request: HttpRequest) -> HttpResponse:
        return views.dashboard.dismiss_failures(self, request)

    @method_decorator(require_safe)
    def former_name(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:videogen_unresolved"))

    @method_decorator(require_POST)
    def decide_candidate(self, request: HttpRequest, candidate_id: int, verb: str) -> HttpResponse:
        return views.unresolved.decide_candidate(self, request, candidate_id, verb)
