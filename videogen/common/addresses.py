"""Which addresses lead to this machine, and addresses that have a password in them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# What the host of an address or of a mail server is called if it is this machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# User and password of an address.
USER_AND_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")


def is_encrypted_or_local(url: str) -> bool:
    """Whether nobody between us and the address can read or change what is sent."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def without_passwords(text: str) -> str:
    """Return the text with the passwords of all addresses in it replaced."""
    return USER_AND_PASSWORD.sub(r"\1:[secret]@", text)
