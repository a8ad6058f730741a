from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.factories import make_lane
from videogen.common.moments import is_over, over
from videogen.models import Lane

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LONGEST = timedelta(minutes=5)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "is_so"),
    [(-1, True), (0, True), (1, False), (300, False), (301, True), (3600, True)],
    ids=["past", "now", "soon", "the longest wait", "longer than any", "the clock was set back"],
)
def test_a_moment_further_ahead_than_any_wait_is_over(seconds, is_so):
    moment = NOW + timedelta(seconds=seconds)
    make_lane(not_before=moment)

    assert is_over(moment, NOW, longest=LONGEST) is is_so
    assert Lane.objects.filter(over("not_before", NOW, longest=LONGEST)).exists() is is_so


def test_nobody_waits_for_no_moment():
    assert is_over(None, NOW, longest=LONGEST)
