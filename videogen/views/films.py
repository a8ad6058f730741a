"""The page of a story's films: a row for each ending, and the export."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from storybook.models import Story
from storybook.story_paths import PathError
from videogen.common.formats import media_url
from videogen.films.film_requests import (
    PlannedFilm,
    cancel_film,
    plan_films,
    request_films,
    warning_sentences,
)
from videogen.films.parts import FilmOptions
from videogen.models import Film
from videogen.takes.chosen_takes import TakeRule

from .components.access import signed_in
from .components.badges import Badge
from .components.live import news_since, version_of
from .watch import watch_url

ROWS = "films"

_BADGES = {
    Film.Status.QUEUED: Badge("blue", "queued", Film.Status.QUEUED),
    Film.Status.RENDERING: Badge("blue", "being made", Film.Status.RENDERING),
    Film.Status.FAILED: Badge("red", "failed", Film.Status.FAILED),
    Film.Status.CANCELLED: Badge("grey", "cancelled", Film.Status.CANCELLED),
    Film.Status.DONE: Badge("green", "ready", Film.Status.DONE),
}


class FilmOptionsForm(forms.Form):
    """How the films are made. Without any field, the defaults hold."""

    takes = forms.ChoiceField(choices=TakeRule.choices, initial=TakeRule.BEST, label="Takes")
    no_cards = forms.BooleanField(required=False, label="No cards where the reader chooses")
    no_levelling = forms.BooleanField(required=False, label="Sound as it is")
    captions = forms.BooleanField(required=False, label="Captions")

    @property
    def options(self) -> FilmOptions:
        """What was asked for; the defaults if that makes no sense."""
        if not self.is_valid():
            return FilmOptions()
        data = self.cleaned_data
        return FilmOptions(
            data["takes"], not data["no_cards"], not data["no_levelling"], data["captions"]
        )


@dataclass(frozen=True)
class FilmRow:
    """One ending on the page."""

    planned: PlannedFilm
    story: Story
    takes: str

    @property
    def key(self) -> int:
        return self.planned.path.ending.pk

    @property
    def film(self) -> Film | None:
        return self.planned.film

    @property
    def badge(self) -> Badge | None:
        film = self.film
        if film is None:
            return None
        if film.status == Film.Status.DONE and self.planned.is_out_of_date:
            return Badge("outdated", "out of date", "out of date")
        return _BADGES[Film.Status(film.status)]

    @property
    def coverage(self) -> str:
        """How many of the path's shots have a take, in words."""
        manifest = self.planned.manifest
        takes, stills = manifest.count("take"), manifest.count("still")
        if not takes + stills:
            return "No shots on this path"
        if not stills:
            return ngettext("%d shot, with a take", "%d shots, each with a take", takes) % takes
        words = ngettext("%d of %d shot has a take", "%d of %d shots have a take", takes + stills)
        return words % (takes, takes + stills)

    @property
    def length(self) -> str:
        film = self.film
        if film is None or not film.file:
            return ""
        minutes, seconds = divmod(round(film.seconds), 60)
        return f"{minutes}:{seconds:02d}"

    @property
    def warnings(self) -> list[str]:
        """What the file lacks, in sentences."""
        return warning_sentences(self.film.warnings) if self.film and self.film.file else []

    @property
    def watch_url(self) -> str:
        return watch_url(self.story, self.planned.path.ending.scenelet_id, self.takes)

    @property
    def download_url(self) -> str:
        return f"{media_url(self.film.file)}?download" if self.film and self.film.file else ""

    @property
    def can_render(self) -> bool:
        is_open = self.film is not None and self.film.is_open
        return not is_open and not self.planned.is_current and bool(self.planned.manifest.parts)

    @property
    def content(self) -> tuple[object, ...]:
        """What the row's HTML follows from."""
        film = self.film
        facts = (film.status, film.parts_done, film.file, film.error_message) if film else ()
        return (*facts, self.planned.manifest.sha256)


def show_films_page(
    request: HttpRequest, admin_site: AdminSite, story: Story, *, can_make: bool
) -> HttpResponse:
    """Show the page, or make films: a POST with `ending` makes one, without it all that are not
    current; with `cancel` it stops one."""
    form = FilmOptionsForm({"takes": TakeRule.BEST, **request.GET.dict()}, label_suffix="")
    options = form.options
    if request.method == "POST":
        return _act(request, story, options)
    rows, problem = _rows(story, options)
    request.current_app = admin_site.name
    query = urlencode({k: v for k, v in request.GET.items() if k in form.fields})
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": f"Films of {story}",
        "story": story,
        "opts": Story._meta,
        "form": form,
        "query": query,
        "rows": rows,
        "problem": problem,
        "can_make": can_make,
        "to_make": sum(row.can_render for row in rows),
        "live_url": f"{reverse('admin:storybook_story_films_state', args=[story.pk])}?{query}",
        "version": version_of({ROWS: [row.content for row in rows]}),
    }
    return TemplateResponse(request, "admin/videogen/films/page.html", context)


def films_state(request: HttpRequest, story: Story, *, can_make: bool) -> JsonResponse:
    """Send the rows if one changed since the version that the page has."""
    form = FilmOptionsForm({"takes": TakeRule.BEST, **request.GET.dict()}, label_suffix="")
    rows, _ = _rows(story, form.options)
    contents = {ROWS: [row.content for row in rows]}
    parts = {}
    changed, version = news_since(contents, request.GET.get("since", ""))
    if changed:
        context = {"rows": rows, "can_make": can_make}
        parts[ROWS] = render_to_string("admin/videogen/films/rows.html", context, request)
    is_active = any(row.film and row.film.is_open for row in rows)
    return JsonResponse({"active": is_active, "parts": parts, "since": version})


def _rows(story: Story, options: FilmOptions) -> tuple[list[FilmRow], str]:
    try:
        planned = plan_films(story, options)
    except PathError as error:
        return [], str(error)
    return [FilmRow(each, story, options.takes) for each in planned], ""


def _act(request: HttpRequest, story: Story, options: FilmOptions) -> HttpResponseRedirect:
    back = HttpResponseRedirect(request.get_full_path())
    if number := request.POST.get("cancel", ""):
        film = Film.objects.filter(pk=number, story=story).first() if number.isdecimal() else None
        if film and cancel_film(film):
            messages.success(request, "The film is stopped. The parts that were made are kept.")
        else:
            messages.warning(request, "Nothing was stopped: the film had ended.")
        return back
    endings = request.POST.getlist("ending")
    try:
        planned = [each for each in plan_films(story, options, endings) if not each.is_current]
    except PathError as error:
        messages.error(request, str(error))
        return back
    films = request_films(planned, options, signed_in(request))
    if films:
        words = ngettext("%d film will be made.", "%d films will be made.", len(films))
        messages.success(request, f"{words % len(films)} It costs nothing.")
    else:
        messages.info(request, "Every film is as the story is now: nothing has to be made.")
    return back
