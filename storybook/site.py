from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class ProductionAdminConfig(AdminConfig):
    default_site = "storybook.site.ProductionSite"


class ProductionSite(AdminSite):
    """Lists the stories and their videos first and the queue last; the rest as Django sorts it."""

    site_url = None  # there is no other site to view

    def get_app_list(self, request, app_label=None):
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: _PLACES.get(app["app_label"], 1))


_PLACES = {"storybook": 0, "videogen": 0, "django_q": 2}
