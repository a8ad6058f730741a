"""What the pages do by themselves: clips that come without a reload, the tab that tells of trouble,
the player of a scenelet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

LATER = "2100-01-01T00:00:00Z"
# As if the API took for ever to answer: without a submission of its own, nobody takes it up.
UNDER_WAY = {"state": "submitting", "take": None, "beat_at": LATER}
DONE = {"state": "done", "take": 2}

CHANGE = """
from videogen.models import VideoRender
assert VideoRender.objects.filter(**{rows!r}).transition(**{changes!r})
"""


def change(site: Site, changes: dict[str, Any], **rows: object) -> None:
    site.installation.manage("shell", "-v0", "-c", CHANGE.format(rows=rows, changes=changes))


def takes_of(shot: int) -> str:
    return f"/admin/storybook/shot/{shot}/takes/"


def board_of(story: int) -> str:
    return f"/admin/storybook/story/{story}/board/"


def icon(page: Page) -> str:
    return page.locator("link[rel=icon]").get_attribute("href") or ""


@pytest.fixture
def story(site: Site, rendered: int) -> Iterator[int]:
    """Three shots with two takes each, however a test leaves them."""
    yield rendered
    change(site, {"review": "unreviewed"}, batch__story=rendered)
    if set(site.states_of("live")) != {"done"}:
        change(site, DONE, batch__story=rendered, take=None)


@pytest.fixture(scope="module")
def rendered(site: Site) -> int:
    story = site.bring_story("live", 3)
    for mode in ("default", "override"):
        site.installation.run_task("live", f"--mode={mode}")
        wait_until(lambda: set(site.states_of("live")) == {"done"}, 60, "for the takes")
    return story


def test_a_clip_comes_without_a_reload_and_nothing_is_lost(
    site: Site, page: Page, story: int
) -> None:
    shot = site.shots_of(story)[0]
    ((render,),) = site.installation.query(
        "SELECT id FROM videogen_videorender WHERE take = 2 AND shot_id = ?", shot
    )
    change(site, UNDER_WAY, pk=render)
    page.goto(takes_of(shot))
    page.evaluate("window.isTheSamePage = true")
    card = page.locator(f"#render-{render}")
    badge = page.locator(".st-takes-head [data-badge]")
    expect(card.locator("[data-in-progress]")).to_be_visible()
    expect(badge).to_have_attribute("data-badge", "generating")
    card.locator("[data-details] > summary").click()
    first = page.locator("[data-take='1']")
    first.locator("[data-reject] > summary").click()
    first.locator("textarea[name=reason]").fill("The lantern flick")
    page.locator("h1").click()

    # Somebody else selects the first take, and the second one is there.
    change(site, {"review": "selected"}, take=1, shot=shot)
    change(site, DONE, pk=render)

    expect(card.locator("video")).to_have_count(1, timeout=20_000)
    expect(badge).to_have_attribute("data-badge", "needs review")
    expect(card.locator("[data-details]")).to_have_attribute("open", "")
    expect(first.locator("textarea[name=reason]")).to_have_value("The lantern flick")
    assert page.evaluate("window.isTheSamePage")
    # What waited for the typing to end comes after it.
    first.locator("textarea[name=reason]").fill("")
    page.locator("h1").click()
    expect(page.locator(".st-take--selected")).to_have_count(1)
    # The keys know the new take.
    page.keyboard.press("2")
    expect(card).to_be_focused()


def test_the_tab_tells_of_trouble(site: Site, page: Page, story: int) -> None:
    first, second, _ = site.shots_of(story)
    change(site, UNDER_WAY, take=2, shot=first)
    page.goto(board_of(story))
    title = page.title()
    assert icon(page).endswith("favicon.svg")

    change(site, {"state": "failed", "take": None}, take=2, shot=second)
    expect(page).to_have_title(f"1 failed · {title}", timeout=20_000)
    assert icon(page).endswith("favicon-trouble.svg")
    assert page.request.get(icon(page)).headers["content-type"] == "image/svg+xml"

    change(site, DONE, take=None, shot=second)
    expect(page).to_have_title(title, timeout=20_000)
    assert icon(page).endswith("favicon.svg")


@pytest.mark.slow
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_scenelet_plays_the_selected_takes(
    site: Site, open_browser, story: int, motion: str
) -> None:
    second = site.shots_of(story)[1]
    change(site, {"review": "selected"}, take=1, shot=second)
    ((file,),) = site.installation.query(
        "SELECT video_file FROM videogen_videorender WHERE review = 'selected' AND shot_id = ?",
        second,
    )
    page = open_browser(reduced_motion=motion).new_page()
    page.goto(board_of(story))
    expect(page.locator("#nav-sidebar")).to_have_count(0)

    page.locator("[data-play-scene]").first.click()
    reel = page.locator("#st-reel")
    run = reel.locator("[data-reel=run]")
    place = reel.locator("[data-reel-place]")
    # The first shot has takes, but nobody has selected one.
    expect(place).to_have_text("1 of 3, no take selected")
    expect(reel.locator("img")).to_be_visible()
    expect(reel.locator("video")).to_be_hidden()
    if motion == "reduce":
        # Nothing moves before it is asked to.
        page.wait_for_timeout(3500)
        expect(place).to_have_text("1 of 3, no take selected")
        run.click()
    expect(place).to_have_text("2 of 3", timeout=10_000)
    assert reel.locator("video").evaluate("video => video.src").endswith(f"/{file}")

    run.click()
    expect(reel.locator("video")).to_have_js_property("paused", True)
    reel.locator("[data-reel=after]").click()
    expect(place).to_have_text("3 of 3, no take selected")
    page.wait_for_timeout(3500)
    expect(reel).to_be_visible()
    run.click()
    expect(reel).to_be_hidden(timeout=10_000)
