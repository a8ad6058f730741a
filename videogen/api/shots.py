"""Scenelets, shots and designs, and the directions that go into their prompts."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Query, Router
from pydantic import Field

from storybook.models import Scenelet, Shot
from videogen.cli.stories import ShotLine, code_of, shot_lines, shot_rows
from videogen.models import Direction
from videogen.models.directions import MOST_CHARACTERS
from videogen.models.states import BadgeWord
from videogen.planning.shot_status import filter_by_badge
from videogen.planning.targets import find_shots, find_story
from videogen.prompts.directions import DirectionPlace, add_direction, switch_off_direction
from videogen.prompts.references import list_candidates, pick_references
from videogen.prompts.sources import Material

from .access import (
    DIRECT,
    READ,
    REVIEW,
    SEE_DESIGNS,
    SEE_DIRECTIONS,
    SEE_RENDERS,
    SEE_STORIES,
    person_of,
    rights,
)
from .audit import note
from .fields import In, Json, Key, Moment, Name, Out, Text
from .idempotency import IdempotencyKey, made, once
from .pages import Page, PageQuery, read_page
from .plans import CodedOut, DroppedOut, ReferenceOut, coded, dropped_out

router = Router(tags=["stories"])

_STATUSES = {code_of(word): word for word in BadgeWord}
ShotStatus = StrEnum("ShotStatus", [(code.upper(), code) for code in _STATUSES])  # type: ignore[misc]


class SceneletOut(Out):
    scenelet_id: str
    place: int = Field(description="In the story's order, from 1: the S03 of its shots' codes.")
    title: str
    description: str
    parent: str | None = Field(description="The scenelet_id before it.")
    choice_label: str
    choice_prompt: str
    is_branch_point: bool
    is_terminal: bool
    shots: int


class SceneletPage(Page):
    items: list[SceneletOut]


class DesignOut(Out):
    kind: str = Field(description="visual or audio.")
    document: Json
    updated_at: Moment


class DesignsOut(Out):
    items: list[DesignOut]


class ShotQuery(PageQuery):
    scenelet_id: Name | None = None
    status: ShotStatus | None = None


class ShotOut(Out):
    id: int
    story_id: str
    scenelet_id: str
    shot_index: int
    code: str
    status: str
    reason: str | None
    render_id: int | None
    render_status: str | None
    takes: int
    take: int | None = Field(description="The number of the take that the story uses, or newest.")
    take_id: int | None
    review: str | None
    out_of_date: bool
    is_gone: bool = Field(description="The story's last import does not have it.")


class ShotPage(Page):
    items: list[ShotOut]


class DirectionOut(Out):
    id: int
    text: str
    scenelet_id: str | None
    shot_id: int | None = Field(description="With neither: it is about every shot of the story.")
    author: str
    created_at: Moment
    is_on: bool


class DirectionPage(Page):
    items: list[DirectionOut]


class ShotDetailOut(ShotOut):
    payload: Json | None
    directions: list[DirectionOut] = Field(description="All that go into its prompt, in order.")
    references: list[ReferenceOut] = Field(description="What would be sent, in order.")
    dropped_references: list[DroppedOut]
    reference_warnings: list[CodedOut]


class NewDirection(In):
    text: Text = Field(min_length=1, max_length=MOST_CHARACTERS)
    scenelet_id: Name | None = None
    shot_id: Key | None = None


@router.get("/stories/{story_id}/scenelets", response=SceneletPage, **rights(READ, SEE_STORIES))
def list_scenelets(
    request: HttpRequest, story_id: Path[Name], query: Query[PageQuery]
) -> SceneletPage:
    """List the scenelets of a story, in its order."""
    rows = find_story(story_id).scenelets.select_related("parent")
    rows = rows.annotate(shot_count=Count("shots"))
    found, cursor = read_page(rows, query, ("place", "pk"))
    return SceneletPage(items=list(map(_scenelet_out, found)), next_cursor=cursor)


def _scenelet_out(scenelet: Scenelet) -> SceneletOut:
    return SceneletOut(
        scenelet_id=scenelet.scenelet_id,
        place=scenelet.place,
        title=scenelet.title,
        description=scenelet.description,
        parent=scenelet.parent.scenelet_id if scenelet.parent else None,
        choice_label=scenelet.choice_label,
        choice_prompt=scenelet.choice_prompt,
        is_branch_point=scenelet.is_branch_point,
        is_terminal=scenelet.is_terminal,
        shots=scenelet.shot_count,  # type: ignore[attr-defined]
    )


@router.get("/stories/{story_id}/designs", response=DesignsOut, **rights(READ, SEE_DESIGNS))
def list_designs(request: HttpRequest, story_id: Path[Name]) -> DesignsOut:
    """Show the design documents of a story, whole."""
    rows = find_story(story_id).design_documents.all()
    return DesignsOut(
        items=[
            DesignOut(kind=each.kind, document=each.document or {}, updated_at=each.updated_at)
            for each in rows
        ]
    )


@router.get("/stories/{story_id}/shots", response=ShotPage, **rights(READ, SEE_RENDERS))
def list_shots(request: HttpRequest, story_id: Path[Name], query: Query[ShotQuery]) -> ShotPage:
    """List the shots of a story in its order, with where each stands."""
    story = find_story(story_id)
    rows: QuerySet[Any] = shot_rows(story)
    if query.scenelet_id is not None:
        find_shots(story, scenelet_id=query.scenelet_id)
        rows = rows.filter(scenelet__scenelet_id=query.scenelet_id)
    if query.status is not None:
        rows = filter_by_badge(rows, _STATUSES[query.status])
    found, cursor = read_page(rows, query, ("scenelet__place", "shot_index", "pk"))
    items = [ShotOut(**_members(each)) for each in shot_lines(story, found)]
    return ShotPage(items=items, next_cursor=cursor)


@router.get("/shots/{id}", response=ShotDetailOut, **rights(READ, SEE_RENDERS))
def get_shot(request: HttpRequest, id: Path[Key]) -> ShotDetailOut:
    """Show a shot: its payload, its directions and its references."""
    shot = find_shot(id)
    story = shot.scenelet.story
    own = Shot.objects.filter(pk=shot.pk)
    [line] = shot_lines(story, list(shot_rows(story).filter(pk=shot.pk)))
    material = Material.of(story, own)
    payload = shot.storyboard_payload
    candidates, warnings = list_candidates(
        material.documents.get("visual") or {},
        payload or {},
        material.key_frames.get(shot.pk, []),
        material.pictures,
    )
    selection = pick_references(candidates, material.choices.get(shot.pk, []))
    directions = Direction.objects.on().filter(story=story).select_related("scenelet")
    concerned = [
        each
        for each in directions
        if each.shot_id == shot.pk
        or each.scenelet_id == shot.scenelet_id
        or not (each.shot_id or each.scenelet_id)
    ]
    concerned.sort(key=lambda each: (bool(each.shot_id), bool(each.scenelet_id)))
    return ShotDetailOut(
        **_members(line),
        payload=payload,
        directions=list(map(_direction_out, concerned)),
        references=[ReferenceOut(**each.as_dict()) for each in selection.picks],
        dropped_references=[dropped_out(each) for each in selection.dropped],
        reference_warnings=list(map(coded, [*warnings, *selection.warnings])),
    )


def find_shot(pk: int) -> Shot:
    shot = Shot.objects.select_related("scenelet__story").filter(pk=pk).first()
    if shot is None:
        raise Http404
    return shot


def _members(line: ShotLine) -> dict[str, Any]:
    members = line.as_dict()
    del members["video_file"]
    return {
        "id": line.shot.pk,
        "story_id": line.shot.scenelet.story.story_id,
        **members,
        "take_id": line.take.pk if line.take else None,
        "is_gone": line.shot.gone_since is not None,
    }


# -- directions ------------------------------------------------------------------------------------


@router.get(
    "/stories/{story_id}/directions", response=DirectionPage, **rights(READ, SEE_DIRECTIONS)
)
def list_directions(
    request: HttpRequest, story_id: Path[Name], query: Query[PageQuery]
) -> DirectionPage:
    """List the directions of a story, its scenelets and its shots, the newest first, with those
    that are off."""
    rows = Direction.objects.filter(story=find_story(story_id)).select_related("scenelet")
    found, cursor = read_page(rows, query)
    return DirectionPage(items=list(map(_direction_out, found)), next_cursor=cursor)


@router.post(
    "/stories/{story_id}/directions",
    response={201: DirectionOut},
    **rights(REVIEW, SEE_DIRECTIONS, DIRECT),
)
def create_direction(
    request: HttpRequest, story_id: Path[Name], body: NewDirection, key: IdempotencyKey
) -> HttpResponse:
    """Add a direction to a story, to one of its scenelets, or to one of its shots. It goes into the
    next prompts."""

    def make() -> HttpResponse:
        place = _place(story_id, body)
        direction = add_direction(place, body.text, person_of(request))
        note(request, place.shot or place.scenelet or place.story, "Added a direction.")
        return made(201, _direction_out(direction))

    return once(request, key, make)


@router.post(
    "/directions/{id}/switch-off",
    response=DirectionOut,
    **rights(REVIEW, SEE_DIRECTIONS, DIRECT),
)
def switch_direction_off(request: HttpRequest, id: Path[Key]) -> DirectionOut:
    """Take a direction out of the next prompts."""
    direction = Direction.objects.select_related("scenelet", "story").filter(pk=id).first()
    if direction is None:
        raise Http404
    switch_off_direction(direction, person_of(request))
    note(request, direction.story, "Switched a direction off.")
    return _direction_out(direction)


def _place(story_id: str, body: NewDirection) -> DirectionPlace:
    story = find_story(story_id)
    if body.shot_id is not None:
        shot = find_shot(body.shot_id)
        matches = body.scenelet_id in (None, shot.scenelet.scenelet_id)
        if shot.scenelet.story_id != story.pk or not matches:
            raise Http404
        return DirectionPlace.of_shot(shot)
    if body.scenelet_id is not None:
        find_shots(story, scenelet_id=body.scenelet_id)
        return DirectionPlace(story, scenelet=story.scenelets.get(scenelet_id=body.scenelet_id))
    return DirectionPlace(story)


def _direction_out(direction: Direction) -> DirectionOut:
    return DirectionOut(
        id=direction.pk,
        text=direction.text,
        scenelet_id=direction.scenelet.scenelet_id if direction.scenelet else None,
        shot_id=direction.shot_id,
        author=direction.author_name,
        created_at=direction.created_at,
        is_on=direction.is_on,
    )
