"""A story at a glance: its documents, characters, environments, scenelets and shots, each with the
form in which it is changed."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .document_layouts import load_parts
from .models import DesignDocument, Scenelet, Shot, Story

_longest = 160


def show_outline(request: HttpRequest, admin_site: AdminSite, story: Story) -> HttpResponse:
    """The number of queries does not depend on the story."""
    parts = load_parts(story)
    documents = {
        row.kind: row for row in DesignDocument.objects.filter(story=story).defer("document")
    }
    shots = Shot.objects.order_by("shot_index")
    scenelets = list(
        Scenelet.objects.filter(story=story)
        .select_related("parent")
        .prefetch_related(Prefetch("shots", queryset=shots))
        .order_by("place")
    )
    may = {
        name: admin_site.get_model_admin(model).has_change_permission(request)
        for name, model in (("document", DesignDocument), ("scenelet", Scenelet), ("shot", Shot))
    }
    may_add = {
        name: admin_site.get_model_admin(model).has_add_permission(request)
        for name, model in (("scenelet", Scenelet), ("shot", Shot))
    }
    return TemplateResponse(
        request,
        "admin/storybook/outline.html",
        {
            **admin_site.each_context(request),
            "title": f"Outline of {story}",
            "subtitle": None,
            "opts": Story._meta,
            "story": story,
            "visual": documents.get("visual"),
            "audio": documents.get("audio"),
            "parts": parts,
            "scenelets": [_row(each) for each in scenelets],
            "may": may,
            "may_add": may_add,
            "next_sequence": max((each.sequence for each in scenelets), default=0) + 1,
        },
    )


def _row(scenelet: Scenelet) -> dict[str, Any]:
    shots = list(scenelet.shots.all())
    for shot in shots:
        # Its code needs the place, which is the same for all.
        shot.scenelet = scenelet
    return {
        "scenelet": scenelet,
        "shots": [{"shot": shot, "text": _text(shot.storyboard_payload)} for shot in shots],
        "next_index": max((shot.shot_index for shot in shots), default=0) + 1,
    }


def _text(payload: Any) -> str:
    """Return the first words of what happens in a shot."""
    if not isinstance(payload, dict):
        return ""
    keys = ("compositionAndContent", "characterActionAndEmotion", *payload)
    texts = (payload.get(key) for key in keys)
    text = next((each for each in texts if isinstance(each, str) and each.strip()), "")
    return text if len(text) <= _longest else f"{text[: _longest - 1]}…"
