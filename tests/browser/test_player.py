"""The exported player from a disk, and the page Watch: real takes in a real browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.installations import wait_until
from tests.support.site import Site

LABELS = ["Row out to sea", "Tie the boat up"]
ENDINGS = ["The Voyage", "The Way Home"]


@pytest.fixture(scope="module")
def story(site: Site) -> int:
    """One choice, two endings; every shot but the one of the second ending has a take."""
    bundle = site.folder / "the-boat"
    site.installation.manage("new_story", str(bundle), "--title=The Boat")
    story = site.import_bundle(bundle, "the-boat")
    for scenelet in ("the-harbour", "the-voyage"):
        site.installation.run_task("the-boat", f"--scenelet-id={scenelet}")
    wait_until(lambda: site.takes_of(story) == 2, 60)
    return story


@pytest.fixture(scope="module")
def player(site: Site, story: int) -> str:
    output = site.folder / "player"
    site.installation.manage("export_player", "--story-id=the-boat", f"--output={output}")
    return (output / "the-boat" / "index.html").as_uri()


@pytest.fixture
def requests(page: Page) -> list[str]:
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def skip_to_choices(page: Page) -> None:
    for _ in range(3):
        page.keyboard.press("l")
    expect(page.locator(".sp-choice").first).to_be_focused()


@pytest.mark.parametrize("number", [1, 2])
def test_every_ending_is_reached_by_keyboard_from_a_disk(page, player, requests, number):
    page.goto(player)
    expect(page.locator(".sp-choice")).to_be_focused()
    page.keyboard.press("Enter")
    skip_to_choices(page)
    expect(page.locator(".sp-choice")).to_have_text(LABELS)

    page.keyboard.press(str(number))
    skip_to_choices(page)

    expect(page.locator(".sp-ending")).to_have_text(ENDINGS[number - 1])
    page.keyboard.press("Enter")  # Read again
    assert page.evaluate("player.at()") == {"scenelet": "s1", "index": 0}
    assert {url.split(":")[0] for url in requests} == {"file"}


def test_a_scenelet_plays_to_its_choices_by_itself(page, player):
    page.goto(player)
    page.keyboard.press("Enter")
    video = page.locator(".sp-stage video:visible")
    expect(video).to_have_js_property("paused", False)

    video.evaluate("video => { video.currentTime = video.duration - 0.1; }")

    expect(page.locator(".sp-choice")).to_have_text(LABELS)
    page.keyboard.press("b")
    page.keyboard.press("2")
    # The shot without a take is a slate with its words.
    expect(page.locator(".sp-slate")).to_contain_text("It will wait for us.")


def open_story(page, player, folder, scenelets, starts):
    """Open the player with a story of its own, whose clips are not there."""
    source = Path(url2pathname(urlsplit(player).path)).parent
    for name in ("index.html", "player.js", "player.css"):
        shutil.copy(source / name, folder)
    story = {"title": "Another", "start": starts[0], "starts": starts, "scenelets": scenelets}
    (folder / "story.js").write_text(f"window.STORY = {json.dumps(story)};")
    page.goto((folder / "index.html").as_uri())


def scenelet(title, *videos):
    shots = [
        {
            "code": "S01-01", "video": video, "still": "", "title": title, "words": "",
            "seconds": 1, "cues": [],
        }
        for video in videos
    ]  # fmt: skip
    return {"id": title, "title": title, "prompt": "", "shots": shots, "choices": []}


def test_clips_that_do_not_play_do_not_end_the_story(page, player, tmp_path, complaints):
    page.clock.install()
    first = scenelet("Home", "clips/1.mp4", "clips/2.mp4", "clips/3.mp4")
    open_story(page, player, tmp_path, {"s1": first}, ["s1"])
    page.keyboard.press("Enter")

    for index in range(3):
        expect(page.locator(".sp-status")).to_have_text("This clip cannot be played.")
        assert page.evaluate("player.at().index") == index
        # The next one is loaded ahead, so it fails before it is shown.
        page.wait_for_function("[...document.querySelectorAll('video')].every(each => each.error)")
        page.evaluate("document.querySelector('.sp-status').textContent = ''")
        page.clock.run_for(2000)

    expect(page.locator(".sp-ending")).to_have_text("Home")
    assert all("ERR_FILE_NOT_FOUND" in each for each in complaints)
    complaints.clear()


def test_several_beginnings_are_offered(page, player, tmp_path):
    scenelets = {"s1": scenelet("Day", ""), "s2": scenelet("Night", "")}
    open_story(page, player, tmp_path, scenelets, ["s1", "s2"])
    expect(page.locator(".sp-choice")).to_have_text(["Day", "Night"])

    page.keyboard.press("2")
    page.keyboard.press("l")

    expect(page.locator(".sp-ending")).to_have_text("Night")
    page.keyboard.press("Enter")  # Read again
    expect(page.locator(".sp-choice")).to_have_text(["Day", "Night"])


def test_axe_finds_nothing_in_the_player(page, player):
    page.goto(player)
    for key in ("", "Enter"):
        if key:
            page.keyboard.press(key)
        results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
        assert results.violations_count == 0, results.generate_report()


def test_a_path_is_watched_with_its_shots_below(page, site, story):
    page.goto(f"/admin/storybook/story/{story}/watch/?path=the-voyage")
    strip = page.locator(".st-watch-strip li")
    expect(strip).to_have_count(2)
    expect(strip.first).to_have_attribute("aria-current", "true")

    page.keyboard.press("k")
    video = page.locator(".sp-stage video:visible")
    expect(video).to_have_js_property("paused", False)
    assert video.evaluate("video => video.muted") is False
    page.keyboard.press("l")

    expect(strip.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("t")
    page.wait_for_url("**/takes/")


def test_a_path_is_watched_with_its_sound(page, story):
    page.goto(f"/admin/storybook/story/{story}/watch/?path=the-voyage")
    video = page.locator(".sp-stage video:visible")
    page.keyboard.press("k")

    heard = []
    for seconds in (0.1, 1.5):
        wait_until(lambda least=seconds: video.evaluate("video => video.currentTime") > least, 30)
        heard.append(video.evaluate("video => video.webkitAudioDecodedByteCount"))
    assert 0 < heard[0] < heard[1], heard
    assert page.evaluate("[...document.querySelectorAll('video')].every(each => !each.muted)")


def test_a_reader_chooses_on_the_page(page, story):
    page.goto(f"/admin/storybook/story/{story}/watch/?path=")
    page.keyboard.press("l")
    expect(page.locator(".sp-choice")).to_have_text(LABELS)
    page.locator(".sp-choice").first.click()
    expect(page.locator(".sp-place")).to_contain_text("S02-01")


def test_a_film_is_made_and_downloaded(page, story):
    page.goto(f"/admin/storybook/story/{story}/films/")
    row = page.locator('[data-film="the-way-home"]')
    expect(row.locator("[data-coverage]")).to_contain_text("1 of 2")
    row.locator("[name=ending]").click()
    expect(row.locator("[data-download]")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        row.locator("[data-download]").click()
    assert download.value.suggested_filename.startswith("the-way-home")
