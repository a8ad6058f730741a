"""The review room by keyboard, with a thumb, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.installations import wait_until
from tests.support.site import Site

TAKES = 16
CLEAR = """
from videogen.models import VideoRender
VideoRender.objects.filter(batch__story={}).transition(review="unreviewed", reviewed_at=None)
"""


@pytest.fixture(scope="module")
def rendered(site: Site) -> int:
    story = site.bring_story("judged", TAKES)
    site.installation.run_task("judged")
    wait_until(lambda: set(site.states_of("judged")) == {"done"}, 120, "for the takes")
    return story


@pytest.fixture
def story(site: Site, rendered: int) -> Iterator[int]:
    yield rendered
    site.installation.manage("shell", "-v0", "-c", CLEAR.format(rendered))


def enter(page: Page, story: int) -> None:
    page.goto(f"/admin/review/?story={story}")
    page.locator("[data-ready]").wait_for(state="attached")


def count_of(page: Page) -> str:
    return page.locator("[data-room-count]").inner_text()


def reviews(site: Site, story: int) -> list[str]:
    rows = site.installation.query(
        "SELECT render.review FROM videogen_videorender render"
        " JOIN videogen_renderbatch batch ON batch.id = render.batch_id"
        " WHERE batch.story_id = ? ORDER BY render.id",
        story,
    )
    return [review for (review,) in rows]


def test_sixteen_takes_by_keyboard_and_no_page_load(site: Site, page: Page, story: int) -> None:
    enter(page, story)
    loads: list[str] = []
    page.on(
        "request", lambda each: loads.append(each.url) if each.is_navigation_request() else None
    )

    assert count_of(page) == f"1 of {TAKES}"
    for number in range(TAKES):
        code = page.locator("[data-room-code]").inner_text()
        page.keyboard.press("a" if number % 2 else "r")
        if number % 2 == 0:
            page.keyboard.press("Enter")
        if number < TAKES - 1:
            expect(page.locator("[data-room-code]")).not_to_have_text(code)

    expect(page.locator("[data-room-empty]")).to_be_visible()
    wait_until(lambda: "unreviewed" not in reviews(site, story), 30)
    assert reviews(site, story) == ["rejected", "approved"] * (TAKES // 2)
    assert loads == []


def test_a_verdict_is_taken_back_by_a_key(site: Site, page: Page, story: int) -> None:
    enter(page, story)
    code = page.locator("[data-room-code]").inner_text()

    page.keyboard.press("a")
    expect(page.locator("[data-room-code]")).not_to_have_text(code)
    page.keyboard.press("z")

    expect(page.locator("[data-room-code]")).to_have_text(code)
    wait_until(lambda: set(reviews(site, story)) == {"unreviewed"}, 30)
    assert count_of(page) == f"1 of {TAKES}"


def test_a_verdict_on_its_way_is_not_lost_by_leaving(site: Site, page: Page, story: int) -> None:
    enter(page, story)
    held: list[Route] = []
    page.route("**/approve/**", lambda route: held.append(route))
    page.keyboard.press("a")
    wait_until(lambda: page.evaluate("1") and held, 10, "for the verdict")

    page.locator(".st-bar [data-place=spending]").click()
    page.wait_for_timeout(300)
    assert "/review/" in page.url
    held[0].continue_()

    page.wait_for_url("**/spending/")
    assert reviews(site, story).count("approved") == 1


def test_a_key_that_cannot_do_its_work_says_why(site: Site, page: Page, story: int) -> None:
    enter(page, story)
    code = page.locator("[data-room-code]").inner_text()
    page.keyboard.press("a")
    wait_until(lambda: "approved" in reviews(site, story), 30)
    # Opened by its address, it is not in the queue, and no verdict is left to give.
    ((take,),) = site.installation.query(
        "SELECT render.id FROM videogen_videorender render"
        " JOIN videogen_renderbatch batch ON batch.id = render.batch_id"
        " WHERE batch.story_id = ? AND render.review = 'approved'",
        story,
    )
    page.goto(f"/admin/review/?story={story}&take={take}")
    page.locator("[data-ready]").wait_for(state="attached")
    expect(page.locator("[data-room-code]")).to_have_text(code)

    for key, words in (("a", "approved already"), ("r", "Unlock it first"), ("t", "Unlock it")):
        page.keyboard.press(key)
        expect(page.locator("[data-toast]")).to_contain_text(words)
    assert reviews(site, story).count("approved") == 1


def test_the_other_reviewer_is_told(
    site: Site, open_browser: Callable[..., BrowserContext], complaints: list[str], story: int
) -> None:
    first, second = open_browser().new_page(), open_browser().new_page()
    enter(first, story)
    enter(second, story)
    first.keyboard.press("r")
    first.keyboard.press("r")
    wait_until(lambda: "rejected" in reviews(site, story), 30)

    second.keyboard.press("a")

    expect(second.locator("[data-toast=refused]")).to_be_visible()
    assert reviews(site, story).count("rejected") == 1
    # A refusal is an answer of 409, which the browser writes into its console.
    complaints[:] = [each for each in complaints if "409" not in each]


def test_the_picture_is_wiped_and_the_neighbour_shown(page: Page, story: int) -> None:
    enter(page, story)
    page.keyboard.press("n")
    expect(page.locator("[data-room-count]")).to_have_text(f"2 of {TAKES}")

    page.keyboard.press("]")
    expect(page.locator("[data-says=after]")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("[data-toast=peeking]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-says]")).to_be_hidden()

    page.keyboard.press("?")
    expect(page.locator("[data-keys]")).to_be_visible()


def test_a_phone_has_large_buttons(
    site: Site, open_browser: Callable[..., BrowserContext], story: int
) -> None:
    page = open_browser(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    enter(page, story)
    for hook in ("[data-verb=approve]", "[data-verb=select]", "[data-reject] > summary"):
        box = page.locator(f"[data-part=verdict] {hook}").bounding_box()
        assert box and box["height"] >= 44, hook

    page.locator("[data-verb=approve]").tap()

    wait_until(lambda: reviews(site, story).count("approved") == 1, 30)
    expect(page.locator("[data-room-count]")).to_have_text(f"1 of {TAKES - 1}")


def test_without_javascript(
    site: Site, open_browser: Callable[..., BrowserContext], story: int
) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    page.goto(f"/admin/review/?story={story}")
    code = page.locator("[data-room-code]").inner_text()

    page.locator("[data-verb=approve]").click()
    assert page.locator("[data-room-code]").inner_text() != code
    assert reviews(site, story).count("approved") == 1

    page.locator("[data-undo] button").click()
    assert page.locator("[data-room-code]").inner_text() == code
    assert reviews(site, story).count("approved") == 0


def notes(site: Site, story: int) -> list[tuple]:
    return site.installation.query(
        "SELECT note.frame, note.x, note.y, note.width, note.height, note.text, note.done_at"
        " FROM videogen_takenote note"
        " JOIN videogen_videorender render ON render.id = note.render_id"
        " JOIN videogen_renderbatch batch ON batch.id = render.batch_id"
        " WHERE batch.story_id = ? ORDER BY note.id",
        story,
    )


def test_a_note_is_written_on_the_frame_and_on_the_picture(
    site: Site, page: Page, story: int
) -> None:
    enter(page, story)
    video = page.locator("[data-stage] video")
    expect(video).not_to_have_js_property("readyState", 0)
    for _ in range(5):
        page.keyboard.press(".")
    page.keyboard.press("w")
    expect(page.locator("[data-note-new] [name=time]")).to_have_value("0:00.05")
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(0.25, 0.25))
    page.mouse.down()
    page.mouse.move(*at(0.4, 0.4))
    page.mouse.move(*at(0.5, 0.75))
    page.mouse.up()
    expect(page.locator("[data-marks] rect")).to_have_count(1)
    # What is typed are words and no keys, and they do not leave with the take.
    page.keyboard.type("Raise a hand")
    page.locator("[data-go=next]").click()
    expect(page.locator("[data-room-count]")).to_have_text(f"2 of {TAKES}")
    page.locator("[data-go=previous]").click()
    expect(page.locator("[data-note-new] textarea")).to_have_value("Raise a hand")
    page.locator("[data-note-new] textarea").focus()
    page.keyboard.press("Control+Enter")

    expect(page.locator("[data-note-state=open]")).to_have_count(1)
    [(frame, x, y, width, height, text, _)] = notes(site, story)
    assert (frame, text) == (5, "Raise a hand")
    for got, drawn in zip((x, y, width, height), (0.25, 0.25, 0.25, 0.5), strict=True):
        assert abs(got - drawn) < 0.01
    expect(page.locator("[data-timeline] rect")).to_have_count(1)

    # Its time jumps to its frame, also in a window of another size.
    page.set_viewport_size({"width": 900, "height": 700})
    page.locator("[data-jump]").click()
    expect(page.locator("[data-stage] video")).to_have_js_property("seeking", False)
    assert int(video.evaluate("each => each.currentTime") * 24) == 5
    shape = page.locator("[data-marks] rect").bounding_box()
    stage = page.locator("[data-stage]").bounding_box()
    assert shape and stage
    assert abs((shape["x"] - stage["x"]) / stage["width"] - 0.25) < 0.02
    assert abs(shape["height"] / stage["height"] - 0.5) < 0.02

    page.locator("[data-note] [data-settle]").click()
    expect(page.locator("[data-note-state=done]")).to_have_count(1)
    assert notes(site, story)[0][-1]


NOTE = """
from videogen.models import TakeCheck, VideoRender
from videogen.takes.check_thresholds import VERSION
for render in VideoRender.objects.filter(batch__story={}, state="done"):
    values = dict(result="notes", version=VERSION, lease_until=None, worker="", findings=[
        dict(kind="black", at_seconds=2.5, seconds=1.0),
        dict(kind="loudness", at_seconds=0.0, seconds=0.0, side="loud", lufs=-6.2)])
    TakeCheck.objects.update_or_create(render=render, defaults=values)
"""


def test_a_note_of_the_technical_check_moves_the_player(site: Site, page: Page, story: int) -> None:
    site.installation.manage("shell", "-v0", "-c", NOTE.format(story))
    enter(page, story)

    page.locator("[data-finding=black]").click()

    expect(page.locator("[data-stage] > video")).to_have_js_property("currentTime", 2.5)
    # Also when the shot beside it is shown.
    page.keyboard.press("]")
    expect(page.locator("[data-says]")).to_be_visible()
    page.locator("[data-finding=black]").click()
    expect(page.locator("[data-says]")).to_be_hidden()
    expect(page.locator("[data-stage] > video")).to_have_js_property("currentTime", 2.5)

    ((shot,),) = site.installation.query(
        "SELECT MIN(render.shot_id) FROM videogen_videorender render"
        " JOIN videogen_renderbatch batch ON batch.id = render.batch_id WHERE batch.story_id = ?",
        story,
    )
    page.goto(f"/admin/storybook/shot/{shot}/takes/")
    page.locator("[data-finding=black]").click()
    expect(page.locator(".st-render video")).to_have_js_property("currentTime", 2.5)
