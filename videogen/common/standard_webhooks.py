"""The signature of Standard Webhooks 1.0 (https://www.standardwebhooks.com). Whoever knows the
secret can tell who sent a message, and when.

The library standardwebhooks (1.1.0) does not fit. It decodes the body as text before it looks at
the signature, and raises UnicodeDecodeError. One unreadable signature hides a genuine one after it
(ValueError). It accepts a secret of any length, base64 or not, and knows only one secret at a time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
# The sizes that the standard allows for a key, in bytes.
SHORTEST_KEY, LONGEST_KEY = 24, 64


def keys_of(secret: str) -> list[bytes]:
    """Return the keys of a setting, which are separated by spaces. There are several while a new
    one replaces an old one. Raises ValueError if one of them is not a valid key."""
    keys = []
    for each in secret.split():
        key = base64.b64decode(each.removeprefix(PREFIX), validate=True)
        if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
            raise ValueError(f"A key may not have {len(key)} bytes.")
        keys.append(key)
    return keys


def is_secret(text: str) -> bool:
    """Whether the setting has at least one key, and only valid ones."""
    try:
        return bool(keys_of(text))
    except ValueError:
        return False


def signature(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header: one signature for each key, separated by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def is_signed(
    keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes, given: str
) -> bool:
    """Whether one of the signatures in the header `given` was made with one of the keys."""
    wanted = signature(keys, message_id, timestamp, body).encode().split()
    found = given.encode().split()
    return any(hmac.compare_digest(each, other) for each in found for other in wanted)
