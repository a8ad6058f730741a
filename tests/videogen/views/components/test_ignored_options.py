"""What a page does not understand of its address is named."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.admin_clients import viewer
from tests.support.factories import make_story
from tests.support.pages import messages

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["board", "room"])
def address(request):
    story = make_story(shots=1)
    if request.param == "room":
        return reverse("admin:videogen_review")
    return reverse("admin:storybook_story_board", args=[story.pk])


def told_of(address, query):
    return messages(viewer().get(f"{address}?{query}"))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=needs+review&q=pier&character=ada&environment=dock&person=ann&scenelet=1",
        "q=+&status=",
    ],
)
def test_what_is_understood_is_no_news(address, query):
    assert told_of(address, query) == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("stauts=approved&q=pier", "this option of its address, and ignores it: stauts=approved."),
        ("status=nonsense", "this option of its address, and ignores it: status=nonsense."),
        (
            "scenelet=one&take_rule=best",
            "these options of its address, and ignores them: scenelet=one, take_rule=best.",
        ),
    ],
)
def test_what_is_ignored_is_named(address, query, named):
    [message] = told_of(address, query)

    assert message == f"The page does not know {named}"


def test_few_of_many_are_named_and_none_at_length(address):
    query = "&".join(f"o{number}={'x' * 100}" for number in range(7))

    [message] = told_of(address, query)

    assert message.count("=xxx") == 5 and message.endswith("… and more.")
    assert len(message) < 500


def test_the_usual_choices_of_the_board_are_no_news():
    address = reverse("admin:storybook_story_board", args=[make_story(shots=1).pk])

    assert told_of(address, "group=scenelet&size=3") == []
    [message] = told_of(address, "group=colour&size=9")
    assert message.endswith("group=colour, size=9.")


def test_the_place_in_the_queue_is_no_news():
    assert told_of(reverse("admin:videogen_review"), "take=7&after=3") == []
