"""The pictures of the screens in docs/screenshots: `make screenshots`.

    python -m tests.screenshots [--folder FOLDER] [--only story|money]

Renders the sample story with the simulator in a temporary installation, decides about some takes,
and looks at the screens while a last batch runs. The screens about money come from another one,
which takes the simulator for the API: with its prices, with answers that got lost, and at the end
with a model that is gone. With --folder the installations are kept, and the next run only takes
the pictures.
"""

from __future__ import annotations

import argparse
import io
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import av
import httpx
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

from .support.chromium import running_chromium
from .support.installations import ROOT, wait_until
from .support.site import Site

STORY = "the-night-the-tide-forgot"
SAMPLE = ROOT / "storybook" / "sample" / STORY
TARGET = ROOT / "docs" / "screenshots"
MOST_BYTES = 350_000
# Those in sight; the others are loaded when somebody scrolls to them.
PICTURES_ARE_THERE = """() => {
  // What is folded away is never loaded.
  const isInSight = (each) =>
    each.src && each.checkVisibility() && each.getBoundingClientRect().top < innerHeight;
  const image = (each) => each.decode().catch(() => {});
  const video = (each) => each.preload === "none" || each.readyState > 1 ||
    new Promise((resolve) => each.addEventListener("loadeddata", resolve, { once: true }));
  return Promise.all([
    document.fonts.ready,
    ...[...document.images].filter(isInSight).map(image),
    ...[...document.querySelectorAll("video")].filter(isInSight).map(video),
  ]).then(() => true);
}"""
QUICK = ("--clips=full", "--latency=1", "--painters=2")
MONEY = {
    "VIDEO_BACKEND": "gemini",
    "VIDEO_RECONCILE_MINUTES": "0",
    # Whom the command line asks for.
    "LOGNAME": "nightly",
}
MONEY_SCREENS = {
    "spending": "/admin/videogen/submission/spending/",
    "unresolved": "/admin/videogen/videorender/unresolved/",
    "tokens": "/admin/videogen/apitoken/",
    "doctor": "/admin/videogen/lane/doctor/",
    "models": "/admin/videogen/videomodel/",
}
MODEL = "veo-3.1-generate-preview"
# In the first take of a film: its characters are in the picture by then.
FRAME_AT_SECONDS = 4.0
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="keep the installations here and use them again"
    )
    parser.add_argument("--only", choices=["story", "money"], help="by default both")
    options = parser.parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="videogen-screenshots-") as temporary:
        folder = options.folder or Path(temporary)
        with running_chromium() as browser:
            if options.only != "money":
                _show_story(Site(folder), browser)
            if options.only != "story":
                _show_money(Site(folder / "money", **MONEY), browser)
    return 0


def _show_story(site: Site, browser: Browser) -> None:
    if not site.installation.database.exists():
        _say("Rendering the sample story …")
        with _running(site, *QUICK):
            _make_takes(site, browser)
    take_film_frame(site)
    # So slow that the last batch is still running when it is looked at.
    with _running(site, "--clips=full", "--latency=300"):
        _take_pictures(site, browser)


def _show_money(site: Site, browser: Browser) -> None:
    if not site.installation.database.exists():
        _say("Spending on the sample story …")
        with _running(site, *QUICK):
            _spend(site, browser)
        _tell_days_apart(site)
    with _running(site, *QUICK):
        _leave_unresolved(site)
        _make_tokens(site)
        _take_both(site, browser, MONEY_SCREENS)
        with _model_is_gone(site, browser) as move_url:
            _take_both(site, browser, {"moving": move_url})


@contextmanager
def _running(site: Site, *simulator_options: str) -> Iterator[None]:
    try:
        if not site.installation.database.exists():
            site.prepare()
        site.start(*simulator_options)
        yield
    finally:
        site.close()


# -- something to look at --------------------------------------------------------------------------


def _make_takes(site: Site, browser: Browser) -> None:
    story = site.import_bundle(SAMPLE, STORY)
    shots = site.shots_of(story)
    site.installation.script_fault("done", "blocked", match="Tock")
    _render(site)
    # The first shots of three scenelets get a second take, the very first one a third.
    _render(site, "--mode=override", "--shot-index=1")
    ((first,),) = site.installation.query(
        "SELECT scenelet.scenelet_id FROM storybook_scenelet scenelet"
        " JOIN storybook_shot shot ON shot.scenelet_id = scenelet.id WHERE shot.id = ?",
        shots[0],
    )
    _render(site, "--mode=override", f"--scenelet-id={first}", "--shot-index=1")
    context = site.open_browser(browser)
    page = context.new_page()
    for shot in shots[1:4]:
        _decide(page, shot, "approve")
    for shot in (shots[0], *shots[4:7]):
        _decide(page, shot, "select")
    context.close()
    site.installation.manage("render_film", f"--story-id={STORY}", "--no-wait")
    wait_until(lambda: _films_left(site) == 0, 900, "for the films")


