"""A story from nothing, in the browser: a title, a character, a scenelet, a shot with a line, and
the plan that would render it."""

from __future__ import annotations

import json
import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.support.site import Site

OUTLINE = re.compile(r"/outline/$")


def save(page: Page) -> None:
    page.locator("input[name=_save]").click()


def field(page: Page, key: str) -> Locator:
    """The field of a key of the document, in its only row if there are rows."""
    return page.locator(f"[name$='/{key}']")


def add_row(page: Page, key: str) -> None:
    page.locator(f"[name=_edit][value^='add:'][value$='/{key}']").click()


def make_story(page: Page, title: str) -> None:
    page.goto("/admin/storybook/story/")
    page.locator("[data-new-story]").click()
    page.locator("[name=title]").fill(title)
    save(page)
    expect(page).to_have_url(OUTLINE)


def add_character(page: Page, name: str) -> None:
    page.locator("[data-document=visual]").click()
    field(page, "visual_style").fill("Paper cut-outs, soft light")
    add_row(page, "character_designs")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    field(page, "character_name").fill(name)
    save(page)
    expect(page).to_have_url(OUTLINE)


def add_shot(page: Page, line: str) -> None:
    page.locator("[data-scenelet=scenelet-1] [data-add-shot]").click()
    content = field(page, "compositionAndContent")
    content.fill("Mira stands on the pier.")
    field(page, "characters").and_(page.locator("[value=mira]")).check()
    add_row(page, "audioAndNarrative")
    expect(content).to_have_value("Mira stands on the pier.")
    field(page, "source").select_option("mira")
    field(page, "line").fill(line)
    save(page)
    expect(page).to_have_url(OUTLINE)


def from_title_to_plan(page: Page, title: str) -> None:
    make_story(page, title)
    add_character(page, "Mira")
    page.locator("[data-add-scenelet]").click()
    page.locator("[name=title]").fill("Out to sea")
    page.locator("select[name=parent]").select_option(index=1)
    save(page)
    expect(page.locator("[data-scenelet]")).to_have_count(2)
    add_shot(page, "Whose boat is this?")


def test_a_story_from_nothing_to_its_plan(site: Site, page: Page) -> None:
    from_title_to_plan(page, "The Kite")

    page.locator("[data-board-link]").click()
    page.locator('input[name="shot"]').check()
    page.locator("[data-generate]").click()
    page.wait_for_url("**/plan/")
    expect(page.locator("[data-action=generate]")).to_have_attribute("data-number", "1")
    expect(page.locator("button[name=confirm]")).to_be_enabled()
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
    page.locator("[data-document=visual]").click()

    field(page, "character_name").fill("Mira of the quay")
    field(page, "character_name").press("Enter")

    expect(page.locator("[data-message=success]")).to_be_visible()
    expect(field(page, "character_name")).to_have_value("Mira of the quay")
    expect(page.locator("[data-unsaved]")).to_have_count(0)
