"""What the pages do by themselves: clips that come without a reload, the tab that tells of trouble,
the player of a scenelet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.installations import wait_until

from .site import Site

LATER = "2100-01-01 00:00:00"
TAKE_2 = "take = 2 AND shot_id = ?"
# As if the API took for ever: nobody asks it before LATER.
UNDER_WAY = f"state = 'running', take = NULL, next_poll_at = '{LATER}', beat_at = '{LATER}'"


def write(site: Site, changes: str, rows: str, *values: object) -> None:
    with closing(sqlite3.connect(site.installation.database, timeout=30)) as database, database:
        changed = database.execute(
            f"UPDATE videogen_videorender SET {changes} WHERE {rows}", values
        )
        assert changed.rowcount


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
    write(
        site,
        "state = 'done', review = 'unreviewed', take = coalesce(take, 2)",
        "batch_id IN (SELECT id FROM videogen_renderbatch WHERE story_id = ?)",
        rendered,
    )


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
        f"SELECT id FROM videogen_videorender WHERE {TAKE_2}", shot
    )
    write(site, UNDER_WAY, "id = ?", render)
    page.goto(takes_of(shot))
    page.evaluate("window.isTheSamePage = true")
    card = page.locator(f"#render-{render}")
    expect(card.get_by_text("Under way since")).to_be_visible()
    expect(page.locator(".st-takes-head .st-badge")).to_have_text("generating")
    card.get_by_text("Details", exact=True).click()
    first = page.locator("[data-take='1']")
    first.get_by_text("Reject…").click()
    first.locator("textarea").fill("The lantern flick")
    page.locator("h1").click()

    # Somebody else selects the first take, and the second one is there.
    write(site, "review = 'selected'", "take = 1 AND shot_id = ?", shot)
    write(site, "state = 'done', take = 2", "id = ?", render)

    expect(card.locator("video")).to_have_count(1, timeout=20_000)
    expect(page.locator(".st-takes-head .st-badge")).to_have_text("needs review")
    expect(card.locator("details").last).to_have_attribute("open", "")
    expect(first.locator("textarea")).to_have_value("The lantern flick")
    assert page.evaluate("window.isTheSamePage")
    # What waited for the typing to end comes after it.
    first.locator("textarea").fill("")
    page.locator("h1").click()
    expect(page.locator(".st-take--selected")).to_have_count(1)
    # The keys know the new take.
    page.keyboard.press("2")
    expect(card).to_be_focused()


def test_the_tab_tells_of_trouble(site: Site, page: Page, story: int) -> None:
    first, second, _ = site.shots_of(story)
    write(site, UNDER_WAY, TAKE_2, first)
    page.goto(board_of(story))
    title = page.title()
    assert icon(page).endswith("favicon.svg")

    write(site, "state = 'failed', take = NULL", TAKE_2, second)
    expect(page).to_have_title(f"1 failed · {title}", timeout=20_000)
    assert icon(page).endswith("favicon-trouble.svg")
    assert page.request.get(icon(page)).headers["content-type"] == "image/svg+xml"

    write(site, "state = 'done', take = 2", "take IS NULL AND shot_id = ?", second)
    expect(page).to_have_title(title, timeout=20_000)
    assert icon(page).endswith("favicon.svg")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_scenelet_plays_the_selected_takes(
    site: Site, open_browser, story: int, motion: str
) -> None:
    second = site.shots_of(story)[1]
    write(site, "review = 'selected'", "take = 1 AND shot_id = ?", second)
    ((file,),) = site.installation.query(
        "SELECT video_file FROM videogen_videorender WHERE review = 'selected' AND shot_id = ?",
        second,
    )
    page = open_browser(reduced_motion=motion).new_page()
    page.goto(board_of(story))
    expect(page.locator("#nav-sidebar")).to_have_count(0)

    page.get_by_role("button", name="Play scenelet").first.click()
    reel = page.get_by_role("dialog", name="Player")
    place = reel.locator("[data-reel-place]")
    # The first shot has takes, but nobody has selected one.
    expect(place).to_have_text("1 of 3, no take selected")
    expect(reel.locator("img")).to_be_visible()
    expect(reel.locator("video")).to_be_hidden()
    if motion == "reduce":
        # Nothing moves before it is asked to.
        page.wait_for_timeout(3500)
        expect(place).to_have_text("1 of 3, no take selected")
        reel.get_by_role("button", name="Play", exact=True).click()
    expect(place).to_have_text("2 of 3", timeout=10_000)
    assert reel.locator("video").evaluate("video => video.src").endswith(f"/{file}")

    reel.get_by_role("button", name="Pause").click()
    expect(reel.locator("video")).to_have_js_property("paused", True)
    reel.get_by_role("button", name="Next shot").click()
    expect(place).to_have_text("3 of 3, no take selected")
    page.wait_for_timeout(3500)
    expect(reel).to_be_visible()
    reel.get_by_role("button", name="Play", exact=True).click()
    expect(reel).to_be_hidden(timeout=10_000)
