"""Tells whether two hosts have the same secret key, without showing it."""

from __future__ import annotations

from django.utils.crypto import salted_hmac


def fingerprint() -> str:
    """Return 16 characters that follow from the secret key, and from which it cannot be found."""
    return salted_hmac("videogen.fingerprint", "secret key", algorithm="sha256").hexdigest()[:16]
