"""The takes of one shot: what was sent each time, the result, and its review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.conf import settings
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from storybook.models import Shot, shot_code
from videogen.common.formats import indented
from videogen.models import RenderBatch, VideoRender
from videogen.models.directions import MOST_CHARACTERS
from videogen.models.take_notes import MOST_CHARACTERS as MOST_NOTE_CHARACTERS
from videogen.planning.modes import Action, decide
from videogen.planning.outdated import find_changes
from videogen.planning.shot_status import Situation, find_missing, find_situations
from videogen.safety.blocks import Block
from videogen.views.components.access import DIRECT, GENERATE, REVIEW, require
from videogen.views.components.badges import badge_of_shot
from videogen.views.components.live import TROUBLE, news_since
from videogen.views.components.notes import note_rights, with_notes
from videogen.views.components.storyboard import storyboard_lines
from videogen.views.directions import directions_of_shot
from videogen.views.guest_links import notes_of

from .block_card import BlockCard, ways_to_change
from .render_card import Catalog, RenderCard, card_of

State = VideoRender.State


def show_takes(
    request: HttpRequest, admin_site: AdminSite, shot: Shot, *, can_generate: bool
) -> HttpResponse:
    """Show the page. The scenelet and the story of the shot are loaded."""
    page = TakesPage(request, shot, can_generate=can_generate)
    before, after = _neighbours(shot)
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes/page.html",
        {
            **admin_site.each_context(request),
            **page.context,
            "title": f"Takes of {shot}",
            "subtitle": None,
            "opts": Shot._meta,
            "scenelet": shot.scenelet,
            "story": shot.scenelet.story,
            "storyboard": storyboard_lines(shot.storyboard_payload),
            "payload": indented(shot.storyboard_payload) if shot.storyboard_payload else "",
            "before": before,
            "after": after,
            "can_generate": can_generate,
            "guest_notes": notes_of(shot),
            **_directions_context(request, shot),
        },
    )


def _directions_context(request: HttpRequest, shot: Shot) -> dict[str, object]:
    if not request.user.has_perm("videogen.view_direction"):
        return {}
    groups = directions_of_shot(shot)
    return {
        "directions": groups,
        "has_directions": any(group.on for group in groups),
        "direction_places": [(group.place, group.title) for group in groups],
        "can_direct": request.user.has_perms(DIRECT),
        "most_characters": MOST_CHARACTERS,
    }


def takes_state(
    model_admin: ModelAdmin[VideoRender], request: HttpRequest, shot_id: int
) -> JsonResponse:
    """Send the parts of the page that changed. The page has the renders up to `newest`."""
    require(request, model_admin)
    shot = get_object_or_404(Shot.objects.select_related("scenelet__story"), pk=shot_id)
    page = TakesPage(request, shot, can_generate=request.user.has_perm(GENERATE))
    newest = request.GET.get("newest", "")
    # The token is another one in each answer, so it is taken out before parts are compared.
    token = get_token(request)
    context = page.context | {"request": request, "csrf_token": token}
    parts = {
        "badge": render_to_string("admin/videogen/takes/badge.html", context),
        "strip": render_to_string("admin/videogen/takes/strip.html", context),
        "news": render_to_string(
            "admin/videogen/takes/news.html", context | {"has_newer": newest != page.newest}
        ),
    }
    for shown in (*page.attempts, *page.rehearsals):
        parts[f"render-{shown.render.pk}"] = render_to_string(
            "admin/videogen/takes/render_card.html", context | {"shown": shown}
        )
    contents = {key: html.replace(token, "") for key, html in parts.items()}
    changed, version = news_since(contents, request.GET.get("since", ""))
    return JsonResponse(
        {
            "active": page.is_active,
            "parts": {key: parts[key] for key in changed},
            "since": version,
        }
    )


class TakesPage:
    """What the page and its updates show. The number of queries does not depend on the takes."""

    def __init__(self, request: HttpRequest, shot: Shot, *, can_generate: bool) -> None:
        renders = list(
            shot.renders.select_related("batch", "technical_check")
            .defer("technical_check__signature", "batch__plan", "batch__filters")
            .prefetch_related("submissions", with_notes())
            .order_by("-pk")
        )
        is_rehearsal = {each.pk: each.kind == VideoRender.Kind.REHEARSAL for each in renders}
        catalog = Catalog.of(shot.scenelet.story)
        attempts = [each for each in renders if not is_rehearsal[each.pk]]
        self.attempts = _explained(request, shot, _cards_of(attempts, renders, catalog))
        rehearsals = [each for each in renders if is_rehearsal[each.pk]]
        self.rehearsals = _cards_of(rehearsals, renders, catalog)
        self.newest = str(renders[0].pk) if renders else ""
        self.is_active = any(shown.is_open for shown in (*self.attempts, *self.rehearsals))
        badge = badge_of_shot(renders, find_missing(shot))
        self.outdated = _outdated(shot, renders)
        self.context = {
            "shot": shot,
            "page": self,
            "badge": badge,
            "trouble": badge.word if badge.code in TROUBLE else "",
            "attempts": self.attempts,
            "takes": [shown for shown in self.attempts if shown.is_take],
            "rehearsals": self.rehearsals,
            "outdated": self.outdated,
            "may": Rights.of(request, shot, renders, can_generate=can_generate),
            "can_retake": request.user.has_perms([REVIEW, GENERATE]),
            "reject_reasons": VideoRender.RejectReason.choices,
            **note_rights(request),
            "most_note_characters": MOST_NOTE_CHARACTERS,
        }


@dataclass(frozen=True)
class Rights:
    """What the person may do to the takes of this shot now."""

    review: bool
    generate: bool
    ask_again: bool
    see_batches: bool
    # The take that is approved.
    locked_by: VideoRender | None

    @classmethod
    def of(
        cls, request: HttpRequest, shot: Shot, renders: list[VideoRender], *, can_generate: bool
    ) -> Rights:
        shots = Shot.objects.filter(pk=shot.pk)
        found = find_situations(shots, settings.VIDEO_BACKEND).get(shot.pk)
        situation = found[0] if found else Situation.NOTHING
        allows = decide(situation, RenderBatch.Mode.OVERRIDE).action == Action.GENERATE
        approved = (each for each in renders if each.review == VideoRender.Review.APPROVED)
        return cls(
            review=request.user.has_perm(REVIEW),
            generate=can_generate,
            ask_again=can_generate and allows,
            see_batches=request.user.has_perm("videogen.view_renderbatch"),
            locked_by=next(approved, None),
        )


def _cards_of(
    some: list[VideoRender], renders: list[VideoRender], catalog: Catalog
) -> list[RenderCard]:
    return [card_of(each, _take_before(each, renders), catalog) for each in some]


@dataclass(frozen=True)
class OutdatedTake:
    take: VideoRender
    # What would be sent now, and how it differs from the take.
    now: RenderCard
    # Why nothing could be sent now, if that is so.
    missing: Sequence[str]


def _outdated(shot: Shot, renders: list[VideoRender]) -> OutdatedTake | None:
    """Return the take in use, or else the newest, if the story has changed since it was made."""
    takes = [each for each in renders if each.state == State.DONE]
    take = next((each for each in takes if each.review in CHOSEN), takes[0] if takes else None)
    if take is None or not take.content_sha256:
        return None
    changes = find_changes(shot.scenelet.story, [take.pk])
    if not changes:
        return None
    (change,) = changes
    now = RenderCard(change.now, change.take, change.differences)
    return OutdatedTake(change.take, now, [each.sentence for each in change.missing])


CHOSEN = (VideoRender.Review.SELECTED, VideoRender.Review.APPROVED)


def _explained(request: HttpRequest, shot: Shot, attempts: list[RenderCard]) -> list[RenderCard]:
    """Add to each card of a blocked render why it was blocked."""
    if not any(each.render.state == State.BLOCKED for each in attempts):
        return attempts
    ways = ways_to_change(request, shot)
    return [
        replace(each, block=BlockCard(Block(each.render), ways))
        if each.render.state == State.BLOCKED
        else each
        for each in attempts
    ]


def _take_before(render: VideoRender, renders: list[VideoRender]) -> VideoRender | None:
    """Return the newest take that was queued before this render. `renders` go from new to old."""
    return next(
        (each for each in renders if each.pk < render.pk and each.state == State.DONE), None
    )


class _Neighbour(NamedTuple):
    pk: int
    code: str


def _neighbours(shot: Shot) -> tuple[_Neighbour | None, _Neighbour | None]:
    """Return the shots before and after this one in the story."""
    rows = Shot.objects.filter(scenelet__story=shot.scenelet.story_id)
    shots = [
        _Neighbour(pk, shot_code(place, index))
        for pk, place, index in rows.values_list("pk", "scenelet__place", "shot_index")
    ]
    at = next(at for at, each in enumerate(shots) if each.pk == shot.pk)
    return shots[at - 1] if at else None, shots[at + 1] if at + 1 < len(shots) else None
