"""Which requests are accepted as events of the API: every forgery is sent to the real URL."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from django.db import OperationalError, connection
from django.utils import timezone

from tests.support.event_senders import (
    ADDRESS,
    Sender,
    claims_of,
    encoded,
    headers_of,
    static_headers,
    video_event,
)
from tests.support.factories import make_render, make_shot
from tests.support.far_end import KEY
from tests.support.receivers import new_secret
from videogen.webhooks import signatures

pytestmark = pytest.mark.django_db

SECRET = new_secret()
DOOR = "/events/video/"
GENUINE = Sender()
STRANGER = Sender()


@pytest.fixture(autouse=True)
def nothing_remembered():
    signatures._key_sets.clear()


@pytest.fixture
def keys(far_end, settings):
    """The API's host with its keys, with both kinds of webhooks configured."""
    settings.VIDEO_API_BASE_URL = far_end.url
    settings.VIDEO_SUBMIT_WEBHOOK_URI = ADDRESS
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = SECRET
    far_end.answer(200, {"keys": [GENUINE.jwk]})
    return far_end


@pytest.fixture
def render():
    return make_render(make_shot(), "running", next_poll_at=timezone.now() + timedelta(hours=1))


@pytest.fixture
def post(client):
    def post(body, headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(DOOR, body, content_type="application/json", headers=headers)

    return post


def is_due(render):
    render.refresh_from_db()
    return render.next_poll_at <= timezone.now()


def test_an_event_for_our_address_is_believed(keys, render, post):
    event = video_event(render.operation_name)

    response = post(event, headers_of(GENUINE.token(claims_of(event))))

    assert (response.status_code, response.content) == (204, b"")
    assert is_due(render)
    assert "Set-Cookie" not in response.headers


def test_an_event_of_the_projects_webhook_is_believed(keys, settings, render, post):
    settings.VIDEO_SUBMIT_WEBHOOK_URI = ""
    body = json.dumps(video_event(render.operation_name)).encode()

    assert post(body, static_headers(SECRET, body)).status_code == 204
    assert is_due(render)
    assert keys.requests == []


def test_while_the_secret_changes_both_are_believed(keys, settings, render, post):
    old, new = new_secret(), new_secret()
    body = json.dumps(video_event(render.operation_name)).encode()
    by_old, by_new, by_none = (static_headers(each, body) for each in (old, new, new_secret()))
    both = by_none["webhook-signature"] + " " + by_new["webhook-signature"] + " v2,xyz"
    unreadable_first = "garbage v1,x " + by_new["webhook-signature"]

    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = f"{new} {old}"

    assert post(body, by_old).status_code == 204
    assert post(body, {**by_new, "webhook-signature": both}).status_code == 204
    assert post(body, {**by_new, "webhook-signature": unreadable_first}).status_code == 204
    assert post(body, by_none).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"iss": None},
        {"aud": ["https://elsewhere.example/", ADDRESS]},
        {"iat": None},
        {"exp": None},
        # In a day: this moment is that of the collection, and the test may come much later.
        {"exp": int(time.time()) + 86_400.5},
    ],
    ids=["no aud", "no iss", "several aud", "no iat", "no exp", "exp not a whole number"],
)
def test_claims_that_nobody_promised_need_not_be_there(keys, render, post, changes):
    event = video_event(render.operation_name)

    response = post(event, headers_of(GENUINE.token(claims_of(event, **changes))))

    assert response.status_code == 204


def test_what_only_the_signature_tells_counts(keys, render, post):
    event = video_event(render.operation_name)
    thin = {"type": event["type"], "data": {}}

    assert post(thin, headers_of(GENUINE.token(claims_of(event)))).status_code == 204
    assert is_due(render)


# -- forgeries -------------------------------------------------------------------------------------


def public_pem():
    return GENUINE.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def by_hand(header, claims, key=None):
    text = f"{encoded(header)}.{encoded(claims)}"
    signature = hmac.digest(key, text.encode(), hashlib.sha256) if key else b""
    return f"{text}.{encoded(signature)}"


def swapped(event):
    """Return a token whose signature is genuine, but belongs to other claims."""
    head, _, signature = GENUINE.token(claims_of(event)).split(".")
    other = claims_of(video_event("operations/other"))
    return f"{head}.{encoded(other)}.{signature}"


