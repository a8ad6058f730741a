from __future__ import annotations

import pytest

from tests.support.installations import Installation


@pytest.mark.slow
def test_the_demo_and_its_children_leave_nothing_open(tmp_path):
    """Development mode tells of each file, connection and process that is dropped while open."""
    place = Installation(tmp_path, DJANGO_DEBUG="1", PYTHONDEVMODE="1", PYTHONMALLOC="pymalloc")
    place.manage("migrate", "--verbosity=0")

    done = place.manage("demo", "--clips=quick", "--latency=0.1")

    assert "16 shots: 16 generated" in done.stdout
    assert "ResourceWarning" not in done.stderr
