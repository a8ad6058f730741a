"""The takes of one shot: what was sent each time, what came of it, what a person makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.models import RenderBatch, VideoRender
from videogen.planning import Action, decide
from videogen.showing import badge_of_shot, indented, storyboard_lines
from videogen.situations import Situation, find_situations

from .shown_renders import REVIEW, ShownRender, show_render

State = VideoRender.State


def show_takes(
    request: HttpRequest, admin_site: AdminSite, shot: Shot, *, can_generate: bool
) -> HttpResponse:
    """`shot` comes with its scenelet and story."""
    renders = list(
        shot.renders.select_related("batch").prefetch_related("submissions").order_by("-pk")
    )
    attempts = _shown([each for each in renders if each.kind != VideoRender.Kind.REHEARSAL])
    rehearsals = [each for each in renders if each.kind == VideoRender.Kind.REHEARSAL]
    before, after = _neighbours(shot)
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes.html",
        {
            **admin_site.each_context(request),
            "title": f"Takes of {shot}",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": shot,
            "scenelet": shot.scenelet,
            "story": shot.scenelet.story,
            "badge": badge_of_shot(renders),
            "storyboard": storyboard_lines(shot.storyboard_payload),
            "payload": indented(shot.storyboard_payload) if shot.storyboard_payload else "",
            "attempts": attempts,
            "takes": [shown for shown in attempts if shown.is_take],
            "rehearsals": [show_render(each, _take_before(each, renders)) for each in rehearsals],
            "before": before,
            "after": after,
            "may": Rights.of(request, shot, renders, can_generate=can_generate),
            "can_generate": can_generate,
        },
    )


@dataclass(frozen=True)
class Rights:
    """What the person may do to the takes of this shot, as things stand."""

    review: bool
    generate: bool
    ask_again: bool
    locked_by: int | None

    @classmethod
    def of(
        cls, request: HttpRequest, shot: Shot, renders: list[VideoRender], *, can_generate: bool
    ) -> Rights:
        shots = Shot.objects.filter(pk=shot.pk)
        found = find_situations(shots, settings.VIDEO_BACKEND).get(shot.pk)
        situation = found[0] if found else Situation.NOTHING
        allows = decide(situation, RenderBatch.Mode.OVERRIDE).action == Action.GENERATE
        approved = (each.take for each in renders if each.review == VideoRender.Review.APPROVED)
        return cls(
            review=request.user.has_perm(REVIEW),
            generate=can_generate,
            ask_again=can_generate and allows,
            locked_by=next(approved, None),
        )


def _shown(renders: list[VideoRender]) -> list[ShownRender]:
    return [show_render(each, _take_before(each, renders)) for each in renders]


def _take_before(render: VideoRender, renders: list[VideoRender]) -> VideoRender | None:
    """The newest take that was asked for before this render, of `renders` from new to old."""
    return next(
        (each for each in renders if each.pk < render.pk and each.state == State.DONE), None
    )


def _neighbours(shot: Shot) -> tuple[int | None, int | None]:
    """The shots before and after this one in the story."""
    ids = list(
        Shot.objects.filter(scenelet__story=shot.scenelet.story_id).values_list("pk", flat=True)
    )
    place = ids.index(shot.pk)
    return (
        ids[place - 1] if place else None,
        ids[place + 1] if place + 1 < len(ids) else None,
    )