def signed(**changes):
    return lambda event: headers_of(GENUINE.token(claims_of(event, **changes)))


NOW = time.time()
FORGED = {
    "no headers": lambda event: {},
    "no signature": lambda event: headers_of(""),
    "nonsense": lambda event: headers_of("nonsense"),
    "two parts": lambda event: headers_of("e30.e30"),
    "no base64url": lambda event: headers_of("!.!.!"),
    "a huge signature": lambda event: headers_of("a" * 20_000),
    "no time": lambda event: {**signed()(event), "webhook-timestamp": ""},
    "a strange time": lambda event: {**signed()(event), "webhook-timestamp": "١٢٣"},
    "an endless time": lambda event: {**signed()(event), "webhook-timestamp": "9" * 5000},
    "old": lambda event: headers_of(GENUINE.token(claims_of(event)), ago=310),
    "from the future": lambda event: headers_of(GENUINE.token(claims_of(event)), ago=-310),
    "signed long ago": signed(iat=NOW - 900, exp=NOW + 9000),
    "signed in the future": signed(iat=NOW + 9000, exp=NOW + 9900),
    "expired": signed(iat=None, exp=NOW - 900),
    "not yet valid": signed(nbf=NOW + 9000),
    "no time at all": signed(iat=None, exp=None),
    "a time that is text": signed(exp="2099"),
    "a far time that is text": signed(exp="9999999999"),
    "a time that is true": signed(exp=True),
    "a time without bounds": signed(exp=10**400),
    "another issuer": signed(iss="https://accounts.example"),
    "an issuer that is no text": signed(iss={"a": 1}),
    "another address": signed(aud="https://elsewhere.example/events/video/"),
    "no address of several": signed(aud=["https://elsewhere.example/"]),
    "no event in it": lambda event: headers_of(GENUINE.token(claims_of({}))),
    "another key under the id": lambda event: headers_of(STRANGER.token(claims_of(event))),
    "an unknown key": lambda event: headers_of(Sender("key-2").token(claims_of(event))),
    "a key in the token": lambda event: headers_of(
        STRANGER.token(claims_of(event), jwk=STRANGER.jwk)
    ),
    "an id that is no text": lambda event: headers_of(GENUINE.token(claims_of(event), kid=[1])),
    "no id": lambda event: headers_of(GENUINE.token(claims_of(event), kid=None)),
    "an extension that must be known": lambda event: headers_of(
        GENUINE.token(claims_of(event), crit=["exp"])
    ),
    "an extension that libraries know": lambda event: headers_of(
        GENUINE.token(claims_of(event), crit=["b64"], b64=True)
    ),
    "alg none": lambda event: headers_of(
        by_hand({"alg": "none", "kid": GENUINE.kid}, claims_of(event)) + "AA"
    ),
    "alg none, nothing signed": lambda event: headers_of(
        by_hand({"alg": "none", "kid": GENUINE.kid}, claims_of(event))
    ),
    "HS256 by the public key": lambda event: headers_of(
        by_hand({"alg": "HS256", "kid": GENUINE.kid}, claims_of(event), public_pem())
    ),
    "HS256 by the key's number": lambda event: headers_of(
        by_hand({"alg": "HS256", "kid": GENUINE.kid}, claims_of(event), GENUINE.jwk["n"].encode())
    ),
    "called RS512": lambda event: headers_of(GENUINE.token(claims_of(event), alg="RS512")),
    "other claims under the signature": lambda event: headers_of(swapped(event)),
    "another secret": lambda event: static_headers(new_secret(), json.dumps(event).encode()),
    "another body's signature": lambda event: static_headers(SECRET, b"{}"),
    "an old secret message": lambda event: static_headers(
        SECRET, json.dumps(event).encode(), ago=310
    ),
    "another message's id": lambda event: {
        **static_headers(SECRET, json.dumps(event).encode()),
        "webhook-id": "msg_2",
    },
    "no id of a message": lambda event: static_headers(
        SECRET, json.dumps(event).encode(), message_id=""
    ),
    "a later time put on": lambda event: {
        **static_headers(SECRET, json.dumps(event).encode(), ago=200),
        "webhook-timestamp": str(int(time.time())),
    },
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forgery_changes_nothing_and_learns_nothing(keys, render, post, forge, caplog):
    event = video_event(render.operation_name)

    response = post(event, forge(event))

    assert (response.status_code, response.content) == (401, b"")
    assert not is_due(render)
    [line] = [each for each in caplog.records if each.name.startswith("videogen")]
    assert line.levelno == logging.WARNING
    assert render.operation_name not in line.getMessage()


def test_a_body_that_was_not_signed_is_refused(keys, render, post):
    event = video_event("operations/other")
    told = video_event(render.operation_name)

    assert post(told, headers_of(GENUINE.token(claims_of(event)))).status_code == 401
    assert not is_due(render)


def test_each_way_is_closed_where_it_is_not_configured(keys, settings, render, post):
    event = video_event(render.operation_name)
    body = json.dumps(event).encode()
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = ""
    assert post(body, static_headers(SECRET, body)).status_code == 401
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET, settings.VIDEO_SUBMIT_WEBHOOK_URI = SECRET, ""
    for audience in (ADDRESS, "", None):
        token = GENUINE.token(claims_of(event, aud=audience))
        assert post(body, headers_of(token)).status_code == 401

    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = ""
    assert post(body, static_headers(SECRET, body)).status_code == 404
    assert not is_due(render)


# -- genuine, and yet nothing that can be read -----------------------------------------------------


def deep(levels):
    # The data is valid otherwise, so that it is refused for its depth.
    pile = b"[" * levels + b"]" * levels
    return b'{"type": "video.generated", "data": {}, "pile": ' + pile + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'[{"type": "video.generated", "data": {}}]',
        b"null",
        b'"text"',
        b"{}",
        b'{"type": "video.generated"}',
        b'{"type": "video.generated", "data": []}',
        b'{"type": 1, "data": {}}',
        b'{"type": "video.generated\\u0000", "data": {}}',
        b'{"type": "video.generated", "data": {"id": NaN}}',
        b'{"type": "video.generated", "data": {"id": Infinity}}',
        b'{"type": "video.generated", "data": {"id": "\xff"}}',
        b'{"type": "video.generated", "data": {"n": ' + b"9" * 5000 + b"}}",
        '{"type": "video.generated", "data": {}}'.encode("utf-16"),
        deep(500),
        deep(20_000),
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_a_signed_body_that_is_no_event_is_refused(keys, post, body):
    assert post(body, static_headers(SECRET, body)).status_code == 400


@pytest.mark.parametrize(
    "name",
    ["\x00", "operations/a\x00", "../../secret", "operations/a b", "\ud800", "%", "_", "/", 7, {}]
    + ["operations/" + "a" * 600, None, True],
    ids=ascii,
)
def test_a_name_that_no_row_has_is_no_news(keys, render, post, name):
    body = json.dumps(video_event(name, token="\x00", output_file_uri=name)).encode()

    assert post(body, static_headers(SECRET, body)).status_code == 204
    assert not is_due(render)


def test_what_is_larger_than_any_event_is_not_read(keys, client, render):
    event = video_event(render.operation_name) | {"blank": " " * 70_000}
    body = json.dumps(event).encode()

    response = client.post(
        DOOR, body, content_type="application/json", headers=static_headers(SECRET, body)
    )

    assert response.status_code == 413
    assert not is_due(render)


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options", "patch"])
def test_only_a_post_is_an_event(keys, client, method):
    assert getattr(client, method)(DOOR).status_code == 405


@pytest.mark.parametrize("method", ["get", "post"])
def test_where_nothing_is_configured_nobody_listens(client, method):
    assert getattr(client, method)(DOOR).status_code == 404


def test_a_locked_database_has_it_sent_again(keys, render, post):
    event = video_event(render.operation_name)
    headers = headers_of(GENUINE.token(claims_of(event)))

    def locked(execute, sql, *rest):
        raise OperationalError("database is locked")

    with connection.execute_wrapper(locked):
        assert post(event, headers).status_code == 503

    assert post(event, headers).status_code == 204
    assert is_due(render)


# -- the API's keys --------------------------------------------------------------------------------


def test_keys_are_asked_for_once_at_the_apis_host_without_our_key(keys, render, post):
    event = video_event(render.operation_name)

    for _ in range(3):
        assert post(event, headers_of(GENUINE.token(claims_of(event)))).status_code == 204

    [(method, path, headers, _)] = keys.requests
    assert (method, path) == ("GET", "/.well-known/jwks.json")
    assert KEY not in str(headers)
    assert "x-goog-api-key" not in headers and "cookie" not in headers


def test_ids_that_somebody_makes_up_do_not_make_us_ask(keys, post):
    event = video_event("operations/a")

    for number in range(5):
        token = STRANGER.token(claims_of(event), kid=f"made-up-{number}")
        assert post(event, headers_of(token)).status_code == 401

    assert len(keys.requests) == 1


def test_a_new_key_is_found_after_a_minute(keys, far_end, post, monkeypatch):
    event, new = video_event("operations/a"), Sender("key-2")
    headers = headers_of(new.token(claims_of(event)))
    assert post(event, headers).status_code == 401
    far_end.answers[:] = []
    far_end.answer(200, {"keys": [GENUINE.jwk, new.jwk]})
    assert post(event, headers).status_code == 401

    monkeypatch.setattr(signatures, "PAUSE", 0.0)

    assert post(event, headers).status_code == 204
    assert len(far_end.requests) == 2


def test_keys_grow_old(keys, far_end, post, monkeypatch):
    event = video_event("operations/a")
    headers = headers_of(GENUINE.token(claims_of(event)))
    assert post(event, headers).status_code == 204
    far_end.answers[:] = []
    far_end.answer(200, {"keys": []})

    monkeypatch.setattr(signatures, "PAUSE", 0.0)
    monkeypatch.setattr(signatures, "LIFETIME", 0.2)
    time.sleep(0.25)

    assert post(event, headers).status_code == 401
    assert len(far_end.requests) == 2


UNUSABLE = {
    "away": (503, {}),
    "a redirect": (302, {}),
    "no JSON": (200, b"<html>"),
    "no list": (200, {"keys": {}}),
    "too much": (200, b" " * 70_000),
}


@pytest.mark.parametrize(("status", "body"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_without_keys_it_is_sent_again(keys, start_far_end, render, post, status, body):
    elsewhere = start_far_end()
    elsewhere.answer(200, {"keys": [GENUINE.jwk]})
    keys.answers[:] = []
    keys.answer(status, body, Location=f"{elsewhere.url}/.well-known/jwks.json")
    event = video_event(render.operation_name)

    for _ in range(2):
        response = post(event, headers_of(GENUINE.token(claims_of(event))))
        assert response.status_code == 503

    assert not is_due(render)
    assert len(keys.requests) == 1
    assert elsewhere.requests == []


def test_a_key_set_that_tells_too_much_still_verifies(keys, render, post):
    """Fields that a public key does not need are ignored."""
    keys.answers[:] = []
    strange = {**STRANGER.jwk, "kid": "strange", "kty": ["RSA"]}
    keys.answer(200, {"keys": [strange, None, {**GENUINE.jwk, "d": "AQAB", "x5c": [1]}]})
    event = video_event(render.operation_name)

    assert post(event, headers_of(GENUINE.token(claims_of(event)))).status_code == 204


WEAK = Sender("weak", bits=1024)


@pytest.mark.parametrize(
    "jwk",
    [
        {**GENUINE.jwk, "kty": "oct", "k": "c2VjcmV0"},
        {**GENUINE.jwk, "use": "enc"},
        {**GENUINE.jwk, "alg": "HS256"},
        {**GENUINE.jwk, "alg": ["RS256"]},
        {**GENUINE.jwk, "n": "!"},
        {**GENUINE.jwk, "e": "AA"},
        {**GENUINE.jwk, "n": None},
        "text",
        {**WEAK.jwk, "kid": GENUINE.kid},
    ],
    ids=["oct", "enc", "HS256", "alg a list", "n !", "e 0", "no n", "text", "1024 bits"],
)
def test_a_key_that_is_none_verifies_nothing(keys, render, post, jwk):
    keys.answers[:] = []
    keys.answer(200, {"keys": [jwk]})
    event = video_event(render.operation_name)
    signer = WEAK if isinstance(jwk, dict) and jwk["n"] == WEAK.jwk["n"] else GENUINE
    token = signer.token(claims_of(event), kid=GENUINE.kid)

    assert post(event, headers_of(token)).status_code == 401


def test_keys_are_not_taken_from_an_open_line(keys, settings, render, post):
    settings.VIDEO_API_BASE_URL = "http://api.example"
    event = video_event(render.operation_name)

    assert post(event, headers_of(GENUINE.token(claims_of(event)))).status_code == 503
    assert not is_due(render)
