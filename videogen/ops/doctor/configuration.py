"""What `manage.py check` says, and what it does not: a page of errors that tells strangers all."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, WARNING, run_checks

from . import provider
from .check import Look
from .findings import Finding, Topic

CONFIGURATION = Topic("configuration", "Configuration")
DEBUG = Topic("debug", "Debug mode")


def check_configuration(look: Look) -> Iterator[Finding]:
    told = [each for each in run_checks() if each.level >= WARNING and not each.is_silenced()]
    for each in told:
        sentence = f"{each.msg} ({each.id})" if each.id else str(each.msg)
        advice = str(each.hint or "manage.py check tells more.")
        yield (CONFIGURATION.fail if each.level >= ERROR else CONFIGURATION.warn)(sentence, advice)
    if not told:
        yield CONFIGURATION.ok("The settings agree with each other.")


def check_debug(look: Look) -> Iterator[Finding]:
    if settings.DEBUG and not provider.is_simulated():
        yield DEBUG.warn(
            "DJANGO_DEBUG is on where money is spent: pages about errors show settings and code to "
            "whoever sees them.",
            "Unset DJANGO_DEBUG, and see manage.py check --deploy.",
        )
    else:
        yield DEBUG.ok("On, with the simulator." if settings.DEBUG else "Off.")
