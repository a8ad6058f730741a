"""Two takes side by side."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.admin_clients import BAR_QUERIES, VIEWS, browser_of, viewer
from tests.support.factories import State, make_render, make_story, shots_of
from tests.support.pages import levels, page_of, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def shots():
    return list(shots_of(make_story(shots=2)).select_related("scenelet__story"))


@pytest.fixture
def takes(shots):
    return [
        make_render(shots[0], State.DONE, prompt_text=f'{{"mood": "{mood}"}}')
        for mood in ("calm", "storm", "fog")
    ]


def compare_url(shot, **query):
    return reverse("admin:videogen_takes_compare", args=[shot.pk], query=query or None)


def test_both_players_and_what_differs(shots, takes):
    page = page_of(viewer().get(compare_url(shots[0], a=takes[1].pk, b=takes[0].pk)))

    assert [each["render"] for each in page.hooks("side")] == [str(takes[1].pk), str(takes[0].pk)]
    videos = [each.attributes for each in page.tags("video")]
    assert [each["src"] for each in videos] == [
        f"/media/{take.video_file}" for take in (takes[1], takes[0])
    ]
    assert [each["preload"] for each in videos] == ["metadata", "metadata"]
    # The difference goes from the older to the newer take, whichever is on the left.
    lines = {each["line"]: each.hook("text").text for each in page.hooks("line")}
    assert "calm" in lines["removed"] and "storm" in lines["added"]


def test_the_page_says_what_is_compared(shots, takes):
    browser = browser_of(*VIEWS, "videogen.review_video")

    page = told(browser.get(compare_url(shots[0], a=takes[1].pk, b=takes[0].pk)))

    for words in (
        "Compare takes 2 and 1",
        "What is different From take 1 to take 2.",
        "Play both",
        "Reject…",
    ):
        assert words in page, words


def test_without_a_choice_the_two_newest_are_compared(shots, takes):
    response = viewer().get(compare_url(shots[0]))

    assert [shown.render for _, shown in response.context["sides"]] == takes[1:]


def test_takes_lead_to_the_comparison_with_the_one_before(shots, takes):
    page = page_of(viewer().get(reverse("admin:storybook_shot_takes", args=[shots[0].pk])))

    for old, new in zip(takes, takes[1:], strict=False):
        url = compare_url(shots[0], a=old.pk, b=new.pk)
        assert url in page.hook("render", str(new.pk)).links


def test_select_comes_back_here(shots, takes):
    url = compare_url(shots[0], a=takes[0].pk, b=takes[2].pk)
    browser = browser_of(*VIEWS, "videogen.review_video")
    page = page_of(browser.get(url))
    select = reverse("admin:videogen_takes_act", args=[shots[0].pk, takes[2].pk, "select"])

    response = browser.post(select, {"next": url})

    assert select in page.actions
    following = [each for each in page.tags("input") if each.attributes.get("name") == "next"]
    assert following and {each.attributes["value"] for each in following} == {url}
    assert response.url == url
    takes[2].refresh_from_db()
    assert takes[2].review == "selected"


def test_viewer_is_not_offered_to_review(shots, takes):
    page = page_of(viewer().get(compare_url(shots[0], a=takes[0].pk, b=takes[1].pk)))

    assert not any("/select/" in each or "/reject/" in each for each in page.actions)


@pytest.mark.parametrize("pair", [("0", "1"), ("x", "y"), ("", ""), ("9" * 5000, "1"), ("٣", "1")])
def test_nonsense_is_not_found(shots, takes, pair):
    assert viewer().get(compare_url(shots[0], a=pair[0], b=pair[1])).status_code == 404


def test_only_two_videos_of_this_shot_are_compared(shots, takes):
    other = make_render(shots[1], State.DONE)
    failed = make_render(shots[0], State.FAILED)
    browser = viewer()

    for a, b in ((takes[0], other), (takes[0], failed), (takes[0], takes[0])):
        assert browser.get(compare_url(shots[0], a=a.pk, b=b.pk)).status_code == 404
    assert browser.get(compare_url(shots[0], a=takes[0].pk)).status_code == 404


@pytest.mark.parametrize("missing", ["storybook.view_shot", "videogen.view_videorender"])
def test_comparison_takes_both_permissions(shots, takes, missing):
    assert browser_of(*{*VIEWS} - {missing}).get(compare_url(shots[0])).status_code == 403


@pytest.mark.parametrize("number", [0, 1])
def test_without_two_takes_there_is_nothing_to_compare(shots, number):
    for _ in range(number):
        make_render(shots[1], State.DONE)
    make_render(shots[1], State.FAILED)

    response = viewer().get(compare_url(shots[1]), follow=True)

    assert response.redirect_chain == [
        (reverse("admin:storybook_shot_takes", args=[shots[1].pk]), 302)
    ]
    assert levels(response) == ["info"]


def test_comparison_is_only_read(shots, takes):
    assert viewer().post(compare_url(shots[0])).status_code == 405


def test_number_of_queries_does_not_grow_with_the_takes(django_assert_max_num_queries, shots):
    browser = viewer()
    counts = []
    for number in (2, 8):
        for _ in range(number):
            make_render(shots[0], State.DONE)
        with django_assert_max_num_queries(12 + BAR_QUERIES) as captured:
            browser.get(compare_url(shots[0]))
        counts.append(len(captured))

    assert counts[0] == counts[1]
