"""What a film is to consist of, before anything is encoded."""

from __future__ import annotations

import pytest
from django.utils import timezone

from storybook.models import KeyFrame, Scenelet, Shot
from tests.support.factories import make_picture, make_story, picture_bytes, shots_of
from videogen.films.film_requests import plan_films
from videogen.films.parts import FilmOptions

pytestmark = pytest.mark.django_db


def parts_of(story, ending):
    [planned] = plan_films(story, FilmOptions(), [ending])
    return [(part.kind, part.shot or part.text) for part in planned.manifest.parts]


def lead(story, parent, *children):
    rows = {each.scenelet_id: each for each in story.scenelets.all()}
    for child in children:
        Scenelet.objects.filter(pk=rows[child].pk).update(parent=rows[parent], choice_label=child)


def test_a_card_is_shown_only_where_there_is_a_choice():
    story = make_story(scenelets=("start", "then", "left", "right"))
    lead(story, "start", "then")
    lead(story, "then", "left", "right")

    assert parts_of(story, "right") == [
        ("still", "S01-01"),
        ("still", "S02-01"),
        ("card", "right"),
        ("still", "S04-01"),
    ]


def test_a_shot_that_is_gone_from_the_bundle_is_in_no_film():
    story = make_story(shots=2)
    gone = shots_of(story).get(shot_index=1)
    Shot.objects.filter(pk=gone.pk).update(gone_since=timezone.now())

    assert parts_of(story, "opening") == [("still", "S01-02")]


def test_the_still_of_a_shot_is_its_first_key_frame():
    story = make_story()
    shot = shots_of(story).get()
    first = KeyFrame.objects.get()
    later = make_picture(story, "images/later.png", picture_bytes("white"))
    KeyFrame.objects.create(shot=shot, position=2, picture=later)

    [planned] = plan_films(story, FilmOptions())

    assert [part.content for part in planned.manifest.parts] == [first.picture.sha256]
