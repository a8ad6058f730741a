"""Which addresses lead to this machine, and addresses that have a password in them."""

from __future__ import annotations

import re

# What the host of an address or of a mail server is called if it is this machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# User and password of an address.
USER_AND_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")


def without_passwords(text: str) -> str:
    """Return the text with the passwords of all addresses in it replaced."""
    return USER_AND_PASSWORD.sub(r"\1:[secret]@", text)
