"""Films: the takes on the path to one ending, as one video. Making one costs nothing."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import ngettext
from ninja import Path, Query, Router
from pydantic import Field

from videogen.films.film_requests import plan_films, request_films, warning_sentences
from videogen.films.parts import FilmOptions
from videogen.models import Film
from videogen.planning.targets import find_story
from videogen.takes.chosen_takes import TakeRule

from .access import JUDGE, READ, REVIEW, SEE_RENDERS, person_of, rights
from .audit import note
from .fields import In, Key, Moment, Name, Out
from .files import redirect_to_file
from .idempotency import IdempotencyKey, made, once
from .pages import Page, PageQuery, read_page
from .plans import CodedOut

router = Router(tags=["films"])


class FilmQuery(PageQuery):
    story_id: Name | None = None
    status: Film.Status | None = None


class FilmOut(Out):
    id: int
    story_id: str
    ending: str = Field(description="The scenelet_id of the ending.")
    takes: str
    cards: bool
    levelling: bool
    captions: bool
    status: str = Field(description="queued, rendering, done, failed or cancelled.")
    parts_done: int
    parts_total: int
    error: CodedOut | None
    is_current: bool = Field(description="The file is what was asked for last.")
    bytes: int
    sha256: str
    seconds: float
    warnings: list[str]
    queued_at: Moment
    made_at: Moment | None
    file_url: str | None = Field(
        description="Answers with a redirect to the file, if there is one."
    )


class FilmPage(Page):
    items: list[FilmOut]


class FilmRequest(In):
    story_id: Name
    endings: list[Name] = Field([], max_length=1000, description="None: all endings.")
    takes: TakeRule = TakeRule.BEST
    cards: bool = True
    levelling: bool = True
    captions: bool = False


class FilmsOut(Out):
    items: list[FilmOut]


@router.get("/films", response=FilmPage, **rights(READ, SEE_RENDERS))
def list_films(request: HttpRequest, query: Query[FilmQuery]) -> FilmPage:
    """List the films, the newest first."""
    rows = _films()
    if query.story_id is not None:
        rows = rows.filter(story__story_id=query.story_id)
    if query.status is not None:
        rows = rows.filter(status=query.status)
    found, cursor = read_page(rows, query)
    return FilmPage(items=list(map(_out, found)), next_cursor=cursor)


@router.get("/films/{id}", response=FilmOut, **rights(READ, SEE_RENDERS))
def get_film(request: HttpRequest, id: Path[Key]) -> FilmOut:
    """Show a film."""
    return _out(_find(id))


@router.get("/films/{id}/file", response={302: None}, **rights(READ, SEE_RENDERS))
def get_film_file(request: HttpRequest, id: Path[Key]) -> HttpResponseBase:
    """Redirect to the film's video. The address works for five minutes, without the token, and
    answers ranges."""
    film = _find(id)
    if not film.file:
        raise Http404
    return redirect_to_file(request, film.file)


@router.post("/films", response={201: FilmsOut}, **rights(REVIEW, JUDGE))
def create_films(request: HttpRequest, body: FilmRequest, key: IdempotencyKey) -> HttpResponse:
    """Make the films of a story's endings. A film that is as the story is now stays as it is."""

    def make() -> HttpResponse:
        story = find_story(body.story_id)
        options = FilmOptions(body.takes.value, body.cards, body.levelling, body.captions)
        planned = plan_films(story, options, body.endings)
        films = request_films(planned, options, person_of(request))
        words = ngettext("Asked for %d film.", "Asked for %d films.", len(films)) % len(films)
        note(request, story, words)
        rows = _films().in_bulk([film.pk for film in films])
        return made(201, FilmsOut(items=[_out(rows[film.pk]) for film in films]))

    return once(request, key, make)


def _films() -> Any:
    return Film.objects.select_related("story", "ending").defer("manifest")


def _find(pk: int) -> Film:
    film: Film | None = _films().filter(pk=pk).first()
    if film is None:
        raise Http404
    return film


def _out(film: Film) -> FilmOut:
    has_failed = film.status == Film.Status.FAILED
    return FilmOut(
        id=film.pk,
        story_id=film.story.story_id,
        ending=film.ending.scenelet_id,
        takes=film.takes,
        cards=film.cards,
        levelling=film.levelling,
        captions=film.captions,
        status=film.status,
        parts_done=film.parts_done,
        parts_total=film.parts_total,
        error=CodedOut(code=film.error_code, message=film.error_message) if has_failed else None,
        is_current=bool(film.file) and film.manifest_sha256 == film.wanted_sha256,
        bytes=film.byte_size,
        sha256=film.sha256,
        seconds=film.seconds,
        warnings=warning_sentences(film.warnings),
        queued_at=film.queued_at,
        made_at=film.made_at,
        file_url=f"/api/v1/films/{film.pk}/file" if film.file else None,
    )
