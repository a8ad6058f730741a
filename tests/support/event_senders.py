"""The API's side of an event, as its own people would write it: shares nothing with the code that
reads it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ADDRESS = "https://videogen.example/events/video/"
ISSUER = "https://generativelanguage.googleapis.com"


def encoded(content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def video_event(name="", *, token=None, **data):
    """As the documentation's table has it; user_metadata where a token is given."""
    event = {
        "type": "video.generated",
        "version": "v1",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {"id": name, **data},
    }
    return event | ({"user_metadata": {"submission_token": str(token)}} if token else {})


def claims_of(event, **changes):
    """None takes a claim away."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": ADDRESS, "iat": now, "exp": now + 300, **event, **changes}
    return {name: value for name, value in claims.items() if value is not None}


class Sender:
    """One key with its id."""

    def __init__(self, kid="key-1", bits=2048):
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    @property
    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "n": number(numbers.n), "e": number(numbers.e)}

    def token(self, claims, **header):
        text = ".".join(
            encoded(each) for each in ({"alg": "RS256", "kid": self.kid, **header}, claims)
        )
        return f"{text}.{encoded(self.key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def headers_of(signature, *, ago=0, message_id="msg_1"):
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(time.time()) - ago),
        "webhook-signature": signature,
    }


def static_headers(secret, body, *, ago=0, message_id="msg_1"):
    timestamp = int(time.time()) - ago
    content = f"{message_id}.{timestamp}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{digest}",
    }
