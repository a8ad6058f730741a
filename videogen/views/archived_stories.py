"""Stories that are out of the way: the list of them, and the two buttons, each of which takes the
other one back. (A story as a file is another thing: see videogen/story_archives/.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story

# The parameter of the address of the first page that names the story whose button was pressed.
MOVED = "moved"


@dataclass(frozen=True)
class Moved:
    """What a button did to a story, for the line that offers to take it back."""

    story: Story

    @property
    def words(self) -> str:
        return "is archived." if self.story.is_archived else "is back."

    @property
    def button(self) -> str:
        return "Undo: bring it back" if self.story.is_archived else "Undo: archive it"

    @property
    def undo_url(self) -> str:
        return move_url(self.story)


def move_url(story: Story) -> str:
    """The button that takes the story out of the way, or brings it back."""
    name = "bring_back" if story.is_archived else "archive"
    return reverse(f"admin:storybook_story_{name}", args=[story.pk])


def moved_by(request: HttpRequest) -> Moved | None:
    """What the person has just done, if the address says so. At most one query."""
    named = request.GET.get(MOVED, "")
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 18 else 0
    story = Story.objects.filter(pk=number).first() if number else None
    return Moved(story) if story else None


def move_story(
    model_admin: ModelAdmin[Any], request: HttpRequest, story: Story, *, archives: bool
) -> HttpResponse:
    """Archive the story, or bring it back, and lead to the first page, which says so. Whoever
    presses the button a second time changes nothing."""
    stories = Story.objects.filter(pk=story.pk, archived_at__isnull=archives)
    if stories.update(archived_at=timezone.now() if archives else None):
        words = "Archived." if archives else "Brought back."
        model_admin.log_change(request, story, words)
    return HttpResponseRedirect(reverse("admin:index", query={MOVED: story.pk}))


def show_archived(request: HttpRequest, admin_site: AdminSite, *, may_move: bool) -> HttpResponse:
    stories = Story.objects.filter(archived_at__isnull=False)
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/dashboard/archived.html",
        {
            **admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "title": "Archived stories",
            "subtitle": None,
            "stories": stories.annotate(shots=Count("scenelets__shots")).order_by("-archived_at"),
            "may_move": may_move,
        },
    )
