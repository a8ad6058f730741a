"""A running installation and a Chromium for the tests of this folder. A test fails when its pages
complain: on a console error, an uncaught exception, a failed request of ours or anything that the
Content-Security-Policy refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.support.chromium import NoChromium, running_chromium
from tests.support.site import Site

TELL_REFUSALS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`);
});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if __package__ in item.nodeid.replace("/", "."):
            item.add_marker(pytest.mark.browser)


# Ends with the last test of the folder: while Playwright runs, Django takes the thread for an
# asynchronous one and refuses it the database.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    try:
        with running_chromium() as browser:
            yield browser
    except NoChromium as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def site(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.prepare(migrated_database)
        site.start("--latency=0.3")
        yield site
    finally:
        site.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the pages complained of; a test that provokes some takes them out."""
    complaints: list[str] = []
    yield complaints
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def open_browser(
    chromium: Browser, site: Site, complaints: list[str]
) -> Iterator[Callable[..., BrowserContext]]:
    """open_browser(**options of the context): somebody in a browser of their own, who is logged in
    unless `is_guest` is given."""
    contexts: list[BrowserContext] = []

    def open_browser(*, is_guest: bool = False, **options: object) -> BrowserContext:
        options = {"viewport": {"width": 1440, "height": 900}} | options
        if is_guest:
            context = chromium.new_context(base_url=site.url, **options)
        else:
            context = site.open_browser(chromium, **options)
        context.add_init_script(TELL_REFUSALS)
        context.on("page", lambda page: _listen(page, complaints))
        contexts.append(context)
        return context

    yield open_browser
    for context in contexts:
        context.close()


def _listen(page: Page, complaints: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            source = message.location.get("url", "")
            complaints.append(f"{page.url}: {message.type}: {message.text} {source}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("crash", lambda _: complaints.append(f"{page.url}: crashed"))


@pytest.fixture
def page(open_browser: Callable[..., BrowserContext]) -> Page:
    return open_browser().new_page()
