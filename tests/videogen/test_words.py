"""Every message, read on every page where it occurs."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import resolve

from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, open_links, person
from tests.support.all_states import make_everything
from tests.support.bundles import picture, zip_bundle
from tests.support.buttons import presses
from tests.support.clips import write_clip
from tests.support.permission_table import PAGES
from tests.support.wording import flaws, names_a_setting, texts_of
from videogen.models import VideoRender
from videogen.providers.errors import (
    cancel_error,
    list_error,
    poll_error,
    status_error,
    submit_error,
)

pytestmark = pytest.mark.django_db

State = VideoRender.State

LOST = httpx.RemoteProtocolError("Server disconnected without sending a response.")
# What the product says of real failures.
ERRORS = {
    State.UNKNOWN: submit_error(LOST).sentence,
    State.INTERRUPTED: poll_error(httpx.ReadTimeout("")).sentence,
    State.NOT_DOWNLOADED: "The server refuses the download (HTTP 403).",
}


# A moment in another form than "29 Nov 2026, 23:05": with the month as a number, its whole name, or
# an American clock.
OTHER_DATES = re.compile(
    r"\b\d{4}-\d\d-\d\d \d\d:\d\d|\b(?:a|p)\.m\.|\b[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}\b"
    r"|\b\d{1,2} (?:January|February|March|April|June|July|August|September|October|November|"
    r"December)\b"
)


@pytest.fixture
def world():
    return make_everything("The server gave up after four tries.", name="ada", errors=ERRORS)


class Reader:
    """Reads pages as somebody with that role, and keeps what is wrong with their words."""

    def __init__(self, role):
        self.role = role
        self.wrong = []
        self._read = set()
        places = (settings.MEDIA_ROOT, settings.STATE_DIR, settings.BASE_DIR)
        self._places = [str(each) for each in places]

    def read(self, place, response):
        for html in parts_of(response):
            if any(each in html for each in self._places):
                self.wrong.append(f"{place}: a folder of the server")
            for text in set(texts_of(html)) - self._read:
                self._read.add(text)
                self.read_text(place, text)

    def read_text(self, place, text):
        is_own = resolve(urlsplit(place).path).route in PAGES
        found = flaws(text) if is_own else []
        if names_a_setting(text) and self.role != "superuser":
            found.append(f"a setting is named: {text}")
        # The records of another package call themselves what it likes.
        if OTHER_DATES.search(text) and not place.startswith("/admin/axes/"):
            found.append(f"another form of a date: {text}")
        self.wrong += [f"{place}: {flaw}" for flaw in found]

    def read_messages(self, place, response):
        """What the next page would tell of what was done."""
        told = [str(each) for each in get_messages(response.wsgi_request)]
        for text in told:
            found = flaws(text)
            if any(each in text for each in self._places):
                found.append(f"a folder of the server: {text}")
            self.wrong += [f"{place}: {flaw}" for flaw in found]
        return set(told)


@pytest.mark.parametrize(
    "role",
    [
        "anonymous",
        "guest",
        "viewer",
        pytest.param("artist", marks=pytest.mark.slow),
        pytest.param("producer", marks=pytest.mark.slow),
        "superuser",
    ],
)
def test_the_words_and_dates_of_every_page(role, world):
    browser, reader = person(role), Reader(role)
    if role in ("guest", "superuser"):
        open_links(browser, world)

    for address in pages_of(role, world):
        response, _ = ask(browser, "GET", address)
        reader.read(address, response)

    assert not reader.wrong, "\n".join(dict.fromkeys(reader.wrong))


def pages_of(role, world):
    """The addresses to look at. What the admin itself shows of the records is the same for all who
    may see them, so one reader is enough."""
    if role in ("anonymous", "guest"):
        return [each for each in addresses(world) if each.startswith("/share/")]
    if role == "superuser":
        return addresses(world)
    return [each for each in addresses(world) if resolve(urlsplit(each).path).route in PAGES]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "buttons", "answers"), [("anonymous", 1, 0), ("guest", 2, 0), ("producer", 60, 60)]
)
def test_the_words_of_what_every_button_answers(role, buttons, answers, world, tmp_path):
    browser, reader = person(role), Reader(role)
    if role == "guest":
        open_links(browser, world)
    files = {
        "video": ("own.mp4", write_clip(tmp_path / "own.mp4")),
        "picture": ("ada.png", picture()),
        "bundle": ("my-story.zip", zip_bundle(tmp_path / "story.zip").read_bytes()),
    }
    found, told = {}, set()

    pages = addresses(world) if role == "producer" else pages_of(role, world)
    for address in (each for each in pages if not each.endswith(("/history/", "/delete/"))):
        response, _ = ask(browser, "GET", address)
        _note_buttons(found, response, address)
    waiting = list(found.values())
    while waiting:
        known = len(found)
        _press(browser, reader, waiting.pop(), files, told, found)
        # An answer may have buttons of its own, such as the report before an import.
        waiting += list(found.values())[known:]

    assert not reader.wrong, "\n".join(dict.fromkeys(reader.wrong))
    assert len(found) >= buttons
    assert len(told) >= answers


def _note_buttons(found, response, address):
    for press in (each for html in parts_of(response) for each in presses(html, address)):
        found.setdefault(press.kind, press)


def _press(browser, reader, press, files, told, found):
    """Press it in every way, each on an untouched world. `told` are the messages so far, `found`
    the buttons."""
    # (Pressed twice: the second time, the page is older than what is stored.)
    ways = [[press, press], *([each] for each in press.variants)]
    for presses_of_way in ways:
        cookies = dict(browser.cookies)
        with transaction.atomic():
            for way in presses_of_way:
                made = {name: SimpleUploadedFile(*each) for name, each in files.items()}
                response = browser.post(way.address, way.data(made))
                if response.streaming:
                    response.close()
                    continue
                place = way.address.partition("?")[0]
                if response.status_code >= 500:
                    reader.wrong.append(f"{place} ({way.button}): HTTP {response.status_code}")
                reader.read(place, response)
                messages = reader.read_messages(place, response)
                if response.status_code == 302 and messages - told:
                    # What is told is told there, once.
                    reader.read(response.url.partition("#")[0], browser.get(response.url))
                told |= messages
                _note_buttons(found, response, place)
            transaction.set_rollback(True)
        browser.cookies.clear()
        browser.cookies.update(cookies)


NO_ANSWER = [LOST, httpx.ReadTimeout(""), httpx.ConnectError("Connection refused.")]
REFUSALS = [
    (400, "Request contains an invalid argument."),
    (403, "API key not valid. Please pass a valid API key."),
    (404, "models/veo-9 is not found for API version v1beta."),
    (429, "Your prepayment credits are depleted."),
    (429, "You exceeded your current quota, please check your plan"),
    (500, "An internal error has occurred."),
    (503, "The model is overloaded. Please try again later"),
]


@pytest.mark.parametrize("read", [submit_error, poll_error, cancel_error, list_error])
@pytest.mark.parametrize("failure", [*NO_ANSWER, *REFUSALS], ids=str)
def test_what_a_failure_means_is_said_in_whole_sentences(read, failure):
    if isinstance(failure, tuple):
        code, words = failure
        body = json.dumps({"error": {"code": code, "message": words, "status": "X"}})
        failure = status_error(code, httpx.Headers(), body.encode())

    sentence = read(failure).sentence

    assert not flaws(sentence)
    assert sentence.endswith(".")
