"""Django's system checks, and the debug mode, which they do not look at."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, WARNING, run_checks

from videogen.models.routes import is_simulating

from .check import Examination
from .findings import Finding, Topic

CONFIGURATION = Topic("configuration", "Configuration")
DEBUG = Topic("debug", "Debug mode")


def check_configuration(exam: Examination) -> Iterator[Finding]:
    told = [each for each in run_checks() if each.level >= WARNING and not each.is_silenced()]
    for each in told:
        sentence = f"{each.msg} ({each.id})" if each.id else str(each.msg)
        advice = str(each.hint or "manage.py check tells more.")
        yield (CONFIGURATION.fail if each.level >= ERROR else CONFIGURATION.warn)(sentence, advice)
    if not told:
        yield CONFIGURATION.ok("The settings agree with each other.")


def check_debug(exam: Examination) -> Iterator[Finding]:
    if settings.DEBUG and not is_simulating():
        yield DEBUG.warn(
            "DJANGO_DEBUG is on where money is spent: error pages show settings and code to "
            "whoever sees them.",
            "Unset DJANGO_DEBUG, and see manage.py check --deploy.",
        )
    else:
        yield DEBUG.ok("On, with the simulator." if settings.DEBUG else "Off.")
