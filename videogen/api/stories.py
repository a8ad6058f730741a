"""Stories: their progress, their scenelets and their designs."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count
from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import Field

from storybook.models import Story
from videogen.cli.stories import with_codes
from videogen.planning.shot_status import count_badges_by_story
from videogen.planning.targets import find_story

from .access import READ, SEE_RENDERS, SEE_STORIES, rights
from .fields import Moment, Name, Out
from .pages import Page, PageQuery, read_page

router = Router(tags=["stories"])


class StoryOut(Out):
    story_id: str
    title: str
    scenelets: int
    shots: int
    statuses: dict[str, int] = Field(description="How many of its shots have which status.")
    created_at: Moment
    updated_at: Moment


class StoryPage(Page):
    items: list[StoryOut]


@router.get("/stories", response=StoryPage, **rights(READ, SEE_STORIES, SEE_RENDERS))
def list_stories(request: HttpRequest, query: Query[PageQuery]) -> StoryPage:
    """List the stories."""
    rows = Story.objects.annotate(scenelet_count=Count("scenelets"))
    found, cursor = read_page(rows, query, ("pk",))
    return StoryPage(items=_out(found), next_cursor=cursor)


@router.get("/stories/{story_id}", response=StoryOut, **rights(READ, SEE_STORIES, SEE_RENDERS))
def get_story(request: HttpRequest, story_id: Path[Name]) -> StoryOut:
    """Tell where a story stands."""
    story = find_story(story_id)
    story.scenelet_count = story.scenelets.count()  # type: ignore[attr-defined]
    [found] = _out([story])
    return found


def _out(stories: Collection[Story]) -> list[StoryOut]:
    counts = count_badges_by_story([each.pk for each in stories])
    return [
        StoryOut(
            story_id=each.story_id,
            title=each.title,
            scenelets=each.scenelet_count,  # type: ignore[attr-defined]
            shots=sum(counts[each.pk].values()),
            statuses=with_codes(counts[each.pk]),
            created_at=each.created_at,
            updated_at=each.updated_at,
        )
        for each in stories
    ]
