"""The page Watch in Chromium: how long nothing moves between the end of a clip and the first
picture of the next."""

from __future__ import annotations

from pathlib import Path

from tests.support.chromium import running_chromium
from tests.support.installations import wait_until
from tests.support.site import Site

from .measure import Figure

CLIPS = 4
# Each clip is played for its last half second only.
MEASURE = """
window.gaps = [];
let ended = null;
for (const video of document.querySelectorAll(".sp-stage video")) {
  video.addEventListener("playing", () => {
    if (video.currentTime < 0.2) video.currentTime = video.duration - 0.5;
  });
  video.addEventListener("ended", () => { ended = performance.now(); });
  const onPicture = () => {
    if (ended !== null && !video.hidden) {
      window.gaps.push(performance.now() - ended);
      ended = null;
    }
    video.requestVideoFrameCallback(onPicture);
  };
  video.requestVideoFrameCallback(onPicture);
}
"""


def measure(folder: Path) -> list[Figure]:
    site = Site(folder / "site")
    try:
        site.prepare()
        site.start("--latency=0.1")
        story = site.bring_story("watched", CLIPS)
        site.installation.run_task("watched", "--wait")
        with running_chromium() as browser:
            page = site.open_browser(browser).new_page()
            page.goto(f"/admin/storybook/story/{story}/watch/")
            page.evaluate(MEASURE)
            page.keyboard.press("k")
            # The page's policy allows no wait_for_function.
            wait_until(lambda: page.evaluate("gaps.length") == CLIPS - 1, 120, "for the clips")
            gaps = page.evaluate("gaps")
    finally:
        site.close()
    shown = ", ".join(f"{gap:.0f}" for gap in gaps)
    return [Figure("the longest gap between two clips", max(gaps), 250, "ms", f"of {shown} ms")]
