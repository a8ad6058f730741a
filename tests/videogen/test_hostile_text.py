"""Words from outside (a bundle, the API, a person) are text on every page, whatever they say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.urls import resolve
from django.utils import timezone

from storybook.importer.story import import_story
from storybook.models import Story
from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, open_links, person
from tests.support.all_states import SHOTS, make_everything
from tests.support.bundles import picture, scenelet, shot, write_bundle
from tests.support.permission_table import BUTTON, PAGES
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db

State = VideoRender.State

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
# Turns what follows it around, on the whole line unless something holds it back.
OVERRIDE = "\u202e"
NASTY = f"\"'>{MARKUP}{{{{ 7 }}}}{{% now %}}[/b]{OVERRIDE}cod.exe \u05e9\u05dc\u05d5\u05dd"

# What holds it back: <bdi> and what has a direction of its own, and what holds no other text.
ISOLATING = {"bdi", "title", "option", "textarea", "pre", "script", "h1"}


@pytest.fixture
def story(tmp_path):
    """Imported from a bundle in which every text is hostile."""
    frame = "s/<img src=x onerror=alert(3)>.png"
    shots = [
        shot(
            number,
            key_frame_image_path=frame,
            storyboard_payload={
                NASTY: NASTY,
                "compositionAndContent": NASTY,
                "referencedDesigns": {"characters": [NASTY], "environments": [NASTY]},
                "audioAndNarrative": [{"type": NASTY, "source": NASTY, "line": NASTY}],
            },
        )
        for number in range(1, len(SHOTS) + 1)
    ]
    texts = ("title", "description", "choice_label", "choice_prompt")
    document = {
        "story_id": NASTY,
        "title": NASTY,
        "visual_design_document": {
            "global_aesthetic": {NASTY: NASTY},
            "character_designs": [
                {
                    "character_id": NASTY,
                    "character_name": NASTY,
                    "character_model_sheet_image_path": f"no/{NASTY}.png",
                }
            ],
            "environment_designs": [{"environment_name": NASTY, "environment_id": NASTY}],
        },
        "audio_design_document": {"sonic_identity": {"sound_effect_philosophy": NASTY}},
        "scenelets": [
            scenelet(1, shots=shots, scenelet_id=NASTY, **dict.fromkeys(texts, NASTY)),
            scenelet(2, shots=[], parent_scenelet_id=NASTY, **dict.fromkeys(texts, NASTY)),
        ],
    }
    bundle = write_bundle(tmp_path / "bundle", document, {frame: picture()})
    import_story(bundle)
    return Story.objects.get()


def test_everything_of_a_hostile_story_is_text_on_every_page(story):
    browser = person("superuser")
    world = make_everything(NASTY, story)
    open_links(browser, world)
    shown = set()

    wrong = []
    for address in addresses(world):
        response, _ = ask(browser, "GET", address)
        assert response.status_code < 500, address
        for html in parts_of(response):
            route = resolve(urlsplit(address).path).route
            # Django's own record pages escape, and that is all that they do about it.
            harm = harm_in(html) if route in PAGES else scripts_in(html)
            wrong += [f"{address}: {each}" for each in harm]
            if "&lt;script&gt;alert(1)" in html:
                shown.add(route)

    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert "share/<str:token>/" in shown
    own = {route for route in PAGES if route.startswith(("admin/storybook", "admin/videogen"))}
    buttons = {route for route in own if PAGES[route][0] == BUTTON}
    # Files for other programs, a page on which nothing of a story stands yet, an address that only
    # leads on; and a take of the standard model leads back to where it is.
    assert own - buttons - shown == {
        "admin/storybook/story/<int:pk>/export/",
        "admin/storybook/story/archived/",
        "admin/storybook/story/import/",
        "admin/videogen/submission/export/",
        "admin/videogen/submission/spending/<slug:by>.csv",
        "admin/videogen/videorender/shots/<int:shot_id>/<int:render_id>/promote/",
        "admin/videogen/videorender/unsettled/",
    }


def test_an_archived_story_is_text_on_every_page(story):
    browser = person("superuser")
    Story.objects.update(archived_at=timezone.now())

    for address in ("/admin/storybook/story/archived/", f"/admin/?moved={story.pk}"):
        html = browser.get(address).text
        assert "&lt;script&gt;alert(1)" in html
        assert list(harm_in(html)) == [], address


@pytest.mark.parametrize(
    ("at", "fault", "state"),
    [
        ("submit", "invalid_argument", State.FAILED),
        ("done", "error", State.FAILED),
        ("done", "blocked", State.BLOCKED),
    ],
)
def test_what_the_api_says_is_text_on_every_page(simulator, fail, story, at, fault, state, capsys):
    fail(at, fault, message=NASTY + "\x1b[2J\r\n", codes=[])
    browser = person("superuser")

    with pytest.raises(SystemExit):
        call_command(
            "run_task",
            "--task=CREATE_SHOT_VIDEO",
            f"--story-id={story.story_id}",
            "--shot-index=1",
            "--wait",
        )

    render = VideoRender.objects.get()
    out, err = capsys.readouterr()
    assert render.state == state
    assert MARKUP in render.error_message + str(render.error_details)
    assert "\x1b[2J" not in out + err + render.error_message
    records = [
        f"/admin/videogen/videorender/{render.pk}/change/",
        "/admin/videogen/videorender/",
        "/admin/videogen/submission/",
    ]
    pages = [
        f"/admin/videogen/renderbatch/{render.batch_id}/progress/",
        f"/admin/storybook/shot/{render.shot_id}/takes/",
        f"/admin/storybook/story/{story.pk}/board/",
        "/admin/",
    ]
    for address in records + pages:
        [html] = parts_of(browser.get(address))
        assert list(scripts_in(html) if address in records else harm_in(html)) == [], address


def harm_in(html):
    """What a browser would run, or show turned around, in this page."""
    reader = _Reader()
    reader.feed(html)
    yield from scripts_in(html)
    yield from reader.turned


def scripts_in(html):
    if re.search(r"<script(?![^>]*\bsrc=|[^>]*\btype=.application/json)[^>]*>", html):
        yield "a script"
    if "<img src=x" in html:
        yield "an element of somebody else's"
    reader = _Reader()
    reader.feed(html)
    yield from reader.handlers


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.handlers, self.turned = [], []
        self._open = []

    def handle_starttag(self, tag, attributes):
        names = {name for name, _ in attributes}
        # (Out of the line, for screen readers.)
        is_hidden = "visually-hidden" in (dict(attributes).get("class") or "")
        self.handlers += [f"<{tag} {name}>" for name in names if name.startswith("on")]
        is_isolating = is_hidden or tag in ISOLATING or (tag != "html" and "dir" in names)
        if tag not in ("img", "br", "input", "link", "meta", "hr", "source", "col", "wbr"):
            self._open.append((tag, is_isolating))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        if OVERRIDE in text and not any(isolating for _, isolating in self._open):
            inside = [tag for tag, _ in self._open[-3:]]
            self.turned.append(f"not held in <bdi>: {inside} {text[:40]!r}")
