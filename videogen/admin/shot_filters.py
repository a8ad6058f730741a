from __future__ import annotations

from django.contrib import admin
from django.db.models import Count

from storybook.models import Scenelet, Story
from videogen.shot_cards import BADGES
from videogen.situations import annotate_badges, count_badges, filter_by_badge

STORY = "scenelet__story__id__exact"


class BadgeFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request, model_admin):
        return [(word, word) for word in BADGES]

    def queryset(self, request, queryset):
        return filter_by_badge(queryset, self.value()) if self.value() in BADGES else queryset

    def get_facet_queryset(self, changelist):
        """All counts at once."""
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        numbers = count_badges(shots)
        return {
            f"{place}__c": numbers.get(word, 0)
            for place, (word, _) in enumerate(self.lookup_choices)
        }


class VideoFilter(admin.SimpleListFilter):
    title = "video"
    parameter_name = "video"

    def lookups(self, request, model_admin):
        return [("yes", "has a video"), ("no", "none yet")]

    def queryset(self, request, queryset):
        match self.value():
            case "yes":
                return annotate_badges(queryset).filter(takes__gt=0)
            case "no":
                return annotate_badges(queryset).filter(takes=0)


class SceneletFilter(admin.SimpleListFilter):
    """Of the story that is chosen, or of the only one: all scenelets of all stories would be a
    list without end."""

    title = "scenelet"
    parameter_name = "scenelet"

    def lookups(self, request, model_admin):
        story = self._story(request)
        if story is None:
            return []
        scenelets = Scenelet.objects.filter(story=story).order_by("sequence", "pk")
        return [(str(each.pk), str(each)) for each in scenelets]

    def _story(self, request):
        if self._chosen is not None:
            return Scenelet.objects.filter(pk=self._chosen).values("story")[:1]
        chosen = request.GET.get(STORY, "")
        stories = Story.objects.values_list("pk", flat=True)[:2]
        return int(chosen) if chosen.isdecimal() else (stories[0] if len(stories) == 1 else None)

    @property
    def _chosen(self):
        value = self.value() or ""
        return int(value) if value.isdecimal() else None

    def queryset(self, request, queryset):
        return queryset if self._chosen is None else queryset.filter(scenelet=self._chosen)

    def get_facet_counts(self, pk_attname, filtered_qs):
        numbers = filtered_qs.order_by().values("scenelet").annotate(n=Count("pk"))
        by_scenelet = {str(row["scenelet"]): row["n"] for row in numbers}
        return {
            f"{place}__c": by_scenelet.get(value, 0)
            for place, (value, _) in enumerate(self.lookup_choices)
        }

    def get_facet_queryset(self, changelist):
        shots = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        return self.get_facet_counts("pk", shots)
