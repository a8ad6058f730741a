"""A story from nothing, in the browser: a title, a character, a scenelet, a shot with a line, and
the plan that would render it."""

from __future__ import annotations

import json
import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.site import Site

OUTLINE = re.compile(r"/outline/$")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def make_story(page: Page, title: str) -> None:
    page.goto("/admin/storybook/story/")
    page.get_by_role("link", name="New story").click()
    page.get_by_label("Title").fill(title)
    save(page)
    expect(page).to_have_url(OUTLINE)


def add_character(page: Page, name: str) -> None:
    page.get_by_role("link", name="Edit at the visual design").click()
    page.get_by_label("Visual style").fill("Paper cut-outs, soft light")
    page.get_by_role("button", name="Add a character").click()
    expect(page.locator("[data-unsaved]")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(name)
    save(page)
    expect(page).to_have_url(OUTLINE)


def add_shot(page: Page, line: str) -> None:
    page.get_by_role("link", name="Add a shot to First scenelet").click()
    page.get_by_label("Composition and content").fill("Mira stands on the pier.")
    page.get_by_role("checkbox", name="Mira").check()
    page.get_by_role("button", name="Add a line").click()
    expect(page.get_by_label("Composition and content")).to_have_value("Mira stands on the pier.")
    page.get_by_label("Who speaks").select_option("Mira")
    page.get_by_label("Line", exact=True).fill(line)
    save(page)
    expect(page).to_have_url(OUTLINE)


def from_title_to_plan(page: Page, title: str) -> None:
    make_story(page, title)
    add_character(page, "Mira")
    page.get_by_role("link", name="Add a scenelet", exact=True).click()
    page.get_by_label("Title").fill("Out to sea")
    page.get_by_label("Comes after").select_option(label="S01 First scenelet")
    save(page)
    expect(page.locator("[data-scenelet]")).to_have_count(2)
    add_shot(page, "Whose boat is this?")


def test_a_story_from_nothing_to_its_plan(site: Site, page: Page) -> None:
    from_title_to_plan(page, "The Kite")

    page.get_by_role("link", name="Board").click()
    page.locator('input[name="shot"]').check()
    page.get_by_role("button", name="Generate videos…").click()
    page.wait_for_url("**/plan/")
    expect(page.get_by_role("button", name="Generate 1 video")).to_be_enabled()
    ((payload,),) = site.installation.query(
        "SELECT storyboard_payload FROM storybook_shot shot"
        " JOIN storybook_scenelet scenelet ON scenelet.id = shot.scenelet_id"
        " JOIN storybook_story story ON story.id = scenelet.story_id WHERE story.story_id = ?",
        "the-kite",
    )
    assert json.loads(payload)["audioAndNarrative"][0]["source"] == "mira"


def test_it_needs_no_script(open_browser, site: Site) -> None:
    context: BrowserContext = open_browser(java_script_enabled=False)

    from_title_to_plan(context.new_page(), "Without a script")

    assert site.shots_of(site.installation.query("SELECT max(id) FROM storybook_story")[0][0])


def test_the_enter_key_saves_and_removes_nothing(site: Site, page: Page) -> None:
    make_story(page, "Enter")
    add_character(page, "Mira")
    page.get_by_role("link", name="Edit at the visual design").click()

    page.get_by_label("Name", exact=True).fill("Mira of the quay")
    page.get_by_label("Name", exact=True).press("Enter")

    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Mira of the quay")
    expect(page.locator("[data-unsaved]")).to_have_count(0)
