"""Headers and body of a request → the Event, if it is genuine: what counts is what the signature
covers.

An event comes from a webhook that was registered for the whole project (signed by its secret, as
Standard Webhooks says) or to the address that went with a submission (webhook-signature is a JWT
that holds the event, RS256). As https://ai.google.dev/gemini-api/docs/webhooks has it, but for the
JWT's claims, of which it only shows an audience: `iss`, `aud`, `iat`, `nbf` and `exp` are checked
where they are told, and one of `iat` and `exp` has to be.

PyJWT reads and verifies the JWT, for one algorithm: nothing that a sender writes chooses how it is
verified. What PyJWT leaves open is checked here: times that are no numbers or without bounds, a
token that is too old, and an issuer or address where there is one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from .envelopes import Event, parse_object, read_event
from .errors import EventError
from .event_keys import find_key
from .standard_webhooks import is_signed, keys_of
from .words import clean

# How old an event may be, and how far its clock may be from ours. Seconds.
TOLERANCE = 300
MAX_SIGNATURE = 16 * 1024
ISSUER = "https://generativelanguage.googleapis.com"


def is_listening() -> bool:
    """Whether there is anything that an event could be verified by."""
    return bool(settings.VIDEO_SUBMIT_WEBHOOK_URI or settings.VIDEO_RECEIVE_WEBHOOK_SECRET)


def genuine_event(headers: Mapping[str, str], body: bytes) -> Event:
    """EventError: not_genuine, bad_event (genuine, but not readable), or no_keys."""
    given = headers.get("webhook-signature", "")
    if not given or len(given) > MAX_SIGNATURE or not given.isascii():
        raise _forged("it has no signature")
    timestamp = _timestamp(headers.get("webhook-timestamp", ""))
    # A JWT has no comma, and "v1,…" is no JWT.
    if "," in given:
        _check_secret(headers.get("webhook-id", ""), timestamp, body, given)
        return read_event(parse_object(body))
    signed = read_event(_verified_claims(given))
    # The body is not signed but said twice: who changed it shall not think that it worked.
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
        raise _forged("there is no VIDEO_RECEIVE_WEBHOOK_SECRET to verify it by")
    try:
        keys = keys_of(settings.VIDEO_RECEIVE_WEBHOOK_SECRET)
    except ValueError:
        raise EventError(
            "VIDEO_RECEIVE_WEBHOOK_SECRET is no secret; manage.py check says how.", code="no_keys"
        ) from None
    if not message_id or not is_signed(keys, message_id, timestamp, body, given):
        raise _forged("its signature is not of VIDEO_RECEIVE_WEBHOOK_SECRET")


def _verified_claims(token: str) -> dict[str, Any]:
    # Takes long to import, and most processes verify nothing.
    import jwt

    if not settings.VIDEO_SUBMIT_WEBHOOK_URI:
        raise _forged("there is no VIDEO_SUBMIT_WEBHOOK_URI that it could have come to")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise _forged("its signature is no JWT") from error
    # "crit" names extensions without which a token must not be taken; there are none here.
    if header.get("alg") != "RS256" or "kid" not in header or "crit" in header:
        raise _forged("its signature is not RS256 with a key's id")
    key = find_key(header["kid"])
    if key is None:
        raise _forged("its signature is not of a key of the API")
    try:
        # An address is not promised: _check_address.
        claims = jwt.decode(
            token, key, algorithms=["RS256"], leeway=TOLERANCE, options={"verify_aud": False}
        )
    except jwt.InvalidSignatureError as error:
        raise _forged("its signature is not of a key of the API") from error
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
        raise _forged("its signature's times are no numbers")
    if time.time() - moments.get("iat", time.time()) > TOLERANCE:
        raise _forged("its signature is too old, or this machine's clock is wrong")


def _check_address(claims: Mapping[str, Any]) -> None:
    # These are said in the log: if what we guess of the service is wrong, that tells how.
    if "iss" in claims and claims["iss"] not in (ISSUER, settings.VIDEO_API_BASE_URL):
        raise _forged(f"its signature is by another: {clean(claims['iss'])[:200]}")
    told = claims.get("aud", settings.VIDEO_SUBMIT_WEBHOOK_URI)
    if settings.VIDEO_SUBMIT_WEBHOOK_URI not in (told if isinstance(told, list) else [told]):
        raise _forged(f"its signature is for another address: {clean(told)[:200]}")


def _forged(why: str) -> EventError:
    return EventError(f"An event was refused: {why}.", code="not_genuine")
