from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from tests.support.admin_clients import VIEWS, browser_of, viewer
from tests.support.factories import (
    State,
    make_batch,
    make_notice,
    make_render,
    make_story,
    shots_of,
)
from tests.support.pages import page_of

pytestmark = pytest.mark.django_db

ANY_PAGE = "/admin/password_change/"
EVERYTHING = ["stories", "review", "queue", "spending", "trouble"]


def bar(browser, address=ANY_PAGE):
    return page_of(browser.get(address))


def numbers(page):
    return {
        each["place"]: each.values("number") for each in page.hooks("place") if "number" in each
    }


def test_the_places_and_what_waits_there():
    story = make_story(shots=4)
    shots = list(shots_of(story).select_related("scenelet__story"))
    make_render(shots[0], State.DONE)
    make_render(shots[1], State.UNKNOWN)
    batch = make_batch(story)
    for shot in shots[2:]:
        make_render(shot, State.RUNNING, batch=batch)

    page = bar(viewer())

    assert page.values("place") == EVERYTHING
    assert numbers(page) == {"review": ["1"], "queue": ["1"], "trouble": ["1"]}


def test_every_link_of_the_bar_leads_somewhere(admin_client):
    page = bar(admin_client)

    for link in page.links:
        if link.startswith("/"):
            assert admin_client.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("missing", "places"),
    [
        ("storybook.view_shot", ["stories", "queue", "spending"]),
        ("videogen.view_videorender", ["stories", "queue", "spending"]),
        ("videogen.view_renderbatch", ["stories", "review", "spending", "trouble"]),
        ("videogen.view_submission", ["stories", "review", "queue", "trouble"]),
    ],
)
def test_a_place_needs_the_permission_of_its_page(missing, places):
    page = bar(browser_of(*(set(VIEWS) - {missing})))

    assert page.values("place") == places
    assert ("budget" in page) == ("spending" in places)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/admin/", "stories"),
        ("/admin/videogen/submission/spending/", "spending"),
        ("/admin/videogen/videorender/unresolved/", "trouble"),
        ("/admin/videogen/renderbatch/", "queue"),
        (ANY_PAGE, None),
    ],
)
def test_the_place_of_the_page_is_marked(address, place):
    page = bar(viewer(), address)

    current = [each["place"] for each in page.hooks("place") if "aria-current" in each.attributes]
    assert current == ([place] if place else [])


def test_what_is_used_stands_against_the_limit(settings):
    settings.VIDEO_BUDGET_USD = Decimal(100)
    shot = shots_of(make_story()).select_related("scenelet__story").get()
    make_render(shot, State.QUEUED, backend="gemini", price_estimate_usd=Decimal("61.20"))

    assert bar(viewer()).hook("budget").text == "$61 of $100"


def test_notices_are_unread_until_their_list_was_looked_at():
    make_notice()
    make_notice()
    browser = browser_of("videogen.view_notice")

    assert bar(browser).hook("unread")["unread"] == "2"
    browser.get("/admin/videogen/notice/")
    assert bar(browser).hook("unread")["unread"] == "0"
    make_notice()
    assert bar(browser).hook("unread")["unread"] == "1"
    assert "unread" not in bar(browser_of())


def test_nobody_is_told_anything_before_the_login(django_assert_num_queries):
    make_story()

    with django_assert_num_queries(0):
        page = bar(Client(), "/admin/login/")

    assert not page.hooks("place") and "budget" not in page and "unread" not in page


def test_number_of_queries_does_not_grow(django_assert_max_num_queries):
    browser = viewer()
    counts = []
    for number in (1, 6):
        for each in range(number):
            story = make_story(f"story-{number}-{each}", shots=2)
            first, second = shots_of(story).select_related("scenelet__story")
            make_render(first, State.DONE)
            make_render(second, State.RUNNING)
        with django_assert_max_num_queries(13) as captured:
            browser.get(ANY_PAGE)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_the_queue_lists_what_runs(admin_client):
    story = make_story(shots=2)
    running, done = (make_batch(story) for _ in range(2))
    first, second = shots_of(story).select_related("scenelet__story")
    make_render(first, State.QUEUED, batch=running)
    make_render(second, State.DONE, batch=done)

    page = bar(admin_client)

    (link,) = [each for each in page.links if "at_work" in each]
    assert list(admin_client.get(link).context["cl"].queryset) == [running]
