"""Verifies that a request is a genuine event of the API. Only what the signature covers counts.

An event comes from one of two kinds of webhooks. A webhook that was registered for the whole
project is signed with its secret, as in Standard Webhooks. At the address that a submission named,
webhook-signature is a JWT (RS256) that contains the event. This follows
https://ai.google.dev/gemini-api/docs/webhooks, except for the JWT's claims, of which that page
shows only an audience: `iss`, `aud`, `iat`, `nbf` and `exp` are checked if they are there, and
`iat` or `exp` has to be there.

PyJWT reads and verifies the JWT, for one algorithm only: nothing that a sender writes chooses how
it is verified. What PyJWT does not check is checked here: times that are not numbers or have no
bounds, a token that is too old, and the issuer and the address if there are any.

The public keys of the API are at /.well-known/jwks.json of the API's own host. They are fetched
only from there, over TLS (except from this machine) and without our key, and are kept for an hour.
An unknown key id has them fetched again, but at most once a minute, so that made-up ids cannot make
us ask all the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings

from videogen.common.addresses import is_encrypted_or_local
from videogen.common.errors import EventError
from videogen.common.proxies import open_http
from videogen.common.standard_webhooks import is_signed, keys_of
from videogen.common.untrusted_text import clean
from videogen.providers.response_limits import read_body

from .payloads import Event, parse_object, read_event

if TYPE_CHECKING:
    from jwt import PyJWK

# How many seconds old an event may be, and how far its clock may be from ours.
TOLERANCE = 300
MAX_SIGNATURE = 16 * 1024
ISSUER = "https://generativelanguage.googleapis.com"


def is_listening() -> bool:
    """Whether anything is configured with which an event could be verified."""
    return bool(settings.VIDEO_SUBMIT_WEBHOOK_URI or settings.VIDEO_RECEIVE_WEBHOOK_SECRET)


def genuine_event(headers: Mapping[str, str], body: bytes) -> Event:
    """Return the event. Raises EventError: not_genuine, bad_event (genuine, but not readable), or
    no_keys."""
    given = headers.get("webhook-signature", "")
    if not given or len(given) > MAX_SIGNATURE or not given.isascii():
        raise _forged("it has no signature")
    timestamp = _timestamp(headers.get("webhook-timestamp", ""))
    # A JWT has no comma, while the other kind of signature begins with "v1,".
    if "," in given:
        _check_secret(headers.get("webhook-id", ""), timestamp, body, given)
        return read_event(parse_object(body))
    signed = read_event(_verified_claims(given))
    # The body is not signed, but repeats what is. A changed body is refused rather than ignored, so
    # that whoever changed it does not believe that it worked.
    if read_event(parse_object(body)).contradicts(signed):
        raise _forged("its body is not what was signed")
    return signed


def _timestamp(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _forged("it has no time")
    if abs(time.time() - int(text)) > TOLERANCE:
        raise _forged("it is too old, or this machine's clock is wrong")
    return int(text)


def _check_secret(message_id: str, timestamp: int, body: bytes, given: str) -> None:
    if not settings.VIDEO_RECEIVE_WEBHOOK_SECRET:
        raise _forged("there is no VIDEO_RECEIVE_WEBHOOK_SECRET to verify it with")
    try:
        keys = keys_of(settings.VIDEO_RECEIVE_WEBHOOK_SECRET)
    except ValueError:
        raise EventError(
            "VIDEO_RECEIVE_WEBHOOK_SECRET is not valid; manage.py check says why.", code="no_keys"
        ) from None
    if not message_id or not is_signed(keys, message_id, timestamp, body, given):
        raise _forged("its signature was not made with VIDEO_RECEIVE_WEBHOOK_SECRET")


def _verified_claims(token: str) -> dict[str, Any]:
    # The import is slow, and most processes verify nothing.
    import jwt

    if not settings.VIDEO_SUBMIT_WEBHOOK_URI:
        raise _forged("there is no VIDEO_SUBMIT_WEBHOOK_URI that it could have come to")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise _forged("its signature is not a JWT") from error
    # "crit" names extensions that the reader of a token must know; we know none.
    if header.get("alg") != "RS256" or "kid" not in header or "crit" in header:
        raise _forged("its signature is not RS256 with the id of a key")
    key = find_key(header["kid"])
    if key is None:
        raise _forged("its signature was not made with a key of the API")
    try:
        # The API does not promise an audience; _check_address checks one if it is there.
        claims = jwt.decode(
            token, key, algorithms=["RS256"], leeway=TOLERANCE, options={"verify_aud": False}
        )
    except jwt.InvalidSignatureError as error:
        raise _forged("its signature was not made with a key of the API") from error
    except jwt.InvalidTokenError as error:
        raise _forged(f"its claims do not hold ({type(error).__name__})") from error
    _check_times(claims)
    _check_address(claims)
    if "type" not in claims:
        raise _forged("its signature does not cover the event")
    return claims


def _check_times(claims: Mapping[str, Any]) -> None:
    moments = {name: claims[name] for name in ("iat", "nbf", "exp") if name in claims}
    if not moments.keys() & {"iat", "exp"}:
        raise _forged("its signature has no time")
    if not all(type(each) in (int, float) and abs(each) < 1e12 for each in moments.values()):
        raise _forged("its signature's times are not numbers")
    if time.time() - moments.get("iat", time.time()) > TOLERANCE:
        raise _forged("its signature is too old, or this machine's clock is wrong")


def _check_address(claims: Mapping[str, Any]) -> None:
    # The log shows these values. If one of our guesses about the API is wrong, it shows which.
    if "iss" in claims and claims["iss"] not in (ISSUER, settings.VIDEO_API_BASE_URL):
        raise _forged(f"its signature is by another: {clean(claims['iss'])[:200]}")
    told = claims.get("aud", settings.VIDEO_SUBMIT_WEBHOOK_URI)
    if settings.VIDEO_SUBMIT_WEBHOOK_URI not in (told if isinstance(told, list) else [told]):
        raise _forged(f"its signature is for another address: {clean(told)[:200]}")


def _forged(why: str) -> EventError:
    return EventError(f"An event was refused: {why}.", code="not_genuine")


PATH = "/.well-known/jwks.json"
# How long the keys are kept, and the pause between two fetches, in seconds.
LIFETIME = 3600.0
PAUSE = 60.0
# A few keys have some kilobytes.
MAX_BYTES = 64 * 1024
MAX_SECONDS = 5.0
MOST_KEYS = 50
KEY_BITS = range(2048, 8193)


class _KeySet:
    """The keys at one address, as this process has them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keys: dict[str, PyJWK] = {}
        self.read_at: float | None = None
        self.asked_at: float | None = None

    def find(self, url: str, kid: str) -> PyJWK | None:
        # A thread that comes while another one fetches waits for its answer instead of fetching,
        # too.
        with self.lock:
            if (self._is_old() or kid not in self.keys) and self._may_ask():
                self.asked_at = time.monotonic()
                self.keys = _read_keys(url)
                self.read_at = time.monotonic()
            if self._is_old():
                raise _unavailable("asking failed a moment ago")
            return self.keys.get(kid)

    def _is_old(self) -> bool:
        return self.read_at is None or time.monotonic() - self.read_at > LIFETIME

    def _may_ask(self) -> bool:
        return self.asked_at is None or time.monotonic() - self.asked_at > PAUSE


