"""The addresses of pages that several other pages link to."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from videogen.models import RenderBatch


def plan_url(batch: RenderBatch) -> str:
    return reverse("admin:videogen_renderbatch_plan", args=[batch.pk])


def progress_url(batch: RenderBatch) -> str:
    return reverse("admin:videogen_renderbatch_progress", args=[batch.pk])


def decide_url(verb: str, renders: Iterable[int], following: str = "") -> str:
    """Return the address of the page on which somebody decides about these renders."""
    query = [("render", str(pk)) for pk in renders]
    if following:
        query.append(("next", following))
    return f"{reverse('admin:videogen_decide', args=[verb])}?{urlencode(query)}"


def next_page(request: HttpRequest, name: str = "next") -> str:
    """Return the page of this site that a form or a link names as `next`, or ""."""
    following = request.POST.get(name) or request.GET.get(name) or ""
    is_ours = url_has_allowed_host_and_scheme(
        following, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return following if is_ours else ""
