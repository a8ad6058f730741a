"""What templates need that have no view of ours: the shell, and the first page."""

from __future__ import annotations

from django import template
from django.http import HttpRequest

from storybook import theme
from videogen import views

register = template.Library()


@register.simple_tag(takes_context=True)
def get_dashboard(context: template.Context) -> views.dashboard.Dashboard:
    """Return the first page as the person who sent the request may see it."""
    return views.dashboard.Dashboard(context["request"])


@register.simple_tag
def theme_of(request: HttpRequest | str) -> str:
    """Return the theme that the person chose, or ""."""
    return theme.theme_of(request) if isinstance(request, HttpRequest) else ""


@register.simple_tag(takes_context=True)
def get_bar(context: template.Context) -> views.components.bar.Bar | None:
    """Return the bar as the person who sent the request may see it, or None."""
    request = context.get("request")
    return views.components.bar.bar_for(request) if request else None
