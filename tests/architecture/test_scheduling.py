from __future__ import annotations

from tests.support.installations import ROOT
from tests.support.scheduling import TOGETHER, Scheduling


def test_what_goes_together_is_there():
    """A place that was moved would group nothing, and nobody would notice but the clock."""
    assert [place for place in TOGETHER if not (ROOT / place).exists()] == []


def test_a_group_is_one_and_other_tests_are_each_their_own():
    ids = ["tests/browser/test_flows.py::test_a", "tests/browser/test_live.py::test_b"]
    ids += ["tests/videogen/test_money.py::test_c[1]", "tests/videogen/test_money.py::test_c[2]"]

    scopes = [Scheduling._split_scope(None, each) for each in ids]

    assert scopes == ["tests/browser/", "tests/browser/", *ids[2:]]
