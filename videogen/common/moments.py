"""Moments that somebody waits for.

Nobody is made to wait for longer than a certain time. A moment that is further ahead was written
before the clock was set back, or by a host whose clock is wrong, and nobody waits for it: it is
over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

# The clocks of two hosts may differ by this. What happened later than so much from now happened
# before the clock was set back.
CLOCKS_DIFFER = timedelta(minutes=1)


def is_over(moment: datetime | None, now: datetime, *, longest: timedelta) -> bool:
    """Whether nobody has to wait for the moment. longest: the longest wait that is ever written."""
    return moment is None or not now < moment <= now + longest


def over(column: str, now: datetime, *, longest: timedelta) -> Q:
    """Return the condition that nobody has to wait for the moment in the column. It does not hold
    where the column is empty."""
    return Q(**{f"{column}__lte": now}) | Q(**{f"{column}__gt": now + longest})
