"""The form of a shot: what will be sent follows the typing, and key frames are dropped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.factories import picture_bytes
from tests.support.site import Site

SIZES = {"desk": (1440, 900), "phone": (390, 844)}
CAMERA = "[name$='/cameraDynamics']"
DROP = """([zone, bytes]) => {
  const transfer = new DataTransfer();
  for (const name of ["one.png", "two.png"]) {
    transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  }
  transfer.items.add(new File(["words"], "notes.txt", { type: "text/plain" }));
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def shot(site: Site) -> int:
    return site.shots_of(site.bring_story("edited", 2))[0]


def address(shot: int) -> str:
    return f"/admin/storybook/shot/{shot}/change/"


def test_the_prompt_follows_the_typing_and_saves_nothing(page: Page, shot: int) -> None:
    page.goto(address(shot))
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if each.method == "POST" else None)
    field = page.locator(CAMERA)

    field.click()
    page.keyboard.type("a slow push in")

    expect(page.locator("[data-prompt]")).to_contain_text("a slow push in")
    expect(field).to_be_focused()
    # What was typed at once is asked about once.
    assert len(asked) <= 3 and all(each.endswith("/preview/") for each in asked)
    page.reload()
    expect(page.locator("[data-prompt]")).not_to_contain_text("a slow push in")


def test_key_frames_are_dropped_and_stored_by_the_save(page: Page, shot: int) -> None:
    page.goto(address(shot))
    zone = page.locator("[data-drop]")

    zone.evaluate("(zone, bytes) => (" + DROP + ")([zone, bytes])", list(picture_bytes("orange")))

    expect(page.locator("[data-dropped-files]")).to_contain_text("one.png, two.png")
    assert (
        page.locator("#key_frames-group input[type=file]").evaluate_all(
            "all => all.filter((each) => each.files.length).length"
        )
        == 2
    )


@pytest.mark.parametrize("tab", ["fields", "json"])
def test_without_javascript_the_button_previews(
    open_browser: Callable[..., BrowserContext], shot: int, tab: str
) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    page.goto(f"{address(shot)}?tab={tab}")
    if tab == "fields":
        page.locator(CAMERA).fill("a whip pan")
    else:
        text = page.locator("#id_storyboard_payload")
        text.fill(text.input_value().replace("{", '{"cameraDynamics": "a whip pan",', 1))

    page.locator("[name=_preview]").click()

    expect(page.locator("[data-prompt]")).to_contain_text("a whip pan")
    expect(page.locator("[data-unsaved]")).to_be_visible()


def test_the_preview_is_reached_by_keyboard(page: Page, shot: int) -> None:
    page.goto(address(shot))
    page.locator("[name=_preview]").focus()
    page.keyboard.press("Tab")

    expect(page.locator("[data-prompt]")).to_be_focused()


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_axe_finds_nothing(
    open_browser: Callable[..., BrowserContext], shot: int, size: str
) -> None:
    width, height = SIZES[size]
    page = open_browser(viewport={"width": width, "height": height}).new_page()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(address(shot))
        options = {"resultTypes": ["violations"], "preload": False}
        found = Axe().run(page, context=".st-preview", options=options).response["violations"]
        assert [each["id"] for each in found] == []
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
