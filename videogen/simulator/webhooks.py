"""Sends events to the addresses of a submission's webhookConfig when its video is made.

https://ai.google.dev/gemini-api/docs/webhooks (page of 2026-05-19) documents a POST of a small
event, `video.generated` with id, output_file_uri and file_name, with the headers of Standard
Webhooks (webhook-id, webhook-timestamp). For addresses that came with a request, Webhook-Signature
is a JWT (RS256) that holds the event; its key is found by `kid` at /.well-known/jwks.json. An event
that is not answered with 2xx is sent again. The page has no event for an operation that ends
without a video, so none is sent here.

It is not documented, and so guessed, that `user_metadata` stands beside `data`, and that the JWT's
audience is the address.

A webhook that is registered for the whole project (here one, by the options) gets the events of
submissions without an address of their own. They are signed with its secret: "v1," and the HMAC of
id, time and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from videogen.simulator.faults import FaultSpec
from videogen.simulator.journal import Journal
from videogen.simulator.operations import Operation, metadata, rfc3339

logger = logging.getLogger(__name__)

ISSUER = "https://generativelanguage.googleapis.com"
LIFETIME = 300
# The service tries for a day; tests and people do not wait so long.
WAITS = (0.0, 0.2, 0.4, 0.8)
TIMEOUT = 5.0


class Signer:
    """Signs with one RSA key, which is made when it is first needed."""

    def __init__(self) -> None:
        self.kid = secrets.token_hex(8)
        self._lock = threading.Lock()

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a JWT (RS256)."""
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.hashes import SHA256

        header = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        return f"{text}.{_encoded(signature)}"

    def key_set(self) -> dict[str, Any]:
        """Return the JWKS with the public key."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid}
        for name, number in (("n", numbers.n), ("e", numbers.e)):
            key[name] = _encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        return {"keys": [key]}

    @property
    def _key(self) -> Any:
        with self._lock:
            return self._made_key

    @cached_property
    def _made_key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Registered:
    """The project's own webhook. Raises ValueError if `secret` is not whsec_ and base64."""

    uri: str
    secret: str

    def __post_init__(self) -> None:
        self._key  # noqa: B018  (raises if it is not valid)

    @property
    def _key(self) -> bytes:
        return base64.b64decode(self.secret.removeprefix("whsec_"), validate=True)

    def headers(self, body: bytes, is_forged: bool) -> dict[str, str]:
        message_id, now = _message_id(), int(time.time())
        key = secrets.token_bytes(32) if is_forged else self._key
        signed = f"{message_id}.{now}.".encode() + body
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        return _headers(f"v1,{base64.b64encode(digest).decode()}", message_id, now)


class Messenger:
    """Sends events. The journal counts those that were accepted (`webhooks`) and the others."""

    def __init__(
        self, signer: Signer, journal: Journal, wait: Callable[[float], bool], url: str
    ) -> None:
        """Prepare to send events.

        `wait` sleeps for a number of seconds and returns whether the simulator is stopping. `url`
        is the base of the links in the events.
        """
        self._signer = signer
        self._journal = journal
        self._wait = wait
        self._url = url

    def tell(
        self, operation: Operation, spec: FaultSpec | None, registered: Registered | None = None
    ) -> None:
        """Send the event to the operation's addresses, or else to the registered one."""
        effect = spec.definition.effect if spec else ""
        if effect == "lost":
            return
        if spec and effect == "slow" and self._wait(float(spec.params.get("seconds", 5))):
            return
        event = event_of(operation, self._url)
        body = json.dumps(event, ensure_ascii=False).encode()
        is_forged = effect == "forged"
        own = [
            (uri, _headers(self._token(event, uri, is_forged=is_forged)))
            for uri in addresses(operation)
        ]
        static = [(registered.uri, registered.headers(body, is_forged))] if registered else []
        for uri, headers in own or static:
            for _ in range(2 if effect == "twice" else 1):
                self._deliver(operation, uri, body, headers)

    def _token(self, event: dict[str, Any], uri: str, *, is_forged: bool) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": uri, "iat": now, "exp": now + LIFETIME, **event}
        signer = self._signer
        if is_forged:
            signer = Signer()
            signer.kid = self._signer.kid
        return signer.sign(claims)

    def _deliver(
        self, operation: Operation, uri: str, body: bytes, headers: dict[str, str]
    ) -> None:
        for seconds in WAITS:
            if self._wait(seconds):
                return
            try:
                answer = httpx.post(
                    uri, content=body, headers=headers, timeout=TIMEOUT, trust_env=False
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                logger.debug("No webhook at %s: %s", uri, error)
            else:
                if answer.is_success:
                    self._journal.count(operation.name, "webhooks")
                    return
            self._journal.count(operation.name, "webhooks_refused")


def event_of(operation: Operation, base_url: str) -> dict[str, Any]:
    """Return the event `video.generated`, or `interaction.completed`, whose data is a guess."""
    data = {"id": operation.name}
    if not operation.delivery:
        file_id = operation.file_ids[0]
        data["output_file_uri"] = f"{base_url}/v1beta/files/{file_id}:download?alt=media"
        data["file_name"] = f"files/{file_id}"
    return {
        "type": "interaction.completed" if operation.delivery else "video.generated",
        "version": "v1",
        "timestamp": rfc3339(time.time()),
        "data": data,
        "user_metadata": _config(operation).get("userMetadata", {}),
    }


def addresses(operation: Operation) -> list[str]:
    """Return the addresses that came with the operation's submission."""
    return _config(operation).get("uris", [])


def _config(operation: Operation) -> dict[str, Any]:
    return metadata(operation).get("webhookConfig", {})


def _headers(signature: str, message_id: str = "", timestamp: int = 0) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id or _message_id(),
        "webhook-timestamp": str(timestamp or int(time.time())),
        "webhook-signature": signature,
    }


def _message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
