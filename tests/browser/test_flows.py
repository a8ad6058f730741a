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


def button(place: Page | Locator, name: str | re.Pattern[str]) -> Locator:
    return place.get_by_role("button", name=name)


def select(page: Page, shots: list[int]) -> None:
    for shot in shots:
        page.locator(f'input[name="shot"][value="{shot}"]').check()


def plan_from_board(page: Page, story: int, shots: list[int]) -> None:
    page.goto(board_of(story))
    select(page, shots)
    button(page, "Generate videos…").click()
    page.wait_for_url("**/plan/")


def confirm(page: Page, words: str | re.Pattern[str]) -> None:
    button(page, words).click()
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
    expect(button(page, "Generate videos…")).to_be_disabled()
    select(page, three)
    expect(page.get_by_text("3 selected")).to_be_visible()
    button(page, "Generate videos…").click()

    # The plan: a rehearsal would be free, the real thing names its price.
    page.wait_for_url("**/plan/")
    expect(button(page, "Generate 3 videos")).to_be_enabled()
    page.get_by_role("navigation", name="What is to be done").get_by_role("link").nth(3).click()
    page.wait_for_url("**mode=dry-run")
    expect(button(page, "Rehearse 3 shots · free")).to_be_enabled()
    page.get_by_role("navigation", name="What is to be done").get_by_role("link").nth(0).click()
    page.wait_for_url("**mode=default")
    page.locator("details summary", has_text="Prompt and references").first.click()
    expect(page.get_by_text("critical_instruction").first).to_be_visible()
    confirm(page, "Generate 3 videos")

    # The batch: the page follows by itself until every render has ended.
    expect(page.get_by_text("3 of 3 done.")).to_be_visible(timeout=40_000)
    expect(page).to_have_title(re.compile(r"^Batch \d+ · A story of 7 shots"))
    expect(page.locator(".st-batch-summary .st-stack")).to_have_attribute("aria-label", "3 done")
    clips = page.locator(".st-tile video")
    expect(clips).to_have_count(3)
    for number in range(3):
        play(clips.nth(number))
    assert site.takes_of(story) == 3

    # The takes of the first shot: select, then approve.
    page.get_by_role("link", name="Take 1").first.click()
    page.wait_for_url(f"**{takes_of(three[0])}")
    play(page.locator(".st-take video"))
    button(page, "Select").click()
    expect(page.locator(".st-take--selected")).to_have_count(1)
    button(page, "Approve").click()
    expect(page.locator(".st-take--approved")).to_have_count(1)

    # Another take of all three: the approved one stays as it is.
    plan_from_board(page, story, three)
    page.goto(f"{page.url}?mode=override")
    page.get_by_role("link", name="Leave them out").click()
    expect(button(page, "Nothing to generate")).to_be_disabled()
    page.get_by_role("link", name="Render these 2 shots again anyway").click()
    expect(button(page, "Generate 2 videos")).to_be_enabled()
    expect(page.get_by_text(re.compile("approved", re.IGNORECASE)).first).to_be_visible()
    confirm(page, "Generate 2 videos")
    expect(page.get_by_text("2 of 2 done.")).to_be_visible(timeout=40_000)
    assert site.takes_of(story) == 5

    # Unlocked, it counts as any other.
    page.goto(takes_of(three[0]))
    page.get_by_role("button", name="Unlock", exact=True).click()
    expect(page.locator(".st-take--approved")).to_have_count(0)


def test_reject_and_compare(site: Site, page: Page, rendered: int) -> None:
    shot = site.shots_of(rendered)[0]
    page.goto(takes_of(shot))
    expect(page.locator(".st-take")).to_have_count(2)

    newest = page.locator(".st-take").first
    newest.get_by_text("Reject…").click()
    newest.get_by_label("sound", exact=True).check()
    newest.get_by_label("In words, if you like").fill("The lantern flickers.")
    button(newest, "Reject take 2").click()
    expect(page.get_by_text("sound: The lantern flickers.").first).to_be_visible()
    expect(page.locator(".st-take--rejected")).to_have_count(1)

    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Compare takes 1 and 2")).to_be_visible()
    videos = page.locator(".st-pair video")
    expect(videos).to_have_count(2)
    scrubber = page.get_by_role("slider", name="Position in both takes")
    for number in range(2):
        wait_until_loaded(videos.nth(number))
    scrubber.fill("1")
    for number in range(2):
        expect(videos.nth(number)).to_have_js_property("currentTime", 1)
    button(page, "Play both").click()
    for number in range(2):
        expect(videos.nth(number)).to_have_js_property("paused", False)
    button(page, "Pause both").click()
    page.keyboard.press("t")
    expect(page.locator(".st-pair[data-only]")).to_have_count(1)

    button(page.locator("[data-side]").first, "Select").click(force=True)
    expect(page.locator("[data-side=a].st-take--selected")).to_have_count(1)


