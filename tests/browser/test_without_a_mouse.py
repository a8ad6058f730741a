"""A new reviewer and the sample story, with the keyboard alone: sixteen takes judged, one sent back
with reasons and words, and one of two candidates kept."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installations import ROOT, wait_until
from tests.support.site import Site

STORY = "the-night-the-tide-forgot"
SAMPLE = ROOT / "storybook" / "sample" / STORY
TAKES = 16
WORDS = "Her scarf stays teal from the first frame to the last."
# Nobody wants to press Tab more often than this to come to a button.
MOST_TABS = 40
# A person needs this long for a key, and for a verdict on a clip of which they have seen enough:
# what two minutes leave for sixteen takes.
KEY_SECONDS, LOOK_SECONDS = 0.28, 6.0


class Typist:
    """Presses keys, counts them, and knows no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = 0
        self.loads: list[str] = []
        page.on("request", self._note)

    def _note(self, request: object) -> None:
        if request.is_navigation_request():
            self.loads.append(request.url)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)
        self.keys += len(words)

    def reach(self, place: Locator) -> None:
        """Tab until the place has the focus."""
        for _ in range(MOST_TABS):
            if place.evaluate("each => each === document.activeElement"):
                return
            self.press("Tab")
        pytest.fail(f"{MOST_TABS} tabs do not lead to {place}")

    def enter(self, place: Locator) -> None:
        self.reach(place)
        self.press("Enter")


def rows_of(site: Site, code: str, columns: str) -> list[tuple]:
    """The generations of a shot, by the number of their take."""
    return site.installation.query(
        f"SELECT {columns} FROM videogen_videorender render"
        " JOIN storybook_shot shot ON shot.id = render.shot_id"
        " JOIN storybook_scenelet scenelet ON scenelet.id = shot.scenelet_id"
        " JOIN storybook_story story ON story.id = scenelet.story_id"
        f" WHERE story.story_id = '{STORY}' AND render.kind = 'generation'"
        " AND printf('S%02d-%02d', scenelet.place, shot.shot_index) = ? ORDER BY render.take",
        code,
    )


def wait_for_takes(site: Site, code: str, number: int) -> None:
    def is_there() -> bool:
        return [state for (state,) in rows_of(site, code, "render.state")] == ["done"] * number

    wait_until(is_there, 60, f"for {number} takes of {code}")


@pytest.mark.slow
def test_a_new_reviewer_needs_no_mouse(site: Site, page: Page) -> None:
    story = site.import_bundle(SAMPLE, STORY)
    site.installation.run_task(STORY)
    wait_until(lambda: site.states_of(STORY) == ["done"] * TAKES, 120, "for the takes")
    hands = Typist(page)
    code = page.locator("[data-room-code]")
    count = page.locator("[data-room-count]")

    # From the board into the room.
    page.goto(f"/admin/storybook/story/{story}/board/")
    hands.enter(page.locator("[data-review]"))
    page.locator("[data-ready]").wait_for(state="attached")
    expect(count).to_have_text(f"1 of {TAKES}")

    # Sixteen takes. The first is left for later, the second is rejected with words.
    hands.keys, hands.loads = 0, []
    started = time.monotonic()
    codes = []
    for number in range(TAKES):
        codes.append(code.inner_text())
        if number == 0:
            hands.press("n")
        elif number == 1:
            hands.press("r")
            hands.type("The lamp goes out")
            hands.press("Enter")
        else:
            hands.press("a")
        expect(code).not_to_have_text(codes[-1])
    machine_seconds = time.monotonic() - started
    # What was left for later comes last.
    later, rejected = codes[:2]
    expect(code).to_have_text(later)
    expect(count).to_have_text("1 of 1")
    assert len(set(codes)) == TAKES
    assert hands.loads == []
    human_seconds = hands.keys * KEY_SECONDS + TAKES * LOOK_SECONDS + machine_seconds
    told = f"{hands.keys} keys, {machine_seconds:.1f} s of the machine, {human_seconds:.0f} s"
    assert human_seconds < 120, told

    # It goes back, with a reason and words, which become a direction.
    hands.press("t")
    page.wait_for_url("**/retake/**")
    page.locator("[data-retake]").wait_for()
    expect(page.locator(":focus")).to_have_attribute("name", "reasons")
    hands.press("Space")
    hands.reach(page.locator("[name=words]"))
    hands.type(WORDS)
    expect(page.locator("[name=direction]")).to_have_value(WORDS)
    expect(page.locator("[data-retake-preview]")).to_contain_text(WORDS)
    hands.press("Control+Enter")
    page.wait_for_url("**/review/**")
    expect(page.locator(".messagelist")).to_contain_text("is rejected, and one video is queued")
    wait_for_takes(site, later, 2)
    columns = "render.review, render.review_reasons, render.review_reason, render.prompt_text"
    (first, *_), (second, *_, prompt) = rows_of(site, later, columns)
    assert (first, second) == ("rejected", "unreviewed")
    assert rows_of(site, later, columns)[0][1:3] == ("face", WORDS)
    assert json.loads(prompt)["director_notes"] == [WORDS]
    assert site.installation.accepted()[hashlib.sha256(prompt.encode()).hexdigest()] == 1

    # Two candidates of the shot that was rejected.
    page.goto(f"/admin/storybook/story/{story}/board/")
    expect(page.locator("[data-show-keys]")).to_be_visible()
    hands.press(*"j" * (1 + codes.index(rejected)))
    hands.press("x", "g")
    page.wait_for_url("**/plan/**")
    hands.enter(page.locator("[data-choice=takes] a").nth(1))
    page.wait_for_url("**takes=2**")
    hands.enter(page.locator("button[name=confirm]"))
    page.wait_for_url("**/progress/")
    wait_for_takes(site, rejected, 3)
    hands.enter(page.locator("[data-to-review]"))
    page.locator("[data-ready]").wait_for(state="attached")
    expect(count).to_have_text("1 of 2")
    expect(code).to_have_text(rejected)

    # One is kept, which settles the other.
    hands.press("c")
    expect(page.locator("[data-wipe-words]")).to_contain_text("take 2")
    hands.press("Escape", "a")
    expect(page.locator("[data-room-empty]")).to_be_visible()

    def reviews() -> list[tuple]:
        return rows_of(site, rejected, "render.review")

    wait_until(lambda: reviews()[-1] == ("approved",), 30)
    assert reviews() == [("rejected",), ("unreviewed",), ("approved",)]
