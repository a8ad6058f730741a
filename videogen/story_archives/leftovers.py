"""Files that are left of stories that were wiped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models

from storybook.media_store import media
from storybook.models import Picture, Story
from storybook.paths import safe_name
from videogen.models import Film, GuestLink, VideoRender, WipedStory
from videogen.takes.storage import kept_path, kept_renders

from .rows import in_batches


@dataclass(frozen=True)
class Leftover:
    """The folder of a story that was wiped and is not here, and how many files are in it that no
    row of another story names."""

    wiped: WipedStory
    folder: str
    files: int


def find_leftovers() -> list[Leftover]:
    """Return what is left of stories that were wiped: the command was killed between the rows and
    the files, or a file could not be removed. Asks the object store. Raises OSError."""
    here = Story.objects.values("story_id")
    wiped = WipedStory.objects.exclude(story_id__in=here).order_by("wiped_at")
    # The newest wipe of each: a story may have been wiped several times.
    of_folder = {safe_name(each.story_id): each for each in wiped}
    found = []
    for folder in of_folder.keys() & set(media.folders()):
        names = [each.name for each in media.files(folder)]
        if number := len(set(names) - named_by_rows(names)):
            found.append(Leftover(of_folder[folder], folder, number))
    return sorted(found, key=lambda each: each.folder)


def kept_of_nobody() -> list[str]:
    """Return the kept downloads whose renders are not here: a host that was away when its story was
    wiped brought them later. Raises OSError."""
    kept = kept_renders()
    here = VideoRender.objects.filter(pk__in=kept).values_list("pk", flat=True)
    return [str(kept_path(f"render-{pk}")) for pk in sorted(kept.difference(here))]


def named_by_rows(names: Iterable[str]) -> set[str]:
    """Return those of the files that rows name."""
    found: set[str] = set()
    for some in in_batches(names):
        for model, column in (
            (Picture, "file"),
            (VideoRender, "video_file"),
            (VideoRender, "poster_file"),
            (Film, "file"),
            (GuestLink, "frozen_file"),
        ):
            rows: models.QuerySet[Any] = models.QuerySet(model)
            found.update(rows.filter(**{f"{column}__in": some}).values_list(column, flat=True))
    return found
