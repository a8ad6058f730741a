"""The page on which a story is watched."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from storybook.models import Scenelet, Story
from tests.support.factories import make_render, make_story, only_shot, shots_of
from videogen.models import VideoRender
from videogen.views.watch import watch_url

pytestmark = pytest.mark.django_db

State, Review = VideoRender.State, VideoRender.Review


@pytest.fixture
def story():
    story = make_story(scenelets=("start", "left", "right"))
    start, left, right = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk=start.pk).update(choice_prompt="Where to?")
    for scenelet, label in ((left, "The stairs"), (right, "")):
        Scenelet.objects.filter(pk=scenelet.pk).update(parent=start, choice_label=label)
    return story


def watch(client, story, **query):
    return client.get(reverse("admin:storybook_story_watch", args=[story.pk]), query)


def test_the_first_ending_is_shown_first(admin_client, story):
    context = watch(admin_client, story).context

    assert context["wanted"] == "left"
    assert context["player"]["path"] == ["s1", "s2"]
    assert [each["shot"].code for each in context["strip"]] == ["S01-01", "S02-01"]


def test_a_reader_gets_the_choices(admin_client, story):
    player = watch(admin_client, story, path="").context["player"]

    assert player["path"] is None
    start = player["story"]["scenelets"][player["story"]["start"]]
    assert start["prompt"] == "Where to?"
    # A branch without words of its own has its title.
    assert start["choices"] == [
        {"label": "The stairs", "to": "s2"}, {"label": "right", "to": "s3"}
    ]  # fmt: skip


def test_an_ending_may_have_any_name(admin_client, story):
    story.scenelets.filter(scenelet_id="right").update(scenelet_id="reader")

    context = watch(admin_client, story, path="reader").context

    assert context["wanted"] == "reader"
    assert context["player"]["path"] == ["s1", "s3"]
    assert watch_url(story, "reader").endswith("?path=reader")


@pytest.mark.parametrize(
    ("review", "takes", "word"),
    [
        (Review.APPROVED, "best", "approved"),
        (Review.SELECTED, "best", "selected"),
        (Review.UNREVIEWED, "best", "unreviewed"),
        (Review.UNREVIEWED, "approved", "no take"),
        (Review.REJECTED, "best", "no take"),
    ],
)
def test_the_chip_says_which_take_is_shown(admin_client, review, takes, word):
    story = make_story()
    make_render(only_shot(story), State.DONE, review=review)

    [shown] = watch(admin_client, story, takes=takes).context["strip"]

    assert shown["badge"].code == word


def test_a_shot_without_a_take_shows_its_key_frame(admin_client, story):
    player = watch(admin_client, story).context["player"]

    [shot] = player["story"]["scenelets"]["s1"]["shots"]
    assert shot["video"] == ""
    assert shot["still"].startswith("/media/")
    assert shot["cues"] == [[0.0, 3.0, "Who lit the lamp?"]]


def test_an_unknown_ending_is_named(admin_client, story):
    context = watch(admin_client, story, path="nowhere").context

    assert "nowhere" in context["problem"]
    assert context["player"]


def test_a_story_without_scenelets(admin_client):
    response = watch(admin_client, Story.objects.create(story_id="empty", title="Empty"))

    assert response.status_code == 200
    assert response.context["player"] is None


def test_queries_do_not_grow_with_the_shots(admin_client):
    counts = []
    for story in (make_story("few", shots=2), make_story("many", shots=30)):
        for shot in shots_of(story):
            make_render(shot, State.DONE)
        with CaptureQueriesContext(connection) as queries:
            watch(admin_client, story)
        counts.append(len(queries))

    assert counts[0] == counts[1]
