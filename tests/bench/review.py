"""From a verdict in the review room to the next take's poster: 100 takes by keyboard, in a
Chromium, a verdict every third of a second, which is faster than a person looks."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.support.chromium import running_chromium
from tests.support.installations import wait_until
from tests.support.site import Site

from .measure import Figure

TAKES = 100
BOUND_MS = 150
PACE_MS = 330

# Presses A, and waits until the poster of another take is decoded and drawn.
NEXT = """async () => {
  const room = document.querySelector("[data-room]");
  const video = room.querySelector("video");
  const before = room.dataset.render;
  const start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
  const empty = document.querySelector("[data-room-empty]");
  while ((room.hidden || room.dataset.render === before) && empty.hidden) {
    await new Promise(requestAnimationFrame);
  }
  if (!empty.hidden) return performance.now() - start;
  const poster = new Image();
  poster.src = video.poster;
  await poster.decode();
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def measure(folder: Path) -> list[Figure]:
    site = Site(folder)
    try:
        site.prepare()
        site.start()
        story = site.bring_story("review", TAKES)
        site.installation.run_task("review")
        wait_until(lambda: set(site.states_of("review")) == {"done"}, 1800)
        with running_chromium() as browser:
            page = site.open_browser(browser).new_page()
            page.goto(f"/admin/review/?story={story}")
            loads: list[str] = []
            page.on("request", lambda each: loads.append(each.url) if _is_page(each) else None)
            times = sorted(_judge(page) for _ in range(TAKES))
            wait_until(lambda: _approved(site) == TAKES, 30)
    finally:
        site.close()
    how = f"{TAKES} takes, the middle one {times[TAKES // 2]:.0f} ms, {len(loads)} page loads"
    return [
        Figure("verdict to next poster, 95 %", times[TAKES * 95 // 100], BOUND_MS, "ms", how),
        Figure("page loads", len(loads), 0, "", "while all takes were approved by keyboard"),
    ]


def _is_page(request: object) -> bool:
    return bool(request.is_navigation_request())  # type: ignore[attr-defined]


def _approved(site: Site) -> int:
    query = "SELECT count(*) FROM videogen_videorender WHERE review = 'approved'"
    return int(site.installation.query(query)[0][0])


def _judge(page: Page) -> float:
    page.locator("[data-ready]").wait_for(state="attached")
    page.wait_for_timeout(PACE_MS)
    return float(page.evaluate(NEXT))
