"""What the first page of the admin needs: its template has no view of ours."""

from __future__ import annotations

from django import template

from videogen.views.dashboard import Dashboard

register = template.Library()


@register.simple_tag(takes_context=True)
def get_dashboard(context: template.Context) -> Dashboard:
    """Return the first page as the person who sent the request may see it."""
    return Dashboard(context["request"])
