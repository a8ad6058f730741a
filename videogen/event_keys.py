"""The public keys that the API signs its events with: a key's id → the key.

They stand at /.well-known/jwks.json of the API's own host, are asked for there only, over TLS (but
for this machine), without our key, and are kept for an hour. An unknown id has them asked for once
more, at most once a minute: whoever makes ids up cannot make us ask.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from .answer_limits import read_body
from .envelopes import parse_object
from .errors import EventError

if TYPE_CHECKING:
    from jwt import PyJWK

PATH = "/.well-known/jwks.json"
LIFETIME = 3600.0
PAUSE = 60.0
# A few keys are some kilobytes.
MAX_BYTES = 64 * 1024
MAX_SECONDS = 5.0
MOST_KEYS = 50
KEY_BITS = range(2048, 8193)


class _KeySet:
    """Of one address, in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keys: dict[str, PyJWK] = {}
        self.read_at: float | None = None
        self.asked_at: float | None = None

    def find(self, url: str, kid: str) -> PyJWK | None:
        # Whoever comes while another asks waits for the answer, instead of asking as well.
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
    """None where the API has no such key. EventError (no_keys) where its keys cannot be had now;
    asks the API, at most once a minute."""
    if not is_safe_base():
        raise _unavailable("the API's address is not https")
    url = f"{settings.VIDEO_API_BASE_URL}{PATH}"
    return _key_sets.setdefault(url, _KeySet()).find(url, kid)


def is_safe_base() -> bool:
    """Whether nobody on the way can put keys of their own into the answer."""
    parts = urlsplit(settings.VIDEO_API_BASE_URL)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _read_keys(url: str) -> dict[str, PyJWK]:
    try:
        entries = parse_object(_fetch(url)).get("keys")
    except EventError as error:
        raise _unavailable("they are not JSON") from error
    if not isinstance(entries, list):
        raise _unavailable("there is no list of them")
    # One by one: PyJWKSet does not stand a list without a usable key, nor an `alg` that is no text.
    keys = {}
    for entry in entries[:MOST_KEYS]:
        if isinstance(entry, dict) and (key := _read_key(entry)):
            keys[entry["kid"]] = key
    return keys


def _read_key(entry: dict[str, Any]) -> PyJWK | None:
    """None where it is not a key that RS256 is verified with."""
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
    # Nothing else of the entry is handed on: with a private exponent in it, PyJWT would take it
    # for a private key and compute the factors.
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
            httpx.Client(timeout=MAX_SECONDS, follow_redirects=False) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise _unavailable(f"the API answers {response.status_code}")
            return read_body(response, end, MAX_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(f"no answer ({type(error).__name__})") from error


def _unavailable(why: str) -> EventError:
    return EventError(
        f"The API's keys for its events cannot be had: {why}. It will send the event again.",
        code="no_keys",
    )
