"""axe-core finds nothing on the pages of our own: light and dark, on a desk and on a phone."""

from __future__ import annotations

from contextlib import contextmanager

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.axe import END_TRANSITIONS, OWN_RULES, RULES, SIZES
from tests.support.installations import wait_until

COLOURS = {**RULES, "runOnly": ["color-contrast", "link-in-text-block"]}
STOCK = {"shots list", "books", "data"}
IMPORTING = {"design document"}
# Django's own links among words that have no line under them.
STOCK_LINKS = (".breadcrumbs", 'a[href="?_facets')
UNRESOLVED = "/admin/videogen/videorender/unresolved/"


@pytest.fixture(scope="module")
def pages(site, chromium):
    """Every page of our own in a state that shows as much as possible."""
    story = site.bring_story("looked-at", 4)
    site.installation.script_fault("done", "blocked", match="looked-at 2: ")
    site.installation.run_task("looked-at")
    wait_until(lambda: sorted(site.states_of("looked-at")) == ["blocked", *["done"] * 3], 60)
    first = ("--scenelet-id=scenelet-1", "--shot-index=1")
    site.installation.run_task("looked-at", *first, "--mode=override")
    wait_until(lambda: sorted(site.states_of("looked-at")) == ["blocked", *["done"] * 4], 60)
    shot = site.shots_of(story)[0]
    ((batch,),) = site.installation.query(
        "SELECT min(id) FROM videogen_renderbatch WHERE story_id = ?", story
    )
    context = site.open_browser(chromium)
    page = context.new_page()
    page.goto(f"/admin/storybook/story/{story}/board/")
    page.locator("[data-select-all]").click()
    page.locator("[data-generate]").click()
    page.wait_for_url("**/plan/")
    plan = page.url
    context.close()
    with unresolved(site, chromium):
        yield {
            "unresolved": UNRESOLVED,
            "dashboard": "/admin/",
            "board": f"/admin/storybook/story/{story}/board/",
            "shots list": "/admin/storybook/shot/",
            "plan": f"{plan}?mode=override",
            "plan row": f"{plan}row/{shot}/",
            "batch": f"/admin/videogen/renderbatch/{batch}/progress/",
            "takes": f"/admin/storybook/shot/{shot}/takes/",
            "preview": f"/admin/videogen/videorender/shots/{shot}/preview/",
            "review": f"/admin/review/?story={story}",
            "nothing to review": "/admin/review/?story=999999",
            "compare": f"/admin/videogen/videorender/shots/{shot}/compare/",
            "pictures": f"/admin/storybook/story/{story}/pictures/",
            "share": f"/admin/storybook/story/{story}/share/",
            "outline": f"/admin/storybook/story/{story}/outline/",
            "design document": "/admin/storybook/designdocument/1/change/",
            "spending": "/admin/videogen/submission/spending/",
            "spending of a story": f"/admin/videogen/submission/spending/?story={story}",
            "books": "/admin/videogen/submission/",
            "doctor": "/admin/videogen/lane/doctor/",
            "data": "/admin/data/",
            "archived stories": "/admin/storybook/story/archived/",
        }


@contextmanager
def unresolved(site, chromium):
    """Two renders whose answers were lost, with two candidates, until the tests are over."""
    site.bring_story("lost", 2)
    site.installation.script_fault("submit", "drop_after_accept", match="lost", times=2)
    switch_lists(site, is_on=True)
    site.installation.run_task("lost")
    wait_until(lambda: site.states_of("lost") == ["unknown"] * 2, 60)
    site.installation.manage("reconcile", check=False)
    yield
    switch_lists(site, is_on=False)
    context = site.open_browser(chromium)
    page = context.new_page()
    for _ in range(2):
        page.goto(UNRESOLVED)
        page.locator("[data-allow-new]").first.click()
        page.locator("[data-act]").click()
        page.locator("[data-message=success]").wait_for()
    context.close()


def switch_lists(site, *, is_on):
    names = ("list_operations", "list_generated_files", "list_details")
    url = f"{site.installation.simulator_url}/_simulator/settings"
    httpx.post(url, json=dict.fromkeys(names, is_on)).raise_for_status()


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(open_browser, pages, size):
    width, height = SIZES[size]
    page = open_browser(viewport={"width": width, "height": height}).new_page()
    found = []
    for name, url in pages.items():
        page.goto(url)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(END_TRANSITIONS)
            found += [f"{name}, {scheme}: {each}" for each in violations(page, name, scheme)]
        # Nothing makes the page itself scroll sideways.
        scrolled = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        if scrolled > 0:
            found.append(f"{name}: {scrolled}px wider than the window")

    assert not found, "\n".join(found)


def violations(page, name, scheme):
    rules = RULES if name in STOCK else OWN_RULES
    # The other scheme is the same page in other colours.
    rules = rules if scheme == "light" else COLOURS
    # A style sheet of Django's imports another one, which axe would read in a way that the policy
    # refuses.
    results = Axe().run(page, options={**rules, "preload": name not in IMPORTING})
    for each in results.response["violations"]:
        for node in each["nodes"]:
            target = node["target"][0]
            if each["id"] != "link-in-text-block" or not target.startswith(STOCK_LINKS):
                yield f"{each['id']}: {target} {node['failureSummary']}"
