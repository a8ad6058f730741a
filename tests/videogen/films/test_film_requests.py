"""Which films are queued, and what becomes of those that are being made."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from storybook.models import Scenelet
from tests.support.factories import make_story
from videogen.films.film_requests import cancel_film, plan_films, request_films
from videogen.films.parts import FilmOptions
from videogen.models import Film
from videogen.models.films import FILM_LEASE

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return make_story()


def request(story):
    options = FilmOptions()
    [film] = request_films(plan_films(story, options), options)
    return film


def made(story, settings):
    """A film of the story as it is, with a file."""
    film = request(story)
    path = Path(settings.MEDIA_ROOT) / "film.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a film")
    Film.objects.update(status="done", file=path.name, manifest_sha256=film.wanted_sha256)
    return path


def test_a_film_that_is_there_is_not_made_again(story, settings):
    made(story, settings)

    assert request(story).status == "done"


def test_a_film_whose_file_is_gone_is_made_again(story, settings):
    made(story, settings).unlink()

    assert request(story).status == "queued"


def begin(film):
    Film.objects.filter(pk=film.pk).update(
        status="rendering", worker="somebody", parts_done=3, lease_until=timezone.now() + FILM_LEASE
    )


def test_whoever_asks_once_more_lets_it_go_on(story):
    begin(request(story))

    request(story)

    film = Film.objects.get()
    assert (film.status, film.worker, film.parts_done) == ("rendering", "somebody", 3)


def test_whoever_asks_for_another_film_takes_it_from_its_worker(story):
    begin(request(story))
    Scenelet.objects.update(title="Another title")

    request(story)

    film = Film.objects.get()
    assert (film.status, film.worker, film.parts_done) == ("queued", "", 0)


def test_a_film_that_is_done_is_not_cancelled(story, settings):
    made(story, settings)

    assert not cancel_film(Film.objects.get())
    assert Film.objects.get().status == "done"
