from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from . import ended_sessions


class ProductionAdminConfig(AdminConfig):
    default_site = "storybook.site.ProductionSite"


class ProductionSite(AdminSite):
    """Lists the stories and their videos first and the queue last; the rest as Django sorts it."""

    site_url = None  # there is no other site to view

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap a view as Django does, and tell people whose session ended before they pressed a
        button."""
        inner = super().admin_view(view, cacheable)

        def admin_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            is_ended = request.method == "POST" and not request.user.is_authenticated
            if is_ended and request.path != reverse("admin:logout", current_app=self.name):
                return ended_sessions.ask_to_log_in(request)
            is_told = request.user.is_authenticated and ended_sessions.tell(request)
            response = inner(request, *args, **kwargs)
            if is_told:
                ended_sessions.forget(response)
            return response

        return update_wrapper(admin_view, inner)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"ended_session": ended_sessions.sentence_of(request)} | (extra_context or {})
        return super().login(request, context)

    def get_app_list(self, request, app_label=None):
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: _PLACES.get(app["app_label"], 1))


_PLACES = {"storybook": 0, "videogen": 0, "django_q": 2}