def test_a_double_click_pays_once(site: Site, page: Page, story: int) -> None:
    shot = site.shots_of(story)[3]
    before = len(site.installation.query("SELECT id FROM videogen_videorender"))
    plan_from_board(page, story, [shot])

    button(page, "Generate 1 video").dblclick()

    page.wait_for_url("**/progress/")
    expect(page.get_by_text("1 of 1 done.")).to_be_visible(timeout=40_000)
    assert len(site.installation.query("SELECT id FROM videogen_videorender")) == before + 1
    # Going back and asking once more leads to the same batch.
    batch = page.url
    page.goto(batch.replace("/progress/", "/plan/"))
    expect(button(page, "Generate 1 video")).to_have_count(0)


def test_two_people_confirm_the_same_shot(site: Site, open_browser, story: int) -> None:
    shot = site.shots_of(story)[4]
    pages = [open_browser().new_page() for _ in range(2)]
    for page in pages:
        plan_from_board(page, story, [shot])

    confirm(pages[0], "Generate 1 video")
    button(pages[1], "Generate 1 video").click()

    expect(pages[1].get_by_text("Nothing was queued")).to_be_visible()
    expect(pages[0].get_by_text("1 of 1 done.")).to_be_visible(timeout=40_000)
    taken = "SELECT count(*) FROM videogen_videorender WHERE shot_id = ?"
    assert site.installation.query(taken, shot) == [(1,)]


def test_what_one_decides_the_other_sees(site: Site, open_browser, rendered: int) -> None:
    shot = site.shots_of(rendered)[1]
    mine, yours = (open_browser().new_page() for _ in range(2))
    for page in (mine, yours):
        page.goto(takes_of(shot))

    button(mine.locator(".st-take").first, "Approve").click()
    expect(mine.locator(".st-take--approved")).to_have_count(1)
    # The other page is old by now: its button does not undo what was decided.
    button(yours.locator(".st-take").last, "Select").click()

    expect(yours.locator(".st-take--approved")).to_have_count(1)
    expect(yours.locator(".messagelist .warning")).to_be_visible()


def test_the_board_by_keyboard_alone(site: Site, page: Page, story: int) -> None:
    shots = site.shots_of(story)
    page.goto(board_of(story))

    for key in ("j", "j", "x", "k", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{takes_of(shots[0])}")


def test_a_picture_is_uploaded(site: Site, page: Page, story: int) -> None:
    picture = site.folder / "bundles/the-way/images/the-way/shots/1.png"
    page.goto(f"/admin/storybook/story/{story}/change/")
    page.get_by_role("link", name="Upload pictures of the designs").click()

    page.get_by_label("Picture of Character 0", exact=True).set_input_files(picture)
    button(page, "Upload the picture of Character 0").click()

    expect(page.get_by_text("The model sheet of character character-0 is uploaded")).to_be_visible()
    image = page.get_by_role("img", name="Model sheet of Character 0")
    expect(image).to_have_js_property("naturalWidth", 320)

    # A second key frame goes before the first.
    page.goto(f"/admin/storybook/shot/{site.shots_of(story)[0]}/change/")
    page.locator("#id_key_frames-1-upload").set_input_files(picture)
    page.locator("#id_key_frames-1-place").fill("1")
    button(page, "Save and continue editing").click()
    expect(page.locator("#id_key_frames-1-place")).to_have_value("2")
    expect(page.locator("#key_frames-group td a img")).to_have_count(2)


def test_without_a_script(site: Site, open_browser, story: int) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    shot = site.shots_of(story)[5]
    plan_from_board(page, story, [shot])
    page.get_by_role("navigation", name="What is to be done").get_by_role("link").nth(3).click()

    button(page, "Rehearse 1 shot").click()

    page.wait_for_url("**/progress/")
    wait_until(lambda: "rehearsed" in site.states_of("the-way"), 30)
    page.reload()
    expect(page.get_by_text("1 of 1 rehearsed.")).to_be_visible()
