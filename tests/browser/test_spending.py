"""The page about money where videos are paid: on a desk and a phone, light and dark, and without
JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, expect

from tests.support.axe import END_TRANSITIONS, OWN_RULES, SIZES
from tests.support.site import Site

SPENDING = "/admin/videogen/submission/spending/"
# Two stories over three days: approved, rejected for two reasons, one in flight, one unknown.
BOOKS = """
from datetime import timedelta
from django.utils import timezone
from storybook.models import Story
from tests.support.factories import State, force, make_render, make_story, shots_of
now = timezone.now()
for number, name in enumerate(("one", "two"), 1):
    story = make_story(name, shots=5)
    Story.objects.filter(pk=story.pk).update(title="Donaudampfschifffahrtsgesellschaft " * number)
    shots = list(shots_of(story).select_related("scenelet__story"))
    for index, shot in enumerate(shots[:4]):
        at = now - timedelta(days=index % 3)
        take = make_render(shot, State.DONE, backend="gemini", submission={"claimed_at": at})
        verdict = "approved" if index % 2 else "rejected"
        reasons = "" if index % 2 else "face,lip_sync"
        force(take, review=verdict, review_reasons=reasons, reviewed_at=now, queued_at=at)
    open_state = State.RUNNING if number == 1 else State.UNKNOWN
    make_render(shots[4], open_state, backend="gemini", price_estimate_usd="3.20")
"""


@pytest.fixture(scope="module")
def site(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Site]:
    """The ledger is filled by hand: nothing is sent, and there is no worker."""
    paid = {"VIDEO_BACKEND": "gemini", "VIDEO_BUDGET_USD": "40", "VIDEO_RECONCILE_MINUTES": "0"}
    site = Site(tmp_path_factory.mktemp("spending"), **paid)
    try:
        site.prepare(migrated_database)
        site.installation.manage("shell", "-v0", "-c", BOOKS)
        site.start_server()
        yield site
    finally:
        site.close()


@pytest.mark.parametrize("size", SIZES)
def test_in_both_schemes_it_fits_and_axe_finds_nothing(
    open_browser: Callable[..., BrowserContext], size: str
) -> None:
    width, height = SIZES[size]
    page = open_browser(viewport={"width": width, "height": height}).new_page()
    page.goto(SPENDING)
    expect(page.locator("[data-burn-down]")).to_be_visible()
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(END_TRANSITIONS)
        for each in Axe().run(page, options=OWN_RULES).response["violations"]:
            found += [f"{scheme}: {each['id']}: {node['target']}" for node in each["nodes"]]

    assert not found, "\n".join(found)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_it_is_read_and_filtered_without_javascript(
    open_browser: Callable[..., BrowserContext],
) -> None:
    page = open_browser(java_script_enabled=False).new_page()
    page.goto(SPENDING)
    assert page.locator("[data-spent]").first.inner_text() == "$25.60"
    assert page.locator("[data-open]").first.inner_text() == "$6.40"
    page.locator("[data-burn-down] summary").click()
    days = page.locator("[data-day-left]")
    assert days.last.inner_text() == "$14.40 left"

    page.locator("select[name=story]").select_option(index=1)
    page.get_by_role("button", name="Show").click()

    assert page.locator("[data-spent]").first.inner_text() == "$12.80"
    page.get_by_role("link", name="Show everything").click()
    assert page.locator("[data-spent]").first.inner_text() == "$25.60"
