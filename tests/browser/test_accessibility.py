"""axe-core finds nothing on the pages of our own: light and dark, on a desk and on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.installations import wait_until

# What axe runs by default, and the sizes of what is touched where every link is ours.
RULES = {"resultTypes": ["violations"]}
OWN_RULES = {**RULES, "rules": {"target-size": {"enabled": True}}}
STOCK = {"shots list"}
# Django's own links among words that have no line under them.
STOCK_LINKS = (".breadcrumbs", 'a[href="?_facets')
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


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
    page.get_by_role("button", name="Select all").click()
    page.get_by_role("button", name="Generate videos…").click()
    page.wait_for_url("**/plan/")
    plan = page.url
    context.close()
    return {
        "dashboard": "/admin/",
        "board": f"/admin/storybook/story/{story}/board/",
        "shots list": "/admin/storybook/shot/",
        "plan": f"{plan}?mode=override",
        "plan row": f"{plan}row/{shot}/",
        "batch": f"/admin/videogen/renderbatch/{batch}/progress/",
        "takes": f"/admin/storybook/shot/{shot}/takes/",
        "compare": f"/admin/videogen/videorender/shots/{shot}/compare/",
        "pictures": f"/admin/storybook/story/{story}/pictures/",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(open_browser, pages, scheme, size):
    width, height = SIZES[size]
    context = open_browser(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    found = []
    for name, url in pages.items():
        page.goto(url)
        rules = RULES if name in STOCK else OWN_RULES
        results = Axe().run(page, options=rules).response["violations"]
        found += [
            f"{name}: {each['id']}: {node['target']} {node['failureSummary']}"
            for each in results
            for node in each["nodes"]
            if not (
                each["id"] == "link-in-text-block" and node["target"][0].startswith(STOCK_LINKS)
            )
        ]
        # Nothing makes the page itself scroll sideways.
        scrolled = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        if scrolled > 0:
            found.append(f"{name}: {scrolled}px wider than the window")

    assert not found, "\n".join(found)
