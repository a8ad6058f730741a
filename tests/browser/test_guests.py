"""A link is made on the page Share, and somebody without an account watches by it on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

PASSPHRASE = "the lamp is lit"
PHONE = {"width": 390, "height": 844}
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@pytest.fixture(scope="module")
def story(site: Site) -> int:
    """One choice, two endings; every shot but one has a take."""
    bundle = site.folder / "the-lantern"
    site.installation.manage("new_story", str(bundle), "--title=The Lantern")
    story = site.import_bundle(bundle, "the-lantern")
    for scenelet in ("the-harbour", "the-voyage"):
        site.installation.run_task("the-lantern", f"--scenelet-id={scenelet}")
    wait_until(lambda: site.takes_of(story) == 2, 60)
    return story


def make_link(page: Page, story: int, passphrase: str = "") -> str:
    page.goto(f"/admin/storybook/story/{story}/watch/")
    page.locator("[data-share]").click()
    page.locator("[name=passphrase]").fill(passphrase)
    page.locator("[name=allows_notes]").check()
    page.locator("[data-make]").click()
    return page.locator("[data-address]").input_value()


def check_page(page: Page) -> None:
    """axe finds nothing, light and dark, and the page does not scroll sideways."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        results = Axe().run(page, options=RULES)
        assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_a_guest_watches_a_path_with_a_passphrase_on_a_phone(open_browser, page, story, complaints):
    url = make_link(page, story, PASSPHRASE)
    guest = open_browser(is_guest=True, viewport=PHONE, has_touch=True).new_page()
    guest.goto(url)
    check_page(guest)
    guest.locator("[name=passphrase]").fill("the lamp is out")
    guest.keyboard.press("Enter")
    expect(guest.locator("[data-problem]")).to_be_visible()
    guest.locator("[name=passphrase]").fill(PASSPHRASE)
    guest.locator("[data-open]").tap()

    # The script has begun when its player is there.
    guest.locator(".sp-stage").wait_for()
    guest.locator("select[name=path]").select_option("the-voyage")
    guest.wait_for_url("**/?path=the-voyage")
    guest.locator(".sp-play").tap()
    video = guest.locator(".sp-stage video:visible")
    expect(video).to_have_js_property("paused", False)
    video.evaluate("video => { video.currentTime = 2; }")
    guest.locator(".sp-next").tap()
    second = guest.locator("[data-shot]").nth(1)
    expect(second).to_have_attribute("aria-current", "true")
    check_page(guest)

    guest.locator("[name=text]").fill("The boat is too near.")
    expect(guest.locator("[name=shot]")).to_have_value(second.get_attribute("data-shot"))
    guest.locator("[data-send]").tap()
    expect(guest.locator("[data-noted]")).to_be_visible()

    page.goto(f"/admin/storybook/story/{story}/share/")
    page.locator("[data-notes='1'] > summary").click()
    expect(page.locator("[data-note] [data-words]")).to_have_text("The boat is too near.")
    page.locator("[data-revoke]").first.click()
    expect(page.locator("[data-link] [data-badge]").first).to_have_attribute(
        "data-badge", "revoked"
    )
    # The page is still open, and gets nothing any more.
    answer = guest.evaluate(
        "fetch(document.querySelector('.sp-stage video').src).then((each) => each.status)"
    )
    assert answer == 404
    guest.goto(url)
    expect(guest.locator("[data-not-there]")).to_be_visible()
    check_page(guest)
    assert all("404" in each for each in complaints)
    complaints.clear()


def test_without_javascript_a_guest_sees_every_shot(open_browser, page, story):
    url = make_link(page, story)
    guest = open_browser(is_guest=True, java_script_enabled=False).new_page()
    guest.goto(f"{url}?path=the-voyage")

    expect(guest.locator("noscript video, ol video")).to_have_count(2)
    guest.locator("[name=text]").fill("Lovely.")
    guest.locator("[data-send]").click()
    expect(guest.locator("[data-noted]")).to_be_visible()
