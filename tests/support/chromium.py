"""Where a Chromium is, for the browser tests and the screenshots.

In this order: CHROMIUM in the environment, the system's, Debian's package where we may install it,
Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "Install Chromium, or name its program in CHROMIUM."


class NoChromium(Exception):
    pass


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless browser; NoChromium where there is none and none can be had."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright))
        try:
            yield browser
        finally:
            browser.close()


def find_chromium(playwright: Playwright) -> str:
    if named := os.environ.get("CHROMIUM"):
        if path := shutil.which(named):
            return path
        raise NoChromium(f"CHROMIUM={named} is no program. {ADVICE}")
    if path := _systems():
        return path
    own = playwright.chromium.executable_path
    if os.path.exists(own):
        return own
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        apt = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "--quiet", "--yes"]
        _try([*apt, "update"])
        _try([*apt, "install", "--no-install-recommends", "chromium"])
        if path := _systems():
            return path
    _try([sys.executable, "-m", "playwright", "install", "chromium"])
    if os.path.exists(own):
        return own
    raise NoChromium(f"There is no Chromium, and none could be installed. {ADVICE}")


def _systems() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _try(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Standard input at its end: whoever asks a question gets no answer instead of waiting.
    subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=600,
        check=False,
    )
