"""The board: search and filters without a page load, the map, clips under the mouse and large with
sound, selecting by mouse and keys, a phone, other writing, and no scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

SHOTS = 13
LONG = "Donaudampfschifffahrtsgesellschaft" * 6
CLEAR = """
from videogen.models import VideoRender
VideoRender.objects.filter(batch__story={}).transition(review="unreviewed", reviewed_at=None)
"""
RENAME = """
from storybook.models import Scenelet, Story
Story.objects.filter(pk={story}).update(title={title!r})
Scenelet.objects.filter(story={story}, sequence=1).update(title={title!r})
"""


@pytest.fixture(scope="module")
def boarded(site: Site) -> int:
    """Thirteen shots in three scenelets; the first two have a take."""
    story = site.bring_story("boarded", SHOTS)
    for index in (1, 2):
        site.installation.run_task("boarded", "--scenelet-id=scenelet-1", f"--shot-index={index}")
    wait_until(lambda: site.states_of("boarded") == ["done"] * 2, 60, "for the takes")
    return story


@pytest.fixture
def judged(site: Site, boarded: int) -> Iterator[int]:
    """The same; afterwards its takes wait for a verdict again."""
    yield boarded
    site.installation.manage("shell", "-v0", "-c", CLEAR.format(boarded))


def enter(page: Page, story: int) -> None:
    page.goto(f"/admin/storybook/story/{story}/board/")
    expect(page.locator("article[data-shot]").first).to_be_visible()


def codes(page: Page) -> list[str]:
    return page.locator("article[data-shot]").evaluate_all("all => all.map((each) => each.id)")


def selected(page: Page) -> list[str]:
    return page.locator("article:has([data-select-shot]:checked)").evaluate_all(
        "all => all.map((each) => each.id)"
    )


def loads_of(page: Page) -> list[str]:
    loads: list[str] = []
    page.on(
        "request", lambda each: loads.append(each.url) if each.is_navigation_request() else None
    )
    return loads


def test_search_and_filters_change_the_address_and_load_no_page(page: Page, boarded: int) -> None:
    enter(page, boarded)
    loads = loads_of(page)
    page.locator("#S01-01 [data-select-shot]").check()

    page.keyboard.press("/")
    page.keyboard.type("s01-01")
    expect(page.locator("article[data-shot]")).to_have_count(1)
    assert page.url.endswith("/board/?q=s01-01")
    assert selected(page) == ["S01-01"]

    page.locator("[data-search]").fill("")
    expect(page.locator("article[data-shot]")).to_have_count(SHOTS)
    page.locator('[data-chip="needs review"]').click()
    expect(page.locator("article[data-shot]")).to_have_count(2)
    page.locator("[name=group]").select_option("status")
    expect(page.locator("[data-group]")).to_have_count(1)
    assert page.url.endswith("?status=needs+review&group=status")

    page.go_back()
    expect(page.locator("[data-group]")).to_have_count(0)
    page.go_back()
    expect(page.locator("article[data-shot]")).to_have_count(SHOTS)
    assert loads == []
    page.reload()
    expect(page.locator("article[data-shot]")).to_have_count(SHOTS)


def test_the_clip_follows_the_mouse_and_a_click_plays_it_large_with_sound(
    page: Page, boarded: int
) -> None:
    enter(page, boarded)
    frame = page.locator("#S01-01 .st-frame")
    box = frame.bounding_box()
    assert box

    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40)
    clip = frame.locator("video")
    expect(clip).to_have_class("st-clip st-clip--on")
    assert clip.evaluate("each => each.paused && each.muted")
    wait_until(lambda: 0.6 < clip.evaluate("each => each.currentTime / each.duration") < 0.9, 10)

    frame.click()
    reel = page.locator("#st-reel")
    video = reel.locator("video")
    expect(video).to_have_js_property("muted", False)
    wait_until(lambda: video.evaluate("each => each.currentTime > 0"), 10, "for the clip to play")
    assert page.url.endswith("#S01-01")
    page.keyboard.press("m")
    expect(video).to_have_js_property("muted", True)
    page.keyboard.press("j")
    expect(reel.locator("[data-reel-place]")).to_contain_text(f"2 of {SHOTS}")
    page.keyboard.press("Escape")
    expect(page.locator("#S01-02 .st-shot-code")).to_be_focused()


def test_a_box_and_the_shift_key_select(page: Page, boarded: int) -> None:
    enter(page, boarded)
    first = page.locator("#S01-01").bounding_box()
    third = page.locator("#S01-03").bounding_box()
    assert first and third

    page.mouse.move(first["x"] + 20, first["y"] + 80)
    page.mouse.down()
    page.mouse.move(third["x"] + 40, third["y"] + 100, steps=4)
    page.mouse.up()
    assert selected(page) == ["S01-01", "S01-02", "S01-03"]
    expect(page.locator("#st-reel")).to_be_hidden()
    expect(page.locator("[data-selected-count]")).to_have_text("3 selected")

    page.keyboard.press("Escape")
    assert selected(page) == []
    page.locator("#S01-01 [data-select-shot]").check()
    page.locator("#S01-04 [data-select-shot]").click(modifiers=["Shift"])
    assert selected(page) == ["S01-01", "S01-02", "S01-03", "S01-04"]


def test_a_verdict_by_keys_alone(page: Page, judged: int) -> None:
    enter(page, judged)

    for key in ("j", "x", "j", "X", "a"):
        page.keyboard.press(key)

    expect(page.locator("[data-message=success]")).to_be_visible()
    expect(page.locator('[data-live-key^="head-"]').first).to_contain_text("2 of 6 approved")
    # The script has begun when it shows what works with it only.
    expect(page.locator("[data-show-keys]")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#S01-01 .st-shot-code")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/takes/")


def test_heads_stick_and_fold_and_the_map_follows(page: Page, boarded: int) -> None:
    enter(page, boarded)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    rows = page.locator("[data-map]")
    expect(rows).to_have_count(3)
    expect(rows.first).to_have_attribute("aria-current", "true")

    rows.nth(2).click()
    expect(page.locator("section[data-scene]").nth(2)).to_be_in_viewport()
    # The row leads to a place on this page, so the board is not asked for once more: the answer
    # would take the focus away from whoever goes on by keys.
    assert not any(url.endswith("/board/") for url in asked), asked
    page.evaluate("scrollTo(0, 400)")
    head = page.locator(".st-scene-head").first
    wait_until(lambda: 90 < (head.bounding_box() or {"y": 0})["y"] < 120, 10, "for the head")

    head.locator("[data-fold]").click()
    expect(page.locator("#S01-01")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#S02-01 .st-shot-code")).to_be_focused()


def test_a_phone(open_browser: Callable[..., BrowserContext], boarded: int) -> None:
    page = open_browser(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    enter(page, boarded)

    expect(page.locator("[data-map]").first).to_be_hidden()
    page.locator("[data-map-fold] > summary").tap()
    expect(page.locator("[data-map]").first).to_be_visible()
    page.locator("#S01-01 .st-frame").tap()
    expect(page.locator("#st-reel")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1440, 390])
def test_long_words_and_writing_from_the_right(
    site: Site, open_browser: Callable[..., BrowserContext], boarded: int, width: int
) -> None:
    page = open_browser(viewport={"width": width, "height": 844}).new_page()
    ((title,),) = site.installation.query("SELECT title FROM storybook_story WHERE id = ?", boarded)
    for words in (LONG, f"مصباح {LONG}"):
        rename = RENAME.format(story=boarded, title=words)
        site.installation.manage("shell", "-v0", "-c", rename)
        enter(page, boarded)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        page.evaluate("document.documentElement.dir = 'ltr'")
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    site.installation.manage("shell", "-v0", "-c", RENAME.format(story=boarded, title=title))


def test_without_javascript(open_browser: Callable[..., BrowserContext], boarded: int) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    enter(page, boarded)

    page.locator("[data-search]").fill("S02-01")
    page.locator("[data-filter-form] > [data-without-script]").click()
    expect(page.locator("article[data-shot]")).to_have_count(1)
    assert codes(page) == ["S02-01"]
    assert "q=S02-01" in page.url

    page.locator("[data-more] summary").click()
    page.locator("[data-all-shots]").first.click()
    expect(page.locator("article[data-shot]")).to_have_count(SHOTS)
    page.locator('[data-chip="needs review"]').click()
    expect(page.locator("article[data-shot]")).to_have_count(2)
    assert codes(page) == ["S01-01", "S01-02"]
    page.locator("#S01-01 [data-select-shot]").check()
    page.locator("[data-generate]").click()
    page.wait_for_url("**/plan/")
