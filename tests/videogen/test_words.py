"""Every message, read on every page where it occurs."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import httpx
import pytest
from django.urls import resolve

from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, open_links, person
from tests.support.all_states import make_everything
from tests.support.permission_table import PAGES
from tests.support.wording import flaws, texts_of
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


def test_the_words_and_dates_of_every_page():
    world = make_everything("The server gave up after four tries.", name="ada", errors=ERRORS)
    browser = open_links(person("superuser"), world)

    wrong = []
    for address in addresses(world):
        is_own = resolve(urlsplit(address).path).route in PAGES
        response, _ = ask(browser, "GET", address)
        for text in {text for html in parts_of(response) for text in texts_of(html)}:
            if is_own:
                wrong += [f"{address}: {flaw}" for flaw in flaws(text)]
            # The records of another package call themselves what it likes.
            if OTHER_DATES.search(text) and not address.startswith("/admin/axes/"):
                wrong.append(f"{address}: another form of a date: {text}")

    assert not wrong, "\n".join(dict.fromkeys(wrong))


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
