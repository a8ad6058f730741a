"""What went wrong, as pages tell it to live.js, which shows it in the title and icon of the tab."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.support.admin_clients import viewer
from tests.support.factories import State, make_batch, make_render, make_story, shots_of

pytestmark = pytest.mark.django_db


def trouble_of(page):
    return re.findall(r'data-trouble="([^"]*)"', page)


def pages_with(*states):
    """Make a shot for each state; return the trouble of first page, board, batch and takes."""
    story = make_story(shots=len(states))
    shots = list(shots_of(story).select_related("scenelet__story"))
    batch = make_batch(story)
    for shot, state in zip(shots, states, strict=True):
        make_render(shot, state, batch=batch)
    browser = viewer()
    addresses = {
        "dashboard": reverse("admin:index"),
        "board": reverse("admin:storybook_story_board", args=[story.pk]),
        "batch": reverse("admin:videogen_renderbatch_progress", args=[batch.pk]),
        "takes": reverse("admin:storybook_shot_takes", args=[shots[0].pk]),
    }
    return {name: trouble_of(browser.get(address).text) for name, address in addresses.items()}


def test_without_trouble_nothing_is_told():
    told = pages_with(State.DONE, State.RUNNING, State.QUEUED, State.CANCELLED)

    assert told == {"dashboard": [], "board": [], "batch": [], "takes": []}


def test_what_failed_and_what_waits_for_a_person_is_told():
    told = pages_with(
        State.UNKNOWN, State.FAILED, State.BLOCKED, State.INTERRUPTED, State.RUNNING, State.DONE
    )

    assert told == {
        "dashboard": ["4 went wrong"],
        "board": ["2 failed, 2 need a decision"],
        "batch": ["2 failed, 2 need a decision"],
        "takes": ["needs a decision"],
    }


@pytest.mark.parametrize(
    ("state", "words"), [(State.NOT_DOWNLOADED, "1 needs a decision"), (State.BLOCKED, "1 failed")]
)
def test_one_is_told_as_one(state, words):
    told = pages_with(state, State.RUNNING)

    assert (told["board"], told["batch"]) == ([words], [words])
