"""Under the Content-Security-Policy the stock screens lose nothing, and what it is for is
refused."""

from __future__ import annotations

import pytest

STOCK = [
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/auth/user/1/change/",
    "/admin/auth/user/1/history/",
    "/admin/auth/user/1/password/",
    "/admin/auth/group/add/",
    "/admin/password_change/",
    "/admin/storybook/",
    "/admin/storybook/scenelet/",
    "/admin/storybook/designdocument/1/change/",
    "/admin/storybook/scenelet/1/change/",
    "/admin/storybook/picture/",
    "/admin/storybook/shot/1/change/",
    "/admin/storybook/story/1/delete/",
    "/admin/django_q/schedule/",
    "/admin/django_q/schedule/1/change/",
    "/admin/django_q/success/",
    "/admin/django_q/failure/",
    "/admin/django_q/ormq/",
]


@pytest.fixture(scope="module")
def story(site):
    return site.bring_story("policy", 2)


def test_stock_screens_break_no_rule(site, page, story):
    for path in STOCK:
        response = page.goto(path)

        assert response.status == 200, path
        assert "script-src 'self'" in response.header_value("content-security-policy")
        page.wait_for_load_state("load")


def test_the_calendar_and_the_filters_of_the_admin_work(page, story):
    page.goto("/admin/auth/user/1/change/")
    page.locator("#fieldset-0-2-heading, .field-last_login").first.scroll_into_view_if_needed()
    page.locator(".datetimeshortcuts a", has_text="Today").first.click()

    assert page.locator("#id_last_login_0").input_value()


def test_a_script_in_the_page_does_not_run(page, complaints):
    page.goto("/admin/")

    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="/static/none.png" onerror="window.ran = 1">\')'
    )
    page.wait_for_event("console", lambda message: "404" in message.text)

    assert page.evaluate("window.ran") is None
    assert any("policy: script-src-attr refused inline" in each for each in complaints)
    complaints.clear()
