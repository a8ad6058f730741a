"""Every message, read on every page where it occurs."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.urls import resolve

from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, open_links, person
from tests.support.all_states import make_everything
from tests.support.buttons import buttons_of, press
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

    def read_answer(self, button, address, response):
        """What comes after a button was pressed on that page."""
        known = len(self.wrong)
        for message in get_messages(response.wsgi_request):
            for text in texts_of(str(message)):
                self.wrong += [f"{message.level_tag}: {flaw}" for flaw in flaws(text)]
        self.read(response.wsgi_request.get_full_path(), response)
        if response.status_code not in (200, 302):
            self.wrong.append(f"HTTP {response.status_code}")
        told = f"after “{button.words}” of {address}"
        self.wrong[known:] = [f"{told}: {each}" for each in self.wrong[known:]]

    def read_text(self, place, text):
        is_own = resolve(urlsplit(place).path).route in PAGES
        found = flaws(text) if is_own else []
        if names_a_setting(text) and self.role != "superuser":
            found.append(f"a setting is named: {text}")
        # The records of another package call themselves what it likes.
        if OTHER_DATES.search(text) and not place.startswith("/admin/axes/"):
            found.append(f"another form of a date: {text}")
        self.wrong += [f"{place}: {flaw}" for flaw in found]


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


# Records that other packages keep, with Django's own buttons.
OF_OTHERS = ("/admin/auth/", "/admin/axes/", "/admin/django_q/")


@pytest.mark.parametrize("role", [pytest.param("producer", marks=pytest.mark.slow), "superuser"])
def test_the_words_after_every_button(role, world, simulator, log):
    browser, reader = person(role), Reader(role)
    open_links(browser, world)
    pressed = set()

    for address in pages_of(role, world):
        if address.startswith(OF_OTHERS):
            continue
        page, _ = ask(browser, "GET", address)
        for html in parts_of(page):
            for button in buttons_of(html, address):
                if button.key in pressed:
                    continue
                pressed.add(button.key)
                reader.read_answer(button, address, press(browser, button))

    assert not reader.wrong, "\n".join(dict.fromkeys(reader.wrong))
    assert len(pressed) > 100
    assert log()["submissions"] == []


def pages_of(role, world):
    """The addresses to look at. What the admin itself shows of the records is the same for all who
    may see them, so one reader is enough."""
    if role in ("anonymous", "guest"):
        return [each for each in addresses(world) if each.startswith("/share/")]
    if role == "superuser":
        return addresses(world)
    return [each for each in addresses(world) if resolve(urlsplit(each).path).route in PAGES]


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