def _films_left(site: Site) -> int:
    ((left,),) = site.installation.query(
        "SELECT count(*) FROM videogen_film WHERE status != 'done'"
    )
    return left


def _render(site: Site, *options: str) -> None:
    site.installation.run_task(STORY, *options)
    _wait_for_end(site)


def _wait_for_end(site: Site) -> None:
    under_way = {"queued", "submitting", "running", "downloading"}
    wait_until(lambda: not under_way & set(site.states_of(STORY)), 900, "for the sample story")


def _decide(page: Page, shot: int, verb: str) -> None:
    page.goto(f"/admin/storybook/shot/{shot}/takes/")
    buttons = page.locator(f"button[data-verb={verb}]")
    if buttons.count():
        buttons.first.click()
        page.wait_for_load_state()


def _spend(site: Site, browser: Browser) -> None:
    """Batches of the command line and of a person."""
    story = site.import_bundle(SAMPLE, STORY)
    shots = site.shots_of(story)
    site.installation.script_fault("done", "blocked", match="Tock")
    first = _scenelets(site)[0]
    _render(site, f"--scenelet-id={first}")
    _render(site, f"--scenelet-id={first}", "--shot-index=1", "--mode=override")
    context = site.open_browser(browser)
    page = context.new_page()
    for shot in shots[:2]:
        _decide(page, shot, "approve")
    page.goto(_draft(page, story, shots[3:6]))
    page.locator('button[name="confirm"]').click()
    page.wait_for_url("**/progress/")
    _wait_for_end(site)
    _decide(page, shots[3], "approve")
    context.close()


def _tell_days_apart(site: Site) -> None:
    """As if every batch had been a day of its own."""
    with closing(sqlite3.connect(site.installation.database)) as connection, connection:
        for table, column, batch in (
            ("videogen_videorender", "queued_at", "batch_id"),
            ("videogen_videorender", "claimed_at", "batch_id"),
            (
                "videogen_submission",
                "claimed_at",
                "(SELECT batch_id FROM videogen_videorender WHERE id = render_id)",
            ),
        ):
            last = "(SELECT max(id) FROM videogen_renderbatch)"
            connection.execute(
                f"UPDATE {table} SET {column} = datetime({column}, '-' || (1 + {last} - {batch})"
                f" || ' days') WHERE {column} IS NOT NULL"
            )


def _make_tokens(site: Site) -> None:
    if site.installation.query("SELECT id FROM videogen_apitoken"):
        return
    for name, scope in (("nightly renders", "spend"), ("dailies mirror", "read")):
        site.installation.manage("api_token", name, f"--scope={scope}")


def _leave_unresolved(site: Site) -> None:
    """Answers that got lost, a link that is refused, and what the lists of the API tell of it."""
    installation = site.installation
    third, fourth = _scenelets(site)[2:4]
    url = f"{installation.simulator_url}/_simulator"
    lists = {"list_operations": True, "list_generated_files": True, "list_details": True}
    httpx.post(f"{url}/settings", json=lists).raise_for_status()
    installation.script_fault("submit", "drop_after_accept", times=2)
    _render(site, f"--scenelet-id={third}")
    installation.script_fault("download", "forbidden", times=-1)
    _render(site, f"--scenelet-id={fourth}", "--shot-index=1")
    httpx.delete(f"{url}/faults").raise_for_status()
    # When they have been made.
    time.sleep(5)
    installation.manage("reconcile", check=False)


@contextmanager
def _model_is_gone(site: Site, browser: Browser) -> Iterator[str]:
    """Three renders wait for a model that the account has no longer: the address of the page that
    moves them to another one. Afterwards they are cancelled, and the model is back."""
    context = site.open_browser(browser)
    page = context.new_page()
    _retire(site, MODEL)
    ((story,),) = site.installation.query("SELECT id FROM storybook_story")
    page.goto(_draft(page, story, site.shots_of(story)[-3:]))
    page.locator('button[name="confirm"]').click()
    page.wait_for_url("**/progress/")
    progress = page.url
    paused = "SELECT id FROM videogen_lane WHERE pause_code = 'model_not_found'"
    wait_until(lambda: site.installation.query(paused), 60, "for the queue to stop")
    ((lane,),) = site.installation.query(paused)
    yield f"/admin/videogen/lane/{lane}/move/"
    _retire(site, "")
    lane_page = f"/admin/videogen/lane/{lane}/change/"
    for url, button in (
        (progress, "[data-act=cancel]"),
        (lane_page, "form[action$='/resume/'] button"),
    ):
        page.goto(url)
        page.locator(button).first.click()
        page.locator("[data-message=success]").first.wait_for()
    context.close()


