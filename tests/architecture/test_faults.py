"""The list of faults stays true: every fault can still be put into the product."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.fault import all_faults

FAULTS = all_faults()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_a_fault_can_be_put_in(fault):
    assert fault.problem() == ""
    assert fault.old != fault.new


def test_every_fault_has_a_name_of_its_own():
    assert [
        name for name, count in Counter(each.name for each in FAULTS).items() if count > 1
    ] == []