_key_sets: dict[str, _KeySet] = {}


def find_key(kid: str) -> PyJWK | None:
    """Return the API's key with this id, or None if there is none. Asks the API for its keys, at
    most once a minute. Raises EventError (no_keys) if they cannot be fetched now."""
    # Somebody in between could put keys of their own into the answer.
    if not is_encrypted_or_local(settings.VIDEO_API_BASE_URL):
        raise _unavailable("the API's address is not https")
    url = f"{settings.VIDEO_API_BASE_URL}{PATH}"
    return _key_sets.setdefault(url, _KeySet()).find(url, kid)


def _read_keys(url: str) -> dict[str, PyJWK]:
    try:
        entries = parse_object(_fetch(url)).get("keys")
    except EventError as error:
        raise _unavailable("they are not JSON") from error
    if not isinstance(entries, list):
        raise _unavailable("there is no list of them")
    # Each entry is read alone, because PyJWKSet fails on a list without a usable key, and on an
    # `alg` that is not text.
    keys = {}
    for entry in entries[:MOST_KEYS]:
        if isinstance(entry, dict) and (key := _read_key(entry)):
            keys[entry["kid"]] = key
    return keys


def _read_key(entry: dict[str, Any]) -> PyJWK | None:
    """Return the key, or None if it is not one with which RS256 is verified."""
    from jwt import PyJWK
    from jwt.exceptions import InvalidKeyError

    is_ours = (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(entry.get("kid"), str)
    )
    if not is_ours:
        return None
    # Nothing else of the entry is passed on: if it had a private exponent, PyJWT would take it for
    # a private key and compute the factors.
    numbers = {"kty": "RSA", "n": entry.get("n"), "e": entry.get("e")}
    try:
        key = PyJWK.from_dict(numbers, "RS256")
    except InvalidKeyError:
        return None
    return key if key.key.key_size in KEY_BITS else None


def _fetch(url: str) -> bytes:
    end = time.monotonic() + MAX_SECONDS
    try:
        with (
            open_http(timeout=MAX_SECONDS, follow_redirects=False) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise _unavailable(f"the API answers {response.status_code}")
            return read_body(response, end, MAX_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(f"no answer ({type(error).__name__})") from error


def _unavailable(why: str) -> EventError:
    return EventError(
        f"The API's keys for its events cannot be fetched: {why}. It will send the event again.",
        code="no_keys",
    )