def _retire(site: Site, model: str) -> None:
    url = f"{site.installation.simulator_url}/_simulator/settings"
    httpx.post(url, json={"retired_models": model}).raise_for_status()


def _scenelets(site: Site) -> list[str]:
    rows = site.installation.query("SELECT scenelet_id FROM storybook_scenelet ORDER BY sequence")
    return [scenelet for (scenelet,) in rows]


# -- looking at it ---------------------------------------------------------------------------------


def _take_pictures(site: Site, browser: Browser) -> None:
    ((story,),) = site.installation.query(
        "SELECT id FROM storybook_story WHERE story_id = ?", STORY
    )
    shots = site.shots_of(story)
    context = _look(site, browser, "light", DESK)
    _start_batch(context.new_page(), story, shots[8:12])
    ((batch,),) = site.installation.query(
        "SELECT max(id) FROM videogen_renderbatch WHERE status = 'confirmed'"
    )
    plan = _draft(context.new_page(), story, shots[:7])
    context.close()
    screens = {
        "dashboard": "/admin/",
        "board": f"/admin/storybook/story/{story}/board/",
        "plan": f"{plan}?mode=override",
        "batch": f"/admin/videogen/renderbatch/{batch}/progress/",
        "takes": f"/admin/storybook/shot/{shots[0]}/takes/",
        "watch": f"/admin/storybook/story/{story}/watch/",
        "films": f"/admin/storybook/story/{story}/films/",
        "compare": f"/admin/videogen/videorender/shots/{shots[0]}/compare/",
        "review": f"/admin/review/?story={story}",
        "shot": f"/admin/storybook/shot/{shots[0]}/change/",
    }
    _take_both(site, browser, screens)
    context = _look(site, browser, "light", PHONE)
    for name in ("board", "review"):
        _take_picture(context, screens[name], TARGET / f"{name}-phone.png")
    context.close()


def take_film_frame(site: Site) -> None:
    """Keep a frame of the first film, as it stands in the file."""
    ((file,),) = site.installation.query(
        "SELECT file FROM videogen_film WHERE status = 'done' ORDER BY id LIMIT 1"
    )
    with av.open(str(site.installation.media / file)) as film:
        frame = next(each for each in film.decode(video=0) if each.time >= FRAME_AT_SECONDS)
    data = io.BytesIO()
    frame.to_image().resize((1280, 720), Image.Resampling.LANCZOS).save(data, "PNG")
    _keep(_small(data.getvalue()), TARGET / "film.png")


def _take_both(site: Site, browser: Browser, screens: dict[str, str]) -> None:
    for scheme in ("light", "dark"):
        context = _look(site, browser, scheme, DESK)
        for name, url in screens.items():
            _take_picture(context, url, TARGET / f"{name}-{scheme}.png")
        context.close()


def _look(site: Site, browser: Browser, scheme: str, size: dict[str, int]) -> BrowserContext:
    return site.open_browser(browser, viewport=size, color_scheme=scheme, reduced_motion="reduce")


def _draft(page: Page, story: int, shots: list[int]) -> str:
    page.goto(f"/admin/storybook/story/{story}/board/")
    for shot in shots:
        page.locator(f'input[name="shot"][value="{shot}"]').check()
    page.locator("[data-generate]").click()
    page.wait_for_url("**/plan/")
    return page.url


def _start_batch(page: Page, story: int, shots: list[int]) -> None:
    page.goto(f"{_draft(page, story, shots)}?mode=override&repeat=1")
    button = page.locator('button[name="confirm"]')
    # Else a run before this one has started it.
    if button.is_enabled():
        button.click()
        page.wait_for_url("**/progress/")
        page.locator(".st-badge--blue").filter(visible=True).first.wait_for()


def _take_picture(context: BrowserContext, url: str, file: Path) -> None:
    page = context.new_page()
    page.goto(url, wait_until="load")
    page.evaluate(PICTURES_ARE_THERE)
    data = page.screenshot(animations="disabled", caret="hide")
    page.close()
    _keep(_small(data), file)


def _keep(data: bytes, file: Path) -> None:
    file.write_bytes(data)
    _say(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")


def _small(data: bytes) -> bytes:
    """As a PNG of at most MOST_BYTES, with as few colours as that needs."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    for colours in (None, 256, 128, 64, 32):
        # Coverage: a badge's few pixels keep their colour beside large pictures.
        reduced = (
            picture.quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
            if colours
            else picture
        )
        file = io.BytesIO()
        reduced.save(file, "PNG", optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
