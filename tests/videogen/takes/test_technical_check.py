"""Planted defects are found, and clips as they should be raise no alarm. The large set is measured
by `python -m tests.bench checks`; this is a smaller one."""

from __future__ import annotations

import pytest

from tests.support.check_figures import false_alarms, recall_of
from videogen.models import FindingKind

pytestmark = pytest.mark.slow

COUNT = 5


@pytest.mark.parametrize("kind", FindingKind)
def test_planted_defects_are_found(kind, tmp_path):
    assert recall_of(tmp_path, kind, COUNT) == (COUNT, [])


def test_clean_clips_raise_no_alarm(tmp_path):
    assert false_alarms(tmp_path, 3 * COUNT) == []
