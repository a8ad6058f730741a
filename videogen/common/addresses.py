"""Which addresses lead to this machine."""

from __future__ import annotations

# What the host of an address or of a mail server is called if it is this machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
