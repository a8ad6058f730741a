"""Makes the films of a story for a command, and tells of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from storybook.models import Story
from videogen.common.task_queue import is_cluster_running
from videogen.films.film_requests import (
    PlannedFilm,
    plan_films,
    request_films,
    warning_sentences,
)
from videogen.films.film_worker import run_slice, waiting
from videogen.films.parts import FilmOptions
from videogen.models import Film

LOOK_SECONDS = 0.5
# Without a cluster, this process works in pieces, so that Ctrl-C and progress come through.
PIECE_SECONDS = 5.0


@dataclass(frozen=True)
class FilmResult:
    """What became of one film. `status`: done, exists, queued or failed."""

    planned: PlannedFilm
    film: Film
    status: str


def make_films(
    story: Story,
    options: FilmOptions,
    endings: Collection[str],
    *,
    waits: bool,
    say: Callable[[str], None],
) -> list[FilmResult]:
    """Queue the films that are not current, and wait for them if `waits`: a cluster makes them, or
    this process where none runs. Raises PathError."""
    planned = plan_films(story, options, endings)
    existing = {each.path.ending.pk for each in planned if each.is_current}
    films = request_films(planned, options)
    if waits:
        _wait([film.pk for film in films], say)
    rows = Film.objects.in_bulk([film.pk for film in films])
    results = []
    for each, film in zip(planned, films, strict=True):
        row = rows[film.pk]
        status = "exists" if each.path.ending.pk in existing else _status(row)
        results.append(FilmResult(each, row, status))
    return results


def _wait(films: Collection[int], say: Callable[[str], None]) -> None:
    told = ""
    while open_films := list(waiting(films)):
        words = _progress(open_films)
        if words != told:
            say(words)
            told = words
        if is_cluster_running():
            time.sleep(LOOK_SECONDS)
        elif not run_slice(films, PIECE_SECONDS) and waiting(films).exists():
            # Another process makes them.
            time.sleep(LOOK_SECONDS)


def _progress(films: Sequence[Film]) -> str:
    done = sum(each.parts_done for each in films)
    total = sum(each.parts_total for each in films)
    what = ngettext("%d film to make", "%d films to make", len(films)) % len(films)
    parts = ngettext("%d of %d part ready", "%d of %d parts ready", total) % (done, total)
    return f"{what}: {parts}"


def _status(film: Film) -> str:
    if film.is_open:
        return "queued"
    return "done" if film.status == Film.Status.DONE else "failed"


def film_record(result: FilmResult) -> dict[str, Any]:
    """Return the object that the command prints for a film with --json."""
    film, path = result.film, result.planned.path
    is_made = result.status in ("done", "exists")
    return {
        "ending": path.ending.scenelet_id,
        "title": path.title,
        "scenelets": [each.scenelet_id for each in path.scenelets],
        "status": result.status,
        "file": film.file if is_made else "",
        "bytes": film.byte_size if is_made else 0,
        "sha256": film.sha256 if is_made else "",
        "seconds": film.seconds if is_made else 0,
        "shots": film.shots if is_made else 0,
        "stills": film.stills if is_made else 0,
        "cards": film.cards_shown if is_made else 0,
        "manifest_sha256": film.manifest_sha256 if is_made else film.wanted_sha256,
        "segments_encoded": 0 if result.status == "exists" else film.segments_encoded,
        "segments_reused": 0 if result.status == "exists" else film.segments_reused,
        "warnings": warning_sentences(film.warnings) if is_made else [],
        "error": film.error_message if result.status == "failed" else "",
    }


def film_line(result: FilmResult) -> str:
    """Return what a person reads about a film."""
    film, path = result.film, result.planned.path
    if result.status in ("done", "exists"):
        what = "made" if result.status == "done" else "is as it was"
        facts = [_clock(film.seconds), ngettext("%d shot", "%d shots", film.shots) % film.shots]
        if stills := film.stills:
            words = ngettext(
                "%d still for a shot without a take", "%d stills for shots without a take", stills
            )
            facts.append(words % stills)
        return f"{path.title}: {what} ({', '.join(facts)})\n  {film.file}"
    if result.status == "queued":
        return f"{path.title}: queued"
    return f"{path.title}: failed. {film.error_message or 'It was cancelled.'}"


def summary(results: Collection[FilmResult]) -> dict[str, int]:
    counts = Counter(each.status for each in results)
    known = {name: counts[name] for name in ("done", "exists", "queued", "failed")}
    return {"films": len(results), **known}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"
