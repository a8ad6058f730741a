"""The theme that a person chose, and the page of the tables."""

from __future__ import annotations

import pytest

from tests.support.admin_clients import viewer
from tests.support.pages import page_of

pytestmark = pytest.mark.django_db

THEME = "/admin/theme/"
DATA = "/admin/data/"


def theme(browser):
    (html,) = page_of(browser.get(DATA)).tags("html")
    return html.attributes.get("data-theme")


def test_the_theme_is_kept_and_the_page_comes_back():
    browser = viewer()
    assert theme(browser) is None

    answer = browser.post(THEME, {"theme": "dark", "next": DATA})

    assert answer.url == DATA and theme(browser) == "dark"
    browser.post(THEME, {"theme": "light"})
    assert theme(browser) == "light"
    browser.post(THEME, {"theme": ""})
    assert theme(browser) is None


@pytest.mark.parametrize("following", ["https://example.org/", "//example.org", "javascript:0", ""])
def test_the_theme_leads_to_no_other_site(following):
    assert viewer().post(THEME, {"theme": "dark", "next": following}).url == "/admin/"


def test_what_is_not_a_theme_is_none():
    browser = viewer()
    browser.cookies["theme"] = '"><script>'

    assert theme(browser) is None
    browser.post(THEME, {"theme": "neon"})
    assert theme(browser) is None


def apps(page):
    return [app["app_label"] for app in page.context["tables"]], [
        table["object_name"] for app in page.context["internals"] for table in app["models"]
    ]


def test_tables_of_the_work_stand_apart_from_internals(admin_client):
    tables, internals = apps(admin_client.get(DATA))

    assert tables[:2] == ["storybook", "videogen"] and "django_q" not in tables
    assert {"Lane", "Candidate", "AccessAttempt", "OrmQ", "Schedule"} <= set(internals)


def test_internals_are_for_superusers(admin_client):
    page = viewer().get(DATA)

    tables, internals = apps(page)

    assert tables == ["storybook", "videogen"] and internals == []
    assert "internals" not in page_of(page) and "internals" in page_of(admin_client.get(DATA))
