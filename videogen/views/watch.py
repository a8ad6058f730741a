"""The page on which a story is watched: a path from its beginning to an ending, or as a reader who
chooses."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from storybook.models import Story
from storybook.story_paths import PathError, StoryPath, find_endings, find_paths
from videogen.common.errors import RequestError
from videogen.common.formats import media_url
from videogen.exports.player import Addresses, PlayedShot, PlayedStory, read_played_story
from videogen.models import VideoRender
from videogen.takes.chosen_takes import TakeRule

from .components.badges import Badge

Review = VideoRender.Review

CHOSEN = {
    Review.APPROVED: Badge("green", "approved", Review.APPROVED),
    Review.SELECTED: Badge("green", "selected", Review.SELECTED),
    Review.UNREVIEWED: Badge("amber", "newest", Review.UNREVIEWED),
}
WITHOUT_TAKE = Badge("grey", "no take", "no take")


class _AppAddresses(Addresses):
    def video(self, played: PlayedShot) -> str:
        return media_url(played.take.video_file) if played.take else ""

    def still(self, played: PlayedShot) -> str:
        if played.take or played.key_frame is None:
            return ""
        return media_url(played.key_frame.picture.file)


def show_watch_page(
    request: HttpRequest, admin_site: AdminSite, story: Story, *, can_share: bool
) -> HttpResponse:
    """Show the page. `?path=` is the scenelet_id of an ending, or empty for a reader who chooses;
    without it, the first ending is shown. `?takes=` is the rule that decides which takes are shown.
    """
    rule = _rule(request)
    played = read_played_story(story, rule)
    problem = ""
    data: dict[str, Any] | None = None
    if played.scenelets:
        try:
            data = played.data(_AppAddresses())
        except RequestError as error:
            problem = error.sentence
    path, problem = choose_path(story, request.GET.get("path"), problem)
    request.current_app = admin_site.name
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": f"Watch {story}",
        "story": story,
        "opts": Story._meta,
        "endings": find_endings(story),
        "path": path,
        "wanted": path.ending.scenelet_id if path else "",
        "rule": rule,
        "rules": TakeRule.choices,
        "problem": problem,
        "player": player_data(data, path),
        "strip": _strip(played, path),
        "can_share": can_share,
    }
    return TemplateResponse(request, "admin/videogen/watch/page.html", context)


def watch_url(story: Story, ending: str = "", rule: str = "") -> str:
    """Return the address of the page, at a path."""
    query = {name: value for name, value in (("path", ending), ("takes", rule)) if value}
    return reverse("admin:storybook_story_watch", args=[story.pk], query=query)


def _rule(request: HttpRequest) -> TakeRule:
    asked = request.GET.get("takes", "")
    return TakeRule(asked) if asked in TakeRule.values else TakeRule.BEST


def player_data(story: dict[str, Any] | None, path: StoryPath | None) -> dict[str, Any] | None:
    """Return what watch.js reads; None without a story."""
    keys = [f"s{each.place}" for each in path.scenelets] if path else None
    return {"story": story, "path": keys} if story else None


def choose_path(story: Story, wanted: str | None, problem: str) -> tuple[StoryPath | None, str]:
    """Return the path that was asked for, else the first one; None for a reader, whose path has no
    name: a scenelet may have any. Also what is wrong, which is `problem` unless something is wrong
    with the path."""
    if wanted == "":
        return None, problem
    try:
        if wanted:
            return find_paths(story, [wanted])[0], problem
    except PathError as error:
        problem = str(error)
    endings = find_endings(story)
    return (find_paths(story, [endings[0].scenelet_id])[0] if endings else None), problem


def _strip(played: PlayedStory, path: StoryPath | None) -> list[dict[str, Any]]:
    """Return the shots below the player, in the order in which they are played."""
    scenelets = path.scenelets if path else played.scenelets
    return [
        {
            "shot": each.shot,
            "key": f"s{scenelet.place}",
            "index": index,
            "badge": CHOSEN[Review(each.take.review)] if each.take else WITHOUT_TAKE,
            "poster": _poster(each),
            "words": f"take {each.take.take}" if each.take else "",
        }
        for scenelet in scenelets
        for index, each in enumerate(played.shots.get(scenelet.pk, []))
    ]


def _poster(played: PlayedShot) -> str:
    if played.take:
        return media_url(played.take.poster_file)
    return media_url(played.key_frame.picture.file) if played.key_frame else ""
