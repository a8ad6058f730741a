"""Films that a command waits for."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.support.factories import make_story
from videogen.cli import films
from videogen.common.processes import this_process
from videogen.films.film_requests import plan_films, request_films
from videogen.films.parts import FilmOptions
from videogen.models import Film
from videogen.models.films import FILM_LEASE

pytestmark = pytest.mark.django_db


def test_who_waits_for_another_process_does_not_spin(monkeypatch):
    story = make_story()
    [film] = request_films(plan_films(story, FilmOptions()), FilmOptions())
    rows = Film.objects.filter(pk=film.pk)
    rows.update(
        status=Film.Status.RENDERING,
        worker=this_process(),
        lease_until=timezone.now() + FILM_LEASE,
    )
    looks = []

    def look(scope, seconds):
        assert not looks, "It looked again at once."
        looks.append(scope)
        return False

    slept = []

    def sleep(seconds):
        slept.append(seconds)
        rows.update(status=Film.Status.DONE)

    monkeypatch.setattr(films, "run_slice", look)
    monkeypatch.setattr(films.time, "sleep", sleep)

    films.make_films(story, FilmOptions(), [], waits=True, say=lambda _: None)

    assert slept == [films.LOOK_SECONDS]
