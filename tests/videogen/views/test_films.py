"""The page of films and the export in the browser."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.urls import reverse

from storybook.models import Scenelet, Story
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take, work_on_films
from tests.support.pages import told
from videogen.models import Film, VideoRender

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.VIDEO_STILL_SECONDS = 0.1
    story = make_story(scenelets=("start", "left", "right"))
    start, *others = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk__in=[each.pk for each in others]).update(parent=start)
    make_film_take(shots_of(story).first())
    return story


def address(story, name="films"):
    return reverse(f"admin:storybook_story_{name}", args=[story.pk])


def rows(client, story, **query):
    return client.get(address(story), query).context["rows"]


def test_a_row_for_each_ending(admin_client, story):
    left, right = rows(admin_client, story)

    assert left.planned.path.ending.scenelet_id == "left"
    assert (left.badge, left.length, left.can_render) == (None, "", True)


def test_the_page_says_what_a_film_has_and_what_can_be_made(admin_client, story):
    admin_client.post(address(story), {"ending": "left"})

    page = told(admin_client.get(address(story)))

    for words in (
        "1 of 2 shots have a take",
        "queued 0 of",
        "Make the film",
        "Stop",
        "A film has a still where a shot has no take. Making it costs nothing.",
        "Export for an editor",
    ):
        assert words in page, words


def test_films_are_made_and_downloaded(admin_client, story):
    response = admin_client.post(address(story), {"ending": "left"})
    assert response.status_code == 302
    film = Film.objects.get()
    assert (film.status, film.requested_by.get_username()) == ("queued", "admin")
    left, right = rows(admin_client, story)
    assert (left.badge.code, left.can_render, right.can_render) == ("queued", False, True)

    work_on_films()

    left, _ = rows(admin_client, story)
    assert (left.badge.code, left.can_render) == ("done", False)
    response = admin_client.get(left.download_url)
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    assert len(response.getvalue()) == Film.objects.get().byte_size


def test_all_that_are_not_current_are_made(admin_client, story):
    admin_client.post(address(story))
    assert Film.objects.count() == 2
    work_on_films()

    response = admin_client.post(address(story), follow=True)

    assert Film.objects.filter(status="done").count() == 2
    assert [*response.context["messages"]][-1].level_tag == "info"


def test_a_change_of_the_story_makes_a_film_out_of_date(admin_client, story):
    admin_client.post(address(story), {"ending": "left"})
    work_on_films()
    VideoRender.objects.get().shot.scenelet.story.scenelets.filter(scenelet_id="left").update(
        title="Another title"
    )

    left, _ = rows(admin_client, story)

    assert (left.badge.code, left.can_render) == ("out of date", True)
    assert left.download_url


def test_one_is_stopped(admin_client, story):
    admin_client.post(address(story), {"ending": "left"})

    admin_client.post(address(story), {"cancel": Film.objects.get().pk})

    assert Film.objects.get().status == "cancelled"
    assert rows(admin_client, story)[0].badge.code == "cancelled"


def test_the_rows_are_sent_when_they_change(admin_client, story):
    state = admin_client.get(address(story, "films_state")).json()
    assert (state["active"], set(state["parts"])) == (False, {"films"})
    same = admin_client.get(address(story, "films_state"), {"since": state["since"]}).json()
    assert same["parts"] == {}

    admin_client.post(address(story), {"ending": "left"})

    changed = admin_client.get(address(story, "films_state"), {"since": state["since"]}).json()
    assert (changed["active"], set(changed["parts"])) == (True, {"films"})


@pytest.mark.parametrize("number", ["x", "99999999999999999999", ""])
def test_a_strange_number_stops_nothing(admin_client, story, number):
    response = admin_client.post(address(story), {"cancel": number, "ending": "left"})
    assert response.status_code == 302


def test_an_unknown_ending_is_named(admin_client, story):
    response = admin_client.post(address(story), {"ending": "nowhere"}, follow=True)

    [message] = response.context["messages"]
    assert message.level_tag == "error" and "nowhere" in str(message)
    assert not Film.objects.exists()


def test_more_paths_than_the_limit(admin_client, story, settings):
    settings.VIDEO_MOST_PATHS = 1

    response = admin_client.get(address(story))

    assert response.context["rows"] == []
    assert "2 paths" in response.context["problem"]


def test_a_story_without_scenelets(admin_client):
    response = admin_client.get(address(Story.objects.create(story_id="empty", title="Empty")))
    assert response.status_code == 200


def test_the_export_is_streamed(admin_client, story):
    response = admin_client.get(address(story, "export"))

    assert response.streaming
    assert 'filename="the-lamp.zip"' in response["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        manifest = json.loads(archive.read("the-lamp/manifest.json"))
        assert [clip["code"] for clip in manifest["clips"]] == ["S01-01"]
        assert "the-lamp/timelines/left.edl" in archive.namelist()
