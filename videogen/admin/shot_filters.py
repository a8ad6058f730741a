"""Filters of the list of shots, with counts.

Django creates every filter again for the counts of each filter. What the filters offer is
therefore looked up once for each request and kept with the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from storybook.models import Scenelet, Shot, Story
from videogen.planning.shot_status import (
    Videos,
    added_up,
    count_badges,
    count_videos,
    count_videos_by_story,
    filter_by_badge,
    filter_by_video,
    with_shots,
)
from videogen.views.components.badges import SHOT_BADGES

from .records import OfferedStories, offered_stories

STORY = "scenelet__story__id__exact"


class ShotPaginator(Paginator):
    """Counts the shots together with what two of the filters offer: how many have a video, and, of
    a list that is filtered, how many each story has."""

    @cached_property
    def videos(self) -> Videos:
        if self.by_story is None:
            return count_videos(self._shots)
        return added_up(self.by_story.values())

    @cached_property
    def by_story(self) -> dict[int, Videos] | None:
        """None if nothing is filtered: all shots are counted without looking at them."""
        return count_videos_by_story(self._shots) if self._shots.query.has_filters() else None

    @cached_property
    def count(self) -> int:
        return sum(self.videos)

    @property
    def _shots(self) -> QuerySet[Shot]:
        # A queryset, which the stubs take for any sequence.
        shots: Any = self.object_list
        return shots


class BadgeFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Shot]
    ) -> list[tuple[str, str]]:
        return [(code, badge.word) for code, badge in SHOT_BADGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shot]) -> QuerySet[Shot]:
        value = self.value()
        return filter_by_badge(queryset, value) if value in SHOT_BADGES else queryset

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, int]:
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        return _facets(self.lookup_choices, count_badges(shots))


class VideoFilter(admin.SimpleListFilter):
    title = "video"
    parameter_name = "video"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Shot]
    ) -> list[tuple[str, str]]:
        return [("yes", "has a video"), ("no", "none yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shot]) -> QuerySet[Shot]:
        match self.value():
            case "yes":
                return filter_by_video(queryset, has_video=True)
            case "no":
                return filter_by_video(queryset, has_video=False)
        return queryset

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, int]:
        paginator = changelist.paginator
        if self.value() is None and isinstance(paginator, ShotPaginator):
            videos = paginator.videos
        else:
            asked_for = self.expected_parameters()
            videos = count_videos(changelist.get_queryset(self.request, asked_for))
        return _facets(self.lookup_choices, videos._asdict())


class RowFilter(admin.SimpleListFilter):
    """Show the shots that belong to one row of another table, given by its primary key."""

    path: str

    @property
    def chosen(self) -> int | None:
        value = self.value() or ""
        return int(value) if value.isdecimal() else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shot]) -> QuerySet[Shot]:
        return queryset if self.chosen is None else queryset.filter(**{self.path: self.chosen})

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, int]:
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        offered = [value for value, _ in self.lookup_choices]
        shots = shots.filter(**{f"{self.path}__in": offered})
        rows = shots.order_by().values(self.path).annotate(number=Count("pk"))
        return _facets(self.lookup_choices, {str(row[self.path]): row["number"] for row in rows})


class StoryFilter(RowFilter):
    title = "story"
    parameter_name = STORY
    path = "scenelet__story"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Shot]
    ) -> list[tuple[str, str]]:
        offered = _offered(request)
        self.title = offered.title
        return offered.choices if len(offered.stories) > 1 else []

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, int]:
        paginator = changelist.paginator
        counts = paginator.by_story if isinstance(paginator, ShotPaginator) else None
        if counts is None or self.chosen is not None:
            return super().get_facet_queryset(changelist)
        numbers = {str(story): sum(videos) for story, videos in counts.items()}
        return _facets(self.lookup_choices, numbers)

    def has_output(self) -> bool:
        # A link may filter by the only story there is.
        return super().has_output() or self.chosen is not None


class SceneletFilter(RowFilter):
    """Offer the scenelets of the chosen story, or of the only one.

    A list of all scenelets of all stories would be too long to use.
    """

    title = "scenelet"
    parameter_name = "scenelet"
    path = "scenelet"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Shot]
    ) -> list[tuple[str, str]]:
        kept: Any = request
        if not hasattr(kept, "offered_scenelets"):
            scenelets = self._scenelets(request)
            kept.offered_scenelets = [(str(each.pk), str(each)) for each in scenelets]
        return kept.offered_scenelets

    def _scenelets(self, request: HttpRequest) -> QuerySet[Scenelet]:
        if self.chosen is not None:
            story = Scenelet.objects.filter(pk=self.chosen).values("story")
            return Scenelet.objects.filter(story__in=story)
        asked_for = request.GET.get(STORY, "")
        if asked_for.isdecimal():
            return Scenelet.objects.filter(story=int(asked_for))
        stories = _offered(request).stories
        return Scenelet.objects.filter(story__in=stories if len(stories) == 1 else [])


def _offered(request: HttpRequest) -> OfferedStories:
    """Offer the stories that have shots."""
    kept: Any = request
    if not hasattr(kept, "offered_stories"):
        stories = with_shots(Story.objects.not_archived()).order_by("-updated_at", "-pk")
        chosen = request.GET.get(STORY, "")
        kept.offered_stories = offered_stories(stories, chosen, "that were changed last")
    return kept.offered_stories


def _facets(choices: Iterable[tuple[object, object]], numbers: Mapping[Any, int]) -> dict[str, int]:
    """Return the numbers under the keys that Django's facets have: the place of each choice."""
    return {f"{place}__c": numbers.get(value, 0) for place, (value, _) in enumerate(choices)}
