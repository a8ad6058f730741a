"""The page of a link: the story in the player, or a film; before it, the question for the
passphrase; on it, a form for notes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from storybook.media_store import is_offered
from storybook.story_paths import StoryPath, find_endings
from videogen.common.errors import RequestError
from videogen.exports.player import Addresses, PlayedShot, PlayedStory, read_played_story
from videogen.models.guest_links import TRIES_WINDOW
from videogen.takes.chosen_takes import TakeRule
from videogen.views.watch import choose_path, player_data

from .access import Visit, for_guests
from .files import played_shot

NOTED = "noted"


class NoteForm(forms.Form):
    """A guest's note. The shots are those that the link shows; a film has none."""

    text = forms.CharField(
        max_length=2000, label="Your note", widget=forms.Textarea(attrs={"rows": 4})
    )
    shot = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, label="About", choices=[]
    )
    seconds = forms.FloatField(
        min_value=0,
        max_value=86_400,
        required=False,
        label="At second",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    name = forms.CharField(max_length=60, required=False, label="Your name, if you like")

    def __init__(self, data: Any = None, *, shots: list[PlayedShot]) -> None:
        super().__init__(data, label_suffix="", auto_id="note-%s", use_required_attribute=True)
        choices = [(each.shot.pk, each.shot.code) for each in shots]
        self.fields["shot"].choices = [("", "the whole story"), *choices]  # type: ignore[attr-defined]
        if not shots:
            del self.fields["shot"]


def _page(visit: Visit) -> HttpResponse:
    posted = visit.request.POST if visit.request.method == "POST" else None
    if not visit.is_let_in:
        return _ask_passphrase(visit, posted.get("passphrase", "").strip() if posted else "")
    played, shots = None, []
    if visit.link.film_id is None:
        frozen = visit.link.frozen_takes if visit.link.is_frozen else None
        played = read_played_story(visit.link.story, TakeRule(visit.link.takes), frozen)
        played = played.with_files()
        shots = list(played.played())
    form, status = None, 200
    if visit.link.allows_notes:
        form = NoteForm(posted, shots=shots)
        if posted is not None:
            if form.is_valid() and _add_note(visit, form.cleaned_data):
                return _back(visit, noted=True)
            status = 200 if form.errors else 429
    elif posted is not None:
        return _back(visit)
    if visit.request.method == "GET" and not visit.request.GET:
        visit.link.count_opening()
    context = {
        "link": visit.link,
        "url": visit.url(),
        "form": form,
        "is_too_many": status == 429,
        "is_noted": NOTED in visit.request.GET,
        **(_film(visit) if played is None else _story(visit, played)),
    }
    return render(visit.request, "guest/page.html", context, status=status)


guest_page = for_guests(_page, asks_passphrase=True)


def _ask_passphrase(visit: Visit, passphrase: str) -> HttpResponse:
    """Show the question, or let somebody in who answers it."""
    problem, status, wait = "", 200, None
    if passphrase:
        if not visit.link.take_try():
            wait = int(TRIES_WINDOW.total_seconds())
            problem = f"There were too many tries. Try again in {wait // 60} minutes."
            status = 429
        elif visit.link.accepts(passphrase):
            way_in = HttpResponseRedirect(visit.url())
            visit.let_in(way_in)
            return way_in
        else:
            problem = "That is not the passphrase."
    context = {"problem": problem, "url": visit.url()}
    response = render(visit.request, "guest/passphrase.html", context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


class _GuestAddresses(Addresses):
    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def video(self, played: PlayedShot) -> str:
        return self._visit.url("guest_clip", played.shot.pk) if played.take else ""

    def still(self, played: PlayedShot) -> str:
        if played.take or played.key_frame is None:
            return ""
        return self._visit.url("guest_still", played.shot.pk)

    def poster(self, played: PlayedShot) -> str:
        if played.take is None:
            return self.still(played)
        has_one = is_offered(played.take.poster_file)
        return self._visit.url("guest_poster", played.shot.pk) if has_one else ""


def _story(visit: Visit, played: PlayedStory) -> dict[str, Any]:
    problem, data = "", None
    if played.scenelets:
        try:
            data = played.data(_GuestAddresses(visit))
        except RequestError as error:
            problem = error.sentence
    story = visit.link.story
    path, problem = choose_path(story, _wanted(visit.request), problem)
    return {
        "title": str(story),
        "path": path,
        "endings": find_endings(story),
        "problem": problem,
        "player": player_data(data, path),
        "strip": _strip(visit, played, path, data) if data else [],
        "chosen": path.ending.scenelet_id if path else "",
    }


def _strip(
    visit: Visit, played: PlayedStory, path: StoryPath | None, data: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the shots below the player. Without JavaScript they are all there is to watch."""
    addresses = _GuestAddresses(visit)
    rows = []
    for scenelet in path.scenelets if path else played.scenelets:
        key = f"s{scenelet.place}"
        for index, each in enumerate(played.shots.get(scenelet.pk, [])):
            facts = data["scenelets"][key]["shots"][index]
            rows.append(
                {
                    "shot": each.shot,
                    "key": key,
                    "index": index,
                    "poster": addresses.poster(each),
                    "video": facts["video"],
                    "words": facts["words"],
                    "captions": visit.url("guest_captions", each.shot.pk) if facts["cues"] else "",
                }
            )
    return rows


def _film(visit: Visit) -> dict[str, Any]:
    film = visit.link.film
    return {
        "title": str(visit.link.story),
        "subtitle": str(film.ending) if film else "",
        "film_url": visit.url("guest_film") if is_offered(visit.link.film_file) else "",
    }


def _add_note(visit: Visit, data: dict[str, Any]) -> bool:
    """Store the note with the take that the link shows now. False if there are too many."""
    shot = data.pop("shot", None)
    played = played_shot(visit.link, shot) if shot else None
    return bool(
        visit.link.add_note(
            **data,
            shot=played.shot if played else None,
            render=played.take if played else None,
        )
    )


def _wanted(request: HttpRequest) -> str | None:
    """Return the path that was asked for, None if none was. A form for notes sends it along."""
    return request.POST.get("path", request.GET.get("path"))


def _back(visit: Visit, *, noted: bool = False) -> HttpResponseRedirect:
    wanted = _wanted(visit.request)
    query = {} if wanted is None else {"path": wanted}
    if noted:
        query[NOTED] = "1"
    return HttpResponseRedirect(f"{visit.url()}{'?' if query else ''}{urlencode(query)}")
