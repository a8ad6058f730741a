"""A producer's way through the screens, click by click, with real processes behind them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

SHOTS = 7


def board_of(story: int) -> str:
    return f"/admin/storybook/story/{story}/board/"


def takes_of(shot: int) -> str:
    return f"/admin/storybook/shot/{shot}/takes/"


def confirm_button(page: Page) -> Locator:
    """The button of a plan that pays."""
    return page.locator("button[name=confirm]")


def verdict(place: Page | Locator, verb: str) -> Locator:
    return place.locator(f"button[data-verb={verb}]")


def wait_for_end(page: Page, number: int, state: str = "done") -> None:
    """On the page of a batch: until that many renders, all of them, are in that state."""
    bar = page.locator(".st-batch-summary [data-slice]")
    expect(bar).to_have_count(1, timeout=40_000)
    expect(page.locator(f".st-batch-summary [data-slice={state}]")).to_have_attribute(
        "data-number", str(number), timeout=40_000
    )


def select(page: Page, shots: list[int]) -> None:
    for shot in shots:
        page.locator(f'input[name="shot"][value="{shot}"]').check()


def plan_from_board(page: Page, story: int, shots: list[int]) -> None:
    page.goto(board_of(story))
    select(page, shots)
    page.locator("[data-generate]").click()
    page.wait_for_url("**/plan/")


def confirm(page: Page) -> None:
    confirm_button(page).click()
    page.wait_for_url("**/progress/")


def wait_until_loaded(video: Locator) -> None:
    video.evaluate(
        """video => video.readyState > 0 || new Promise((resolve) => {
            video.addEventListener("loadedmetadata", () => resolve(true), { once: true });
        })"""
    )


def play(video: Locator) -> None:
    """Plays it, and checks that a browser can seek in it."""
    video.evaluate("video => { video.muted = true; return video.play(); }")
    expect(video).to_have_js_property("paused", False)
    video.evaluate(
        """video => new Promise((resolve, reject) => {
            video.addEventListener("seeked", resolve, { once: true });
            video.addEventListener("error", reject, { once: true });
            video.currentTime = video.duration * 0.75;
        })"""
    )
    assert video.evaluate("video => video.currentTime / video.duration") > 0.7
    assert video.evaluate("video => video.seekable.end(0) === video.duration")
    video.evaluate("video => video.pause()")


def render(site: Site, story_id: str, *options: str) -> None:
    """From the command line, until everything is done."""
    site.installation.run_task(story_id, *options)
    wait_until(lambda: set(site.states_of(story_id)) == {"done"}, 60, story_id)


@pytest.fixture(scope="module")
def story(site: Site) -> int:
    """Nothing is rendered yet."""
    return site.bring_story("the-way", SHOTS)


@pytest.fixture(scope="module")
def rendered(site: Site) -> int:
    """A story of two shots, each with two takes."""
    story = site.bring_story("rendered", 2)
    render(site, "rendered")
    render(site, "rendered", "--mode=override")
    return story


def test_from_the_board_to_an_approved_take(site: Site, page: Page, story: int) -> None:
    shots = site.shots_of(story)
    three = shots[:3]

    # The board: three shots are selected.
    page.goto(board_of(story))
    expect(page.locator("article[data-shot]")).to_have_count(SHOTS)
    expect(page.locator("[data-generate]")).to_be_disabled()
    select(page, three)
    expect(page.locator("[data-selected-count]")).to_have_text("3 selected")
    page.locator("[data-generate]").click()

    # The plan: a rehearsal would be free, the real thing names its price.
    page.wait_for_url("**/plan/")
    # The one test of the words of this button.
    expect(confirm_button(page)).to_contain_text("Generate 3 videos")
    page.locator("[data-mode=dry-run]").click()
    page.wait_for_url("**mode=dry-run")
    expect(confirm_button(page)).to_have_text("Rehearse 3 shots · free")
    page.locator("[data-mode=default]").click()
    page.wait_for_url("**mode=default")
    expect(confirm_button(page)).to_be_enabled()
    page.locator("details[data-load] > summary").first.click()
    expect(page.locator("[data-prompt]").first).to_contain_text("critical_instruction")
    confirm(page)

    # The batch: the page follows by itself until every render has ended.
    wait_for_end(page, 3)
    expect(page).to_have_title(re.compile(r"^Batch \d+ · A story of 7 shots"))
    clips = page.locator(".st-tile video")
    expect(clips).to_have_count(3)
    for number in range(3):
        play(clips.nth(number))
    assert site.takes_of(story) == 3

    # The takes of the first shot: select, then approve.
    page.locator("[data-wall] [data-takes]").first.click()
    page.wait_for_url(f"**{takes_of(three[0])}")
    play(page.locator(".st-take video"))
    verdict(page, "select").click()
    expect(page.locator(".st-take--selected")).to_have_count(1)
    verdict(page, "approve").click()
    expect(page.locator(".st-take--approved")).to_have_count(1)

    # Another take of all three: the approved one stays as it is.
    plan_from_board(page, story, three)
    page.goto(f"{page.url}?mode=override")
    page.locator("[data-repeats='2'] a").click()
    page.wait_for_url("**repeat=0**")
    expect(confirm_button(page)).to_be_disabled()
    page.locator("[data-repeats='2'] a").click()
    expect(confirm_button(page)).to_be_enabled()
    for action, number in (("generate", "2"), ("skip", "1")):
        counted = page.locator(f"[data-action={action}]")
        expect(counted).to_have_attribute("data-number", number)
    confirm(page)
    wait_for_end(page, 2)
    assert site.takes_of(story) == 5

    # Unlocked, it counts as any other.
    page.goto(takes_of(three[0]))
    verdict(page, "unlock").click()
    expect(page.locator(".st-take--approved")).to_have_count(0)


def test_reject_and_compare(site: Site, page: Page, rendered: int) -> None:
    shot = site.shots_of(rendered)[0]
    page.goto(takes_of(shot))
    expect(page.locator(".st-take")).to_have_count(2)

    newest = page.locator(".st-take").first
    newest.locator("[data-reject] > summary").click()
    newest.locator("[name=reasons][value=sound]").check()
    newest.locator("textarea[name=reason]").fill("The lantern flickers.")
    verdict(newest, "reject").click()
    expect(page.locator("[data-review-reason]")).to_have_text("sound: The lantern flickers.")
    expect(page.locator(".st-take--rejected")).to_have_count(1)

    page.locator("[data-compare]").click()
    page.wait_for_url("**/compare/**")
    videos = page.locator(".st-pair video")
    expect(videos).to_have_count(2)
    scrubber = page.locator("[data-position]")
    for number in range(2):
        wait_until_loaded(videos.nth(number))
    scrubber.fill("1")
    for number in range(2):
        expect(videos.nth(number)).to_have_js_property("currentTime", 1)
    page.locator("[data-do=play]").click()
    for number in range(2):
        expect(videos.nth(number)).to_have_js_property("paused", False)
    page.locator("[data-do=play]").click()
    for number in range(2):
        expect(videos.nth(number)).to_have_js_property("paused", True)
    page.keyboard.press("t")
    expect(page.locator(".st-pair[data-only]")).to_have_count(1)

    verdict(page.locator("[data-side]").first, "select").click(force=True)
    expect(page.locator("[data-side=a].st-take--selected")).to_have_count(1)


def test_a_double_click_pays_once(site: Site, page: Page, story: int) -> None:
    shot = site.shots_of(story)[3]
    before = len(site.installation.query("SELECT id FROM videogen_videorender"))
    plan_from_board(page, story, [shot])

    confirm_button(page).dblclick()

    page.wait_for_url("**/progress/")
    wait_for_end(page, 1)
    assert len(site.installation.query("SELECT id FROM videogen_videorender")) == before + 1
    # Going back and asking once more leads to the same batch.
    batch = page.url
    page.goto(batch.replace("/progress/", "/plan/"))
    expect(confirm_button(page)).to_have_count(0)


def test_two_people_confirm_the_same_shot(site: Site, open_browser, story: int) -> None:
    shot = site.shots_of(story)[4]
    pages = [open_browser().new_page() for _ in range(2)]
    for page in pages:
        plan_from_board(page, story, [shot])

    confirm(pages[0])
    confirm_button(pages[1]).click()

    expect(pages[1].locator("[data-message=warning]")).to_be_visible()
    wait_for_end(pages[0], 1)
    taken = "SELECT count(*) FROM videogen_videorender WHERE shot_id = ?"
    assert site.installation.query(taken, shot) == [(1,)]


def test_what_one_decides_the_other_sees(site: Site, open_browser, rendered: int) -> None:
    shot = site.shots_of(rendered)[1]
    mine, yours = (open_browser().new_page() for _ in range(2))
    for page in (mine, yours):
        page.goto(takes_of(shot))

    verdict(mine.locator(".st-take").first, "approve").click()
    expect(mine.locator(".st-take--approved")).to_have_count(1)
    # The other page is old by now: its button does not undo what was decided.
    verdict(yours.locator(".st-take").last, "select").click()

    expect(yours.locator(".st-take--approved")).to_have_count(1)
    expect(yours.locator("[data-message=warning]")).to_be_visible()


def test_the_board_by_keyboard_alone(site: Site, page: Page, story: int) -> None:
    shots = site.shots_of(story)
    page.goto(board_of(story))

    for key in ("j", "j", "x", "k", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-selected-count]")).to_have_text("2 selected")
    page.keyboard.press("?")
    expect(page.locator("#st-keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{takes_of(shots[0])}")


def test_a_picture_is_uploaded(site: Site, page: Page, story: int) -> None:
    picture = site.folder / "bundles/the-way/images/the-way/shots/1.png"
    page.goto(f"/admin/storybook/story/{story}/change/")
    page.locator(f'a[href="/admin/storybook/story/{story}/pictures/"]').click()

    design = page.locator('[data-design="character character-0"]')
    design.locator("[name=picture]").set_input_files(picture)
    design.locator("[data-upload]").click()

    expect(page.locator("[data-message=success]")).to_be_visible()
    expect(design.locator("img")).to_have_js_property("naturalWidth", 320)

    # A second key frame goes before the first.
    page.goto(f"/admin/storybook/shot/{site.shots_of(story)[0]}/change/")
    page.locator("#id_key_frames-1-upload").set_input_files(picture)
    page.locator("#id_key_frames-1-place").fill("1")
    page.locator("input[name=_continue]").click()
    expect(page.locator("#id_key_frames-1-place")).to_have_value("2")
    expect(page.locator("#key_frames-group td a img")).to_have_count(2)


def test_without_a_script(site: Site, open_browser, story: int) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    shot = site.shots_of(story)[5]
    plan_from_board(page, story, [shot])
    page.locator("[data-mode=dry-run]").click()

    confirm_button(page).click()

    page.wait_for_url("**/progress/")
    wait_until(lambda: "rehearsed" in site.states_of("the-way"), 30)
    page.reload()
    wait_for_end(page, 1, "rehearsed")
