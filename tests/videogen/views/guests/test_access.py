"""Who opens a link, and what the answer is to everybody else."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.factories import make_story, shots_of
from tests.support.guests import make_link, make_stored_take
from videogen.models import GuestLink
from videogen.models.guest_links import MOST_TRIES
from videogen.views.guests.page import guest_page

pytestmark = pytest.mark.django_db

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "private, no-store",
}


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture
def story():
    story = make_story()
    make_stored_take(shots_of(story).get())
    return story


@pytest.fixture
def guest():
    return Client()


def answer(response):
    """All that tells one answer from another."""
    return response.status_code, response.getvalue(), sorted(response.headers.items())


def clip(story):
    return f"clips/{shots_of(story).get().pk}.mp4"


def flipped(token):
    """The token with one bit of one character another."""
    return chr(ord(token[0]) ^ 1) + token[1:]


@pytest.mark.slow
def test_ten_thousand_wrong_tokens_are_answered_alike(guest, rf, story):
    """By the view itself, which takes a tenth of the time; a hundred by the whole stack."""
    _, token = make_link(story)
    wanted = answer(guest.get(f"/share/{secrets.token_urlsafe(32)}/"))
    status, body, _ = wanted

    tokens = [secrets.token_urlsafe(32) for _ in range(10_000)]
    answers = Counter(answer(guest_page(rf.get("/"), token=each))[:2] for each in tokens)
    through_all = Counter(map(str, (answer(guest.get(f"/share/{x}/")) for x in tokens[:100])))

    assert status == 404
    assert answers == {(status, body): 10_000}
    assert through_all == {str(wanted): 100}
    assert guest.get(f"/share/{token}/").status_code == 200


@pytest.mark.parametrize("rest", ["", "film.mp4", "clip", "captions/1.vtt", "no/such/page"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_near_misses_revoked_and_expired_links_are_answered_alike(guest, story, rest, method):
    link, token = make_link(story)
    revoked, revoked_token = make_link(story)
    revoked.revoke()
    _, expired_token = make_link(story, expires_at=timezone.now() - timedelta(seconds=1))
    _, locked_token = make_link(story, passphrase="open sesame")
    rest = clip(story) if rest == "clip" else rest
    ask = getattr(guest, method)
    wanted = answer(ask(f"/share/{secrets.token_urlsafe(32)}/{rest}"))

    near = [
        flipped(token),
        token.swapcase(),
        token.upper(),
        token[:-1],
        f"{token}A",
        f"{token}=",
        f"%20{token}",
        "%2e%2e",
        "%ff",
        "é",
        hashlib.sha256(token.encode()).hexdigest(),
        link.token_sha256,
        str(link.pk),
        revoked_token,
        expired_token,
    ]
    if rest:
        near.append(locked_token)

    assert wanted[0] == 404
    assert [each for each in near if answer(ask(f"/share/{each}/{rest}")) != wanted] == []


def test_a_token_that_is_encoded_for_a_url_is_the_same_token(guest, story):
    _, token = make_link(story)

    assert guest.get("/share/" + "".join(f"%{ord(char):02x}" for char in token) + "/").context


def test_a_lost_slash_is_added_for_everybody(guest, story):
    _, token = make_link(story)
    for each in (token, "wrong"):
        response = guest.get(f"/share/{each}")
        assert (response.status_code, response.url) == (302, f"/share/{each}/")


def test_only_the_hash_of_the_token_is_stored(story):
    link, token = make_link(story, passphrase="open sesame")

    stored = str(GuestLink.objects.filter(pk=link.pk).values().get())
    assert len(token) == 43
    assert token not in stored and "open sesame" not in stored
    assert hashlib.sha256(token.encode()).hexdigest() in stored


def test_every_answer_keeps_out_of_caches_logs_and_indexes(guest, story):
    _, token = make_link(story)
    for path in (f"{token}/", f"{token}/{clip(story)}", "wrong/", f"{token}/clips/9.mp4"):
        response = guest.get(f"/share/{path}")
        assert {name: response[name] for name in HEADERS} == HEADERS, path
        response.close()


def test_a_guest_gets_no_session(guest, story):
    _, token = make_link(story, passphrase="open sesame", allows_notes=True)
    guest.get(f"/share/{token}/")
    guest.post(f"/share/{token}/", {"passphrase": "open sesame"})
    guest.post(f"/share/{token}/", {"text": "Lovely."})

    assert [name for name in guest.cookies if not name.startswith("guest_link_")] == []


def test_a_link_closes_at_once(guest, story):
    link, token = make_link(story)
    assert guest.get(f"/share/{token}/").status_code == 200

    assert link.revoke()

    for path in ("", clip(story)):
        assert guest.get(f"/share/{token}/{path}").status_code == 404
    assert not link.revoke()


def test_a_link_ends(guest, story, time_machine):
    link, token = make_link(story)
    time_machine.move_to(link.expires_at - timedelta(seconds=1), tick=False)
    assert guest.get(f"/share/{token}/").status_code == 200

    time_machine.move_to(link.expires_at, tick=False)

    assert guest.get(f"/share/{token}/").status_code == 404


# -- the passphrase


@pytest.fixture
def locked(story):
    return make_link(story, passphrase="open sesame")


def give(browser, token, passphrase):
    return browser.post(f"/share/{token}/", {"passphrase": passphrase})


def test_nothing_is_seen_before_the_passphrase(guest, story, locked):
    _, token = locked
    page = guest.get(f"/share/{token}/")

    assert str(story) not in page.text and "data-player" not in page.text
    assert guest.get(f"/share/{token}/{clip(story)}").status_code == 404
    wrong = give(guest, token, "open the door")
    assert wrong.context["problem"] == "That is not the passphrase."
    assert guest.get(f"/share/{token}/{clip(story)}").status_code == 404


def test_the_passphrase_opens_the_link_for_this_browser(guest, story, locked):
    _, token = locked
    response = give(guest, token, " open sesame ")

    assert response.status_code == 302
    cookie = response.cookies[f"guest_link_{locked[0].pk}"]
    assert (cookie["path"], cookie["httponly"]) == (f"/share/{token}/", True)
    assert guest.get(f"/share/{token}/").context["player"]
    file = guest.get(f"/share/{token}/{clip(story)}")
    assert file.status_code == 200
    file.close()
    assert "player" not in Client().get(f"/share/{token}/").context


def test_the_cookie_of_one_link_opens_no_other(guest, story, locked):
    other, other_token = make_link(story, passphrase="another one")
    cookie = give(guest, locked[1], "open sesame").cookies[f"guest_link_{locked[0].pk}"]

    guest.cookies[f"guest_link_{other.pk}"] = cookie.value

    assert "player" not in guest.get(f"/share/{other_token}/").context


def test_guessing_has_to_wait_wherever_it_comes_from(locked, time_machine):
    _, token = locked
    time_machine.move_to(timezone.now(), tick=False)
    for number in range(MOST_TRIES):
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")
        assert give(browser, token, f"guess {number}").status_code == 200

    # Not even the right one is looked at.
    response = give(Client(REMOTE_ADDR="192.0.2.99"), token, "open sesame")

    assert (response.status_code, response["Retry-After"]) == (429, "900")
    time_machine.shift(timedelta(minutes=15))
    assert give(Client(), token, "open sesame").status_code == 302


def test_those_who_know_it_do_not_keep_each_other_out(locked):
    for _ in range(2 * MOST_TRIES):
        assert give(Client(), locked[1], "open sesame").status_code == 302


def test_other_links_are_not_concerned(story, locked):
    other, token = make_link(story, passphrase="another one")
    GuestLink.objects.exclude(pk=other.pk).update(tries=MOST_TRIES, tries_since=timezone.now())

    assert give(Client(), locked[1], "open sesame").status_code == 429
    assert give(Client(), token, "another one").status_code == 302


# -- logs


def test_the_token_is_in_no_log(story, caplog, settings):
    for name in ("django", "django.request", "videogen", "storybook"):
        caplog.set_level(logging.DEBUG, name)
    _, token = make_link(story)
    browser = Client(raise_request_exception=False)

    browser.get(f"/share/{token}/no/such/page")
    browser.post(f"/share/{token}/clips/1.mp4")
    browser.get(f"/share/{token}/?x=%00")
    GuestLink.objects.update(frozen_takes=[], is_frozen=True)
    broken = browser.get(f"/share/{token}/")

    assert broken.status_code == 500
    assert "/share/[link]/no/such/page" in caplog.text
    assert token not in caplog.text and token not in broken.text
