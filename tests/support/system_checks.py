"""The project's own system checks."""

from __future__ import annotations

from django.core.checks import run_checks


def found():
    return {message.id: message for message in run_checks() if message.id.startswith("videogen.")}
