from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from storybook.models import Shot
from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import State, make_render, make_story, only_shot
from tests.support.pages import page_of
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")


@pytest.fixture
def browser():
    return browser_of(*VIEWS, "storybook.change_story", "storybook.view_story")


@pytest.fixture
def story():
    """With a take to review, a failure, and a render that runs."""
    story = make_story(shots=3)
    takes, failed, runs = Shot.objects.filter(scenelet__story=story).select_related("scenelet")
    make_render(takes, State.DONE)
    make_render(failed, State.FAILED)
    make_render(runs, State.RUNNING)
    return story


@pytest.fixture
def other():
    story = make_story("the-quay")
    make_render(only_shot(story), State.DONE)
    return story


def press(browser, name, story):
    return browser.post(reverse(f"admin:storybook_story_{name}", args=[story.pk]), follow=True)


def shown(browser):
    page = page_of(browser.get(HOME))
    return {
        "stories": page.values("story"),
        "review": page.texts("review-count"),
        "reviews": len(page.hooks("shot")),
        "failures": page.texts("failure-count"),
        "batches": len(page.hooks("batch")),
    }


def test_an_archived_story_is_in_nobodys_way(browser, story, other):
    before = shown(browser)

    press(browser, "archive", story)

    assert before == {
        "stories": ["the-quay", "the-lamp"],
        "review": ["2"],
        "reviews": 2,
        "failures": ["1"],
        "batches": 4,
    }
    assert shown(browser) == {
        "stories": ["the-quay"],
        "review": ["1"],
        "reviews": 1,
        "failures": [],
        "batches": 1,
    }
    queue = browser.get(reverse("admin:videogen_review_queue")).json()
    assert [each["code"] for each in queue["entries"]] == ["S01-01"]
    assert queue["total"] == 1
    at_work = reverse("admin:videogen_renderbatch_changelist", query={"at_work": "yes"})
    assert browser.get(at_work).context["cl"].result_count == 0
    spending = browser.get(reverse("admin:videogen_submission_spending"))
    assert "The lamp" in spending.text and spending.text.count("<option") == 2


def test_its_counts_are_not_in_the_bar(browser, story, other):
    def counts():
        places = page_of(browser.get(HOME)).hooks("place")
        numbers = {each["place"]: each.hooks("number") for each in places}
        return {code: found[0]["number"] for code, found in numbers.items() if found}

    before = counts()
    press(browser, "archive", story)

    assert (before["review"], before["queue"]) == ("2", "1")
    assert counts() == {"review": "1"}


def test_nothing_of_it_is_deleted_and_it_comes_back_as_it_was(browser, story):
    before = shown(browser)
    rows = list(VideoRender.objects.order_by("pk").values())

    page = page_of(press(browser, "archive", story))
    assert page.values("moved") == ["archived"]
    board = browser.get(reverse("admin:storybook_story_board", args=[story.pk]))
    assert page_of(board).hook("archived")

    # The first page offers to take it back, and the list of archived stories has it.
    undo = reverse("admin:storybook_story_bring_back", args=[story.pk])
    assert undo in page.actions
    archived = page_of(browser.get(reverse("admin:storybook_story_archived")))
    assert archived.values("archived") == ["the-lamp"]
    assert undo in archived.actions

    page = page_of(press(browser, "bring_back", story))
    assert page.values("moved") == ["back"]
    assert reverse("admin:storybook_story_archive", args=[story.pk]) in page.actions
    assert shown(browser) == before
    assert list(VideoRender.objects.order_by("pk").values()) == rows


def test_each_move_is_logged_once(browser, story):
    press(browser, "archive", story)
    press(browser, "archive", story)
    press(browser, "bring_back", story)

    assert [each.change_message for each in LogEntry.objects.order_by("pk")] == [
        "Archived.",
        "Brought back.",
    ]


def test_what_may_have_been_paid_for_still_counts(browser, story):
    render = make_render(
        only_shot(make_story("the-mill")), State.NOT_DOWNLOADED, error_message="It broke."
    )
    press(browser, "archive", render.shot.scenelet.story)

    failures = page_of(browser.get(HOME)).hook("unresolved-count")
    unresolved = page_of(browser.get(reverse("admin:videogen_unresolved")))

    assert failures["unresolved-count"] == "1"
    assert str(render.pk) in unresolved.values("render")


def test_who_may_not_change_stories_may_not_archive_them(story):
    browser = browser_of(*VIEWS)

    assert press(browser, "archive", story).status_code == 403
    assert reverse("admin:storybook_story_archive", args=[story.pk]) not in browser.get(HOME).text
    story.refresh_from_db()
    assert not story.is_archived


@pytest.mark.parametrize("moved", ["", "x", "0", "999999999999999999999", "\u0661"])
def test_an_address_that_names_no_story_says_nothing(browser, story, moved):
    response = browser.get(HOME, {"moved": moved})

    assert response.status_code == 200
    assert "data-moved" not in response.text
