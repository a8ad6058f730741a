"""The page of a story's directions, and their place beside the takes of a shot."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import make_shot
from tests.support.pages import content, messages
from videogen.models import Direction

pytestmark = pytest.mark.django_db

WRITER = (*VIEWS, "videogen.view_direction", "videogen.add_direction", "videogen.change_direction")
READER = (*VIEWS, "videogen.view_direction")


@pytest.fixture
def shot():
    return make_shot()


def url_of(shot):
    return reverse("admin:storybook_story_directions", args=[shot.scenelet.story_id])


def add(browser, shot, text, place=""):
    values = {"verb": "add", "place": place or f"shot-{shot.pk}", "text": text}
    return browser.post(url_of(shot), values, follow=True)


def groups_of(response):
    return {
        group.place: ([each.text for each in group.on], [each.text for each in group.off])
        for group in response.context["groups"]
    }


def test_the_page_says_what_directions_are(shot):
    page = content(browser_of(*WRITER).get(url_of(shot)))

    assert "A direction is a sentence of the team that goes into the prompts" in page
    assert "Add the direction" in page


@pytest.mark.parametrize("place", ["story", "scenelet", "shot"])
def test_a_direction_is_added_where_the_form_says(shot, place):
    pk = {"story": shot.scenelet.story_id, "scenelet": shot.scenelet_id, "shot": shot.pk}[place]

    response = add(browser_of(*WRITER), shot, "Dusk.", f"{place}-{pk}")

    assert groups_of(response)[f"{place}-{pk}"] == (["Dusk."], [])


def test_a_direction_is_reworded_switched_off_and_on_again(shot):
    browser = browser_of(*WRITER, username="maker")
    place = f"shot-{shot.pk}"
    add(browser, shot, "One.")
    first = Direction.objects.get()

    browser.post(url_of(shot), {"verb": "reword", "direction": first.pk, "text": "Two."})
    second = Direction.objects.on().get()
    response = browser.post(
        url_of(shot), {"verb": "switch-off", "direction": second.pk}, follow=True
    )
    assert groups_of(response)[place] == ([], ["Two.", "One."])
    response = browser.post(url_of(shot), {"verb": "switch-on", "direction": first.pk}, follow=True)

    assert groups_of(response)[place] == (["One."], ["Two.", "One."])
    assert Direction.objects.on().get().author_name == "maker"


@pytest.mark.parametrize(
    "values",
    [
        {"verb": "add", "place": "shot-999999", "text": "One."},
        {"verb": "add", "place": "nowhere", "text": "One."},
        {"verb": "add", "text": "One."},
        {"verb": "add", "place": "story-1", "text": " "},
        {"verb": "unheard-of", "text": "One."},
        {},
    ],
)
def test_what_makes_no_sense_is_told_and_changes_nothing(shot, values):
    response = browser_of(*WRITER).post(url_of(shot), values, follow=True)

    assert [each.level_tag for each in response.context["messages"]] == ["warning"]
    assert not Direction.objects.exists()


def test_a_direction_of_another_story_is_not_there(shot):
    browser = browser_of(*WRITER)
    add(browser, shot, "One.")
    elsewhere = make_shot(story_id="another")

    values = {"verb": "switch-off", "direction": Direction.objects.get().pk}
    response = browser.post(url_of(elsewhere), values)

    assert response.status_code == 404
    assert Direction.objects.on().exists()


def test_readers_see_the_directions_and_cannot_change_them(shot):
    add(browser_of(*WRITER), shot, "One.")
    browser = browser_of(*READER)

    assert not browser.get(url_of(shot)).context["can_write"]
    assert add(browser, shot, "Two.").status_code == 403
    assert browser_of(*VIEWS).get(url_of(shot)).status_code == 403
    assert Direction.objects.count() == 1


def test_the_takes_of_a_shot_show_what_concerns_it(shot):
    browser = browser_of(*WRITER)
    add(browser, shot, "<script>alert(1)</script> in the sky")
    add(browser, shot, "Dusk.", f"story-{shot.scenelet.story_id}")
    takes = reverse("admin:storybook_shot_takes", args=[shot.pk])

    response = browser.get(takes)

    shown = {
        group.place: [each.text for each in group.on] for group in response.context["directions"]
    }
    assert shown == {
        f"shot-{shot.pk}": ["<script>alert(1)</script> in the sky"],
        f"scenelet-{shot.scenelet_id}": [],
        f"story-{shot.scenelet.story_id}": ["Dusk."],
    }
    assert "<script>alert(1)" not in content(response)
    back = browser.post(
        url_of(shot), {"verb": "add", "place": f"shot-{shot.pk}", "text": "x", "next": takes}
    )
    assert back.url == takes


def test_a_message_comes_back_to_the_page(shot):
    assert messages(add(browser_of(*WRITER), shot, "One.")) == [
        "The direction goes into the next prompts."
    ]
