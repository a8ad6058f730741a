"""A batch fills its wall as time passes, and leads on when it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

LATER = "2100-01-01T00:00:00Z"
CHANGE = """
from videogen.models import VideoRender
assert VideoRender.objects.filter(**{rows!r}).transition(**{changes!r})
"""
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


def change(site: Site, changes: dict[str, object], **rows: object) -> None:
    site.installation.manage("shell", "-v0", "-c", CHANGE.format(rows=rows, changes=changes))


@pytest.fixture(scope="module")
def rendered(site: Site) -> int:
    """A batch of three takes."""
    return render(site, "developed", 3, ["done"] * 3)


@pytest.fixture(scope="module")
def batch(site: Site) -> int:
    """A batch in which one render was blocked."""
    site.installation.script_fault("done", "blocked", match="walled 2: ")
    return render(site, "walled", 4, ["blocked", *["done"] * 3])


def render(site: Site, story: str, shots: int, states: list[str]) -> int:
    site.bring_story(story, shots)
    site.installation.run_task(story)
    wait_until(lambda: sorted(site.states_of(story)) == states, 60, "for the takes")
    ((pk,),) = site.installation.query(
        "SELECT max(batch.id) FROM videogen_renderbatch batch JOIN storybook_story story"
        " ON story.id = batch.story_id WHERE story.story_id = ?",
        story,
    )
    return pk


def address(batch: int) -> str:
    return f"/admin/videogen/renderbatch/{batch}/progress/"


def icon(page: Page) -> str:
    return page.locator("link[rel=icon]").get_attribute("href") or ""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_render_develops_and_the_end_leads_to_the_review(
    site: Site, open_browser: Callable[..., BrowserContext], rendered: int, motion: str
) -> None:
    ((render,),) = site.installation.query(
        "SELECT min(id) FROM videogen_videorender WHERE batch_id = ?", rendered
    )
    # As if the API took for ever to answer.
    change(site, {"state": "submitting", "take": None, "beat_at": LATER}, pk=render)
    page = open_browser(reduced_motion=motion).new_page()
    page.goto(address(rendered))
    page.evaluate("window.isTheSamePage = true")
    tile = page.locator(f"[data-live-key=render-{render}]")
    expect(tile).to_have_attribute("data-look", "working")
    expect(tile.locator("video")).to_have_count(0)
    assert icon(page).endswith("favicon-work.svg") and page.title().startswith("(2/3) ")
    still = page.locator("[data-look=made]").last
    still.evaluate("each => { each.isTheSame = true; }")

    change(site, {"state": "done", "take": 1}, pk=render)

    expect(tile).to_have_attribute("data-look", "made", timeout=20_000)
    seconds = tile.locator("video").evaluate("each => getComputedStyle(each).animationDuration")
    assert seconds == ("0s" if motion == "reduce" else "0.6s")
    assert page.evaluate("window.isTheSamePage") and still.evaluate("each => each.isTheSame")
    assert icon(page).endswith("favicon.svg") and page.title().startswith("Batch ")

    page.locator("[data-to-review]").click()
    expect(page.locator("[data-room-count]")).to_have_text("1 of 3")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_wall_fits_its_window(
    open_browser: Callable[..., BrowserContext], batch: int, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    page = open_browser(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    page.goto(address(batch))

    expect(page.locator("[data-wall] > li")).to_have_count(4)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_the_way_on_is_reached_by_keyboard(page: Page, batch: int) -> None:
    page.goto(address(batch))
    reached = set()
    page.locator("h1").click()
    for _ in range(24):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("Object.keys(document.activeElement.dataset).join()"))

    assert {"toReview", "retry", "takes"} <= reached


def test_without_javascript(open_browser: Callable[..., BrowserContext], batch: int) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    page.goto(address(batch))

    expect(page.locator("[data-failure]")).to_have_count(1)
    page.locator("[data-failure] [data-retry]").click()

    assert page.url.endswith("/plan/")
