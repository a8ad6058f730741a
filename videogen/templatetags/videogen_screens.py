from __future__ import annotations

from django import template

from videogen.views.dashboard import Dashboard

register = template.Library()


@register.simple_tag(takes_context=True)
def get_dashboard(context):
    """What the person who looks may see of the first page."""
    return Dashboard(context["request"])
