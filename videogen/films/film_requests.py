"""Asks for the films of a story: what has to be made is queued, what is there stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from storybook.media_store import is_offered
from storybook.models import Story
from storybook.story_paths import StoryPath, find_paths
from videogen.common.task_queue import wake_films
from videogen.models import Film
from videogen.takes.chosen_takes import TakeRule

from .parts import FilmOptions, Manifest, make_manifest, read_parts


@dataclass(frozen=True)
class PlannedFilm:
    """A path, what its film consists of as the story is now, and its row if there is one."""

    path: StoryPath
    manifest: Manifest
    film: Film | None

    @property
    def is_current(self) -> bool:
        """Whether the film is there and is what it would be if it were made now."""
        film = self.film
        if film is None or film.is_open:
            return False
        return film.manifest_sha256 == self.manifest.sha256 and is_there(film)

    @property
    def is_out_of_date(self) -> bool:
        """Whether there is a film, but of the story as it was."""
        film = self.film
        return film is not None and film.manifest_sha256 not in ("", self.manifest.sha256)


def plan_films(
    story: Story, options: FilmOptions, endings: Collection[str] = ()
) -> list[PlannedFilm]:
    """Return the films of the endings, or of all of them, in the story's order. Makes six queries,
    however many paths there are. Raises PathError."""
    paths = find_paths(story, endings)
    parts = read_parts(paths, TakeRule(options.takes))
    films = {
        film.ending_id: film
        for film in Film.objects.filter(story=story, **asdict(options)).defer("manifest")
    }
    return [
        PlannedFilm(path, make_manifest(path, parts, options), films.get(path.ending.pk))
        for path in paths
    ]


def request_films(
    planned: Collection[PlannedFilm], options: FilmOptions, person: AbstractUser | None = None
) -> list[Film]:
    """Queue the films that are not current, and return the rows of all. A film that is being made
    from the same manifest goes on."""
    films = []
    with transaction.atomic():
        for each in planned:
            current = each.film if each.is_current else None
            films.append(current or _queue(each, options, person))
        if any(film.is_open for film in films):
            wake_films()
    return films


def _queue(planned: PlannedFilm, options: FilmOptions, person: AbstractUser | None) -> Film:
    manifest = planned.manifest
    film, _ = Film.objects.select_for_update(of=("self",), no_key=True).get_or_create(
        ending=planned.path.ending,
        **asdict(options),
        defaults={"story_id": planned.path.ending.story_id},
    )
    if film.is_open and film.wanted_sha256 == manifest.sha256:
        return film
    # A worker that is making the film of before loses it: its row is no longer that worker's.
    for name, value in {
        "status": Film.Status.QUEUED,
        "manifest": manifest.as_json(),
        "wanted_sha256": manifest.sha256,
        "requested_by": person,
        "queued_at": timezone.now(),
        "ended_at": None,
        "worker": "",
        "lease_until": None,
        "parts_done": 0,
        "parts_total": len(manifest.parts),
        "error_code": "",
        "error_message": "",
        "segments_encoded": 0,
        "segments_reused": 0,
    }.items():
        setattr(film, name, value)
    film.save()
    return film


def cancel_film(film: Film) -> bool:
    """Stop making the film. What was made before stays. Return False if it has ended."""
    won = Film.objects.filter(pk=film.pk, status__in=Film.OPEN).update(
        status=Film.Status.CANCELLED, worker="", lease_until=None, ended_at=timezone.now()
    )
    return bool(won)


def is_there(film: Film) -> bool:
    """Whether the film's file is there."""
    return is_offered(film.file)


def warning_sentences(warnings: Collection[dict[str, Any]]) -> list[str]:
    """Return the warnings of a film as sentences."""
    return [
        f"{each['shot'] or 'A card'} is shown without its words: "
        f"{each['characters']} cannot be drawn."
        for each in warnings
        if each.get("code") == "not_lettered"
    ]
