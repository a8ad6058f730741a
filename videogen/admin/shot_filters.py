"""Filters of the list of shots, with counts. Django makes every filter anew for the counts of each
one, so what they offer is looked up once a request and kept with it."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef

from storybook.models import Scenelet, Shot, Story
from videogen.planning.shot_status import (
    count_badges,
    count_videos,
    filter_by_badge,
    filter_by_video,
)
from videogen.views.components.shot_cards import BADGES

STORY = "scenelet__story__id__exact"
MOST_STORIES = 40


class BadgeFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request, model_admin):
        return [(word, word) for word in BADGES]

    def queryset(self, request, queryset):
        return filter_by_badge(queryset, self.value()) if self.value() in BADGES else queryset

    def get_facet_queryset(self, changelist):
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        return _facets(self.lookup_choices, count_badges(shots))


class VideoFilter(admin.SimpleListFilter):
    title = "video"
    parameter_name = "video"

    def lookups(self, request, model_admin):
        return [("yes", "has a video"), ("no", "none yet")]

    def queryset(self, request, queryset):
        match self.value():
            case "yes":
                return filter_by_video(queryset, has_video=True)
            case "no":
                return filter_by_video(queryset, has_video=False)

    def get_facet_queryset(self, changelist):
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        return _facets(self.lookup_choices, count_videos(shots))


class RowFilter(admin.SimpleListFilter):
    """Of the shots that belong to one row, by its number."""

    path: str

    @property
    def chosen(self):
        value = self.value() or ""
        return int(value) if value.isdecimal() else None

    def queryset(self, request, queryset):
        return queryset if self.chosen is None else queryset.filter(**{self.path: self.chosen})

    def get_facet_queryset(self, changelist):
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        rows = shots.order_by().values(self.path).annotate(number=Count("pk"))
        return _facets(self.lookup_choices, {str(row[self.path]): row["number"] for row in rows})


class StoryFilter(RowFilter):
    title = "story"
    parameter_name = STORY
    path = "scenelet__story"

    def lookups(self, request, model_admin):
        stories = _stories(request)
        return [(str(each.pk), str(each)) for each in stories] if len(stories) > 1 else []

    def has_output(self):
        # A link may name the only story, too.
        return super().has_output() or self.chosen is not None


class SceneletFilter(RowFilter):
    """Of the story that is chosen, or of the only one: all scenelets of all stories would be a
    list without end."""

    title = "scenelet"
    parameter_name = "scenelet"
    path = "scenelet"

    def lookups(self, request, model_admin):
        if not hasattr(request, "offered_scenelets"):
            story = self._story(request)
            scenelets = [] if story is None else Scenelet.objects.filter(story=story)
            request.offered_scenelets = [(str(each.pk), str(each)) for each in scenelets]
        return request.offered_scenelets

    def _story(self, request):
        if self.chosen is not None:
            return Scenelet.objects.filter(pk=self.chosen).values("story")[:1]
        asked_for = request.GET.get(STORY, "")
        if asked_for.isdecimal():
            return int(asked_for)
        stories = _stories(request)
        return stories[0].pk if len(stories) == 1 else None


def _stories(request):
    """Those that have shots; of many the ones changed last, for a list without end helps nobody.
    A link to another story filters all the same."""
    if not hasattr(request, "offered_stories"):
        shots = Shot.objects.filter(scenelet__story=OuterRef("pk"))
        newest = Story.objects.filter(Exists(shots)).order_by("-updated_at", "-pk")[:MOST_STORIES]
        request.offered_stories = sorted(newest, key=str)
    return request.offered_stories


def _facets(choices, numbers):
    return {f"{place}__c": numbers.get(value, 0) for place, (value, _) in enumerate(choices)}
