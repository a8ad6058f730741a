"""The export for editors in the browser: a whole story, or the shots that somebody selected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from storybook.models import Shot, Story
from storybook.story_paths import PathError
from videogen.exports.files import zip_chunks
from videogen.exports.story_export import StoryExport, plan_export
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes

from .board import BoardView, asked_shots, selected_shots
from .components.selection import tell_of_left_out


@dataclass(frozen=True)
class Selection:
    """Shots of one story that somebody selected, and those of them that have no take at all."""

    story: Story
    shots: list[Shot]
    without_take: list[Shot]

    @property
    def ids(self) -> str:
        return ",".join(str(shot.pk) for shot in self.shots)


def export_story(
    request: HttpRequest, admin_site: AdminSite, story: Story, shots: QuerySet[Shot]
) -> HttpResponseBase:
    """Send the zip of the story, or of the selected shots of it.

    A GET exports the whole story. A POST has a selection as the board has it: without `takes` it
    shows the page that asks for the rule, with it it sends the zip. shots: those that the person
    may see.
    """
    if request.method != "POST":
        try:
            export = plan_export(
                story,
                _rule(request),
                request.GET.getlist("ending"),
                with_films="films" in request.GET,
            )
        except PathError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:storybook_story_films", args=[story.pk]))
        return _zip(export, export.folder)
    chosen = list(selected_shots(request, story, shots).select_related("scenelet__story"))
    tell_of_left_out(request, asked_shots(request), {shot.pk for shot in chosen})
    if not chosen:
        messages.warning(request, "Nothing was selected. Select the shots first.")
        return HttpResponseRedirect(BoardView.of(request).url(story))
    if request.POST.get("takes") not in TakeRule.values:
        return show_export_page(request, admin_site, chosen)
    export = plan_export(story, _rule(request), shots={shot.pk for shot in chosen})
    return _zip(export, f"{export.folder}-shots")


def show_export_page(
    request: HttpRequest, admin_site: AdminSite, shots: Collection[Shot]
) -> HttpResponse:
    """Ask which takes of the shots are exported. Their scenelets and stories are loaded."""
    request.current_app = admin_site.name
    context = {
        **admin_site.each_context(request),
        "title": "Export of selected shots",
        "opts": Shot._meta,
        "selections": _selections(shots),
        "rules": TakeRule.choices,
    }
    return TemplateResponse(request, "admin/videogen/export/page.html", context)


def _selections(shots: Iterable[Shot]) -> list[Selection]:
    shots = sorted(shots, key=lambda shot: (shot.scenelet.place, shot.shot_index))
    takes = find_chosen_takes(shots)
    by_story: dict[int, list[Shot]] = {}
    for shot in shots:
        by_story.setdefault(shot.scenelet.story_id, []).append(shot)
    return [
        Selection(own[0].scenelet.story, own, [shot for shot in own if shot.pk not in takes])
        for own in by_story.values()
    ]


def _rule(request: HttpRequest) -> TakeRule:
    asked = (request.POST if request.method == "POST" else request.GET).get("takes", "")
    return TakeRule(asked) if asked in TakeRule.values else TakeRule.BEST


def _zip(export: StoryExport, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(zip_chunks(export.files()), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.zip")
    response["Cache-Control"] = "private, no-cache"
    return response
