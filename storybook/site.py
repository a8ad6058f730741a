from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.views.decorators.http import require_POST, require_safe

from . import ended_sessions
from .theme import choose_theme


class ProductionAdminConfig(AdminConfig):
    default_site = "storybook.site.ProductionSite"


class ProductionSite(AdminSite):
    """The work happens on pages of our own; the tables of the admin stand on the page "Data".

    An admin class whose pages stand directly below the site, and not below its table, returns them
    from `get_site_urls()`.
    """

    site_url = None  # there is no other site to view
    # The bar leads everywhere, and the page "Data" lists the tables.
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own = [
            path("data/", self.admin_view(require_safe(self.data)), name="data"),
            path("theme/", self.admin_view(require_POST(choose_theme)), name="theme"),
        ]
        for model_admin in self._registry.values():
            own += getattr(model_admin, "get_site_urls", list)()
        return own + super().get_urls()

    def data(self, request: HttpRequest) -> HttpResponse:
        """Show the tables: those of the work, and apart those that only tell how it runs."""
        tables: list[Any] = []
        internals: list[Any] = []
        for app in self.get_app_list(request):
            for found, is_internal in ((tables, False), (internals, True)):
                models = [each for each in app["models"] if self._is_internal(each) == is_internal]
                if models:
                    found.append({**app, "models": models})
        context = {
            **self.each_context(request),
            "title": "Data",
            "tables": tables,
            "internals": internals,
        }
        request.current_app = self.name
        return TemplateResponse(request, "admin/data.html", context)

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

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List the tables that the person may see: the stories and their videos first, the queue
        last, and what is internal to superusers only."""
        apps = super().get_app_list(request, app_label)
        if not request.user.is_superuser:
            for app in apps:
                app["models"] = [each for each in app["models"] if not self._is_internal(each)]
            apps = [app for app in apps if app["models"]]
        return sorted(apps, key=lambda app: _PLACES.get(app["app_label"], 1))

    def _is_internal(self, table: dict[str, Any]) -> bool:
        """Whether the admin of a model says so: `is_internal = True`."""
        return bool(getattr(self.get_model_admin(table["model"]), "is_internal", False))


_PLACES = {"storybook": 0, "videogen": 0, "django_q": 2}
