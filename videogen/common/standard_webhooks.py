"""The signature of Standard Webhooks 1.0 (https://www.standardwebhooks.com): whoever knows the
secret can tell from whom a message is, and when it was sent.

The library standardwebhooks (1.1.0) does not fit. It decodes the body as text before it looks at
the signature and raises UnicodeDecodeError, it lets one unreadable signature hide a genuine one
behind it (ValueError), it takes a secret of any length, base64 or not, and it knows one secret at a
time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
# What the standard asks of a secret, in bytes.
SHORTEST_KEY, LONGEST_KEY = 24, 64


def keys_of(secret: str) -> list[bytes]:
    """The keys of a setting. There may be several while one takes the place of another. ValueError
    where one is none."""
    keys = []
    for each in secret.split():
        key = base64.b64decode(each.removeprefix(PREFIX), validate=True)
        if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
            raise ValueError(f"A key of {len(key)} bytes.")
        keys.append(key)
    return keys


def is_secret(text: str) -> bool:
    try:
        return bool(keys_of(text))
    except ValueError:
        return False


def signature(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header's value: one signature for each key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def is_signed(
    keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes, given: str
) -> bool:
    """Whether one of the signatures in the header `given` is of one of the keys."""
    wanted = signature(keys, message_id, timestamp, body).encode().split()
    found = given.encode().split()
    return any(hmac.compare_digest(each, other) for each in found for other in wanted)
