"""The directions of a story: those that are in its prompts, those that were, and the buttons that
change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from storybook.models import Scenelet, Shot, Story
from videogen.common.errors import RequestError
from videogen.models import Direction
from videogen.models.directions import MOST_CHARACTERS
from videogen.prompts.directions import (
    DirectionPlace,
    add_direction,
    reword_direction,
    switch_off_direction,
    switch_on_direction,
)

from .components.access import signed_in
from .components.urls import next_page

STORY, SCENELET, SHOT = "story", "scenelet", "shot"
EVERY_SHOT_OF = "Every shot of"


@dataclass(frozen=True)
class DirectionGroup:
    """The directions of one place, in order. `place` is the value of the form's field."""

    place: str
    words: str
    on: Sequence[Direction]
    off: Sequence[Direction]
    # Of the scenelet that the words are about.
    name: str = ""

    @property
    def title(self) -> str:
        return " ".join(filter(None, [self.words, self.name]))


def show_directions(
    request: HttpRequest, admin_site: AdminSite, story: Story, *, can_write: bool
) -> HttpResponse:
    groups = _groups_of_story(story)
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/directions/page.html",
        {
            **admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "title": f"Directions of {story}",
            "subtitle": None,
            "opts": Story._meta,
            "story": story,
            "groups": groups,
            "can_write": can_write,
            "places": [(group.place, group.title) for group in groups if _is_wide(group)],
            "most_characters": MOST_CHARACTERS,
        },
    )


def directions_of_shot(shot: Shot) -> list[DirectionGroup]:
    """What concerns the shot, one group for each of its three places. Makes one query."""
    story = shot.scenelet.story
    found = Direction.objects.filter(story=story.pk).order_by("position", "pk")
    rows = [
        each
        for each in found
        if (not each.scenelet_id and not each.shot_id)
        or each.scenelet_id == shot.scenelet_id
        or each.shot_id == shot.pk
    ]
    return [
        _group(SHOT, shot.pk, "This shot", [each for each in rows if each.shot_id]),
        _group(
            SCENELET,
            shot.scenelet_id,
            EVERY_SHOT_OF,
            [each for each in rows if each.scenelet_id],
            name=str(shot.scenelet),
        ),
        _group(
            STORY,
            story.pk,
            "Every shot of the story",
            [each for each in rows if not each.scenelet_id and not each.shot_id],
        ),
    ]


def change_directions(request: HttpRequest, story: Story) -> HttpResponse:
    """What a button asks for. Answers with a redirect to the page that it is on, with one
    message."""
    verb = request.POST.get("verb", "")
    try:
        if verb not in _VERBS:
            raise RequestError("Nothing was changed: this page has no such button.", code="no_verb")
        done = _VERBS[verb](request, story)
    except RequestError as error:
        messages.warning(request, error.sentence)
    else:
        messages.success(request, done)
    own = reverse("admin:storybook_story_directions", args=[story.pk])
    return HttpResponseRedirect(next_page(request) or own)


class PlaceField(forms.CharField):
    """`story-1`, `scenelet-7` or `shot-9`, as a DirectionPlace of the story."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story

    def clean(self, value: str) -> DirectionPlace:
        kind, _, pk = super().clean(value).partition("-")
        number = int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 18 else 0
        if kind == STORY and number == self.story.pk:
            return DirectionPlace(self.story)
        if kind == SCENELET:
            scenelet = Scenelet.objects.filter(story=self.story, pk=number).first()
            if scenelet:
                return DirectionPlace(self.story, scenelet=scenelet)
        if kind == SHOT:
            shot = Shot.objects.filter(scenelet__story=self.story, pk=number).first()
            if shot:
                return DirectionPlace(self.story, shot=shot)
        raise forms.ValidationError(
            "Nothing was added: the story has no such scenelet or shot any more."
        )


def _add(request: HttpRequest, story: Story) -> str:
    field = PlaceField(story)
    try:
        place = field.clean(request.POST.get("place", ""))
    except forms.ValidationError as error:
        raise RequestError(" ".join(error.messages), code="no_place") from error
    add_direction(place, request.POST.get("text", ""), signed_in(request))
    return "The direction goes into the next prompts."


def _reword(request: HttpRequest, story: Story) -> str:
    old = _asked(request, story)
    if reword_direction(old, request.POST.get("text", ""), signed_in(request)) == old:
        return "Nothing was changed: the direction has these words already."
    return "The new words go into the next prompts."


def _switch_off(request: HttpRequest, story: Story) -> str:
    switch_off_direction(_asked(request, story), signed_in(request))
    return "The direction is off: the next prompts do not have it."


def _switch_on(request: HttpRequest, story: Story) -> str:
    switch_on_direction(_asked(request, story), signed_in(request))
    return "The direction is on again: the next prompts have it."


_VERBS = {"add": _add, "reword": _reword, "switch-off": _switch_off, "switch-on": _switch_on}


def _asked(request: HttpRequest, story: Story) -> Direction:
    pk = request.POST.get("direction", "")
    number = int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 18 else 0
    return get_object_or_404(Direction, pk=number, story=story)


def _is_wide(group: DirectionGroup) -> bool:
    return not group.place.startswith(f"{SHOT}-")


def _groups_of_story(story: Story) -> list[DirectionGroup]:
    """The story's group, one for each scenelet, and one for each shot that has directions. Two
    queries."""
    rows = list(
        Direction.objects.filter(story=story)
        .select_related("shot__scenelet")
        .defer("shot__storyboard_payload")
    )
    groups = [
        _group(
            STORY,
            story.pk,
            "Every shot of the story",
            [each for each in rows if not each.scenelet_id and not each.shot_id],
        )
    ]
    for scenelet in story.scenelets.all():
        groups.append(
            _group(
                SCENELET,
                scenelet.pk,
                EVERY_SHOT_OF,
                [each for each in rows if each.scenelet_id == scenelet.pk],
                name=str(scenelet),
            )
        )
        shots = {
            each.shot.pk: each.shot
            for each in rows
            if each.shot and each.shot.scenelet_id == scenelet.pk
        }
        groups += [
            _group(SHOT, pk, shot.code, [each for each in rows if each.shot_id == pk])
            for pk, shot in sorted(shots.items(), key=lambda item: item[1].shot_index)
        ]
    return groups


def _group(
    kind: str, pk: int, words: str, rows: Sequence[Direction], *, name: str = ""
) -> DirectionGroup:
    on = [each for each in rows if each.is_on]
    off = sorted((each for each in rows if not each.is_on), key=lambda each: each.pk, reverse=True)
    return DirectionGroup(f"{kind}-{pk}", words, on, off, name)
